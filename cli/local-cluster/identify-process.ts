/** Names a running process so that the name is never another's (`runtime/node/guard/process-identity.ts` compares them). */
import { readFileSync } from "node:fs";
import { bootId } from "../../runtime/node/guard/host-uptime.ts";
import type { ProcessIdentity } from "../../runtime/node/guard/process-identity.ts";

/** Field 22 of /proc/PID/stat, counted from the field behind the name, which is the third. */
const START_TIME_AT = 19;

/** undefined when there is no process of that pid. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const start = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[START_TIME_AT];
    return start === undefined ? undefined : { pid, start, boot: bootId() };
  } catch {
    return undefined;
  }
}
