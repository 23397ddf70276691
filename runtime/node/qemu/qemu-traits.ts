/** What a QEMU says of itself when it is started for a moment, without a machine. */
import { spawnSync } from "node:child_process";
import { SANDBOX } from "./qemu-arguments.ts";
import { numberOf, objectOf } from "./qmp-values.ts";

export interface QemuTraits {
  /** "7.2.22". */
  readonly version: string;
  /** It was built with seccomp, and this host's kernel has it. */
  readonly sandbox: boolean;
}

const LIMIT_MS = 10_000;
const COMMANDS = '{"execute":"qmp_capabilities"}{"execute":"quit"}';

/** undefined where that program is none. Takes some 50 ms, and blocks. */
export function readTraits(qemu: string): QemuTraits | undefined {
  for (const sandbox of [true, false]) {
    const args = ["-M", "none", "-nodefaults", "-no-user-config", "-display", "none", "-qmp", "stdio"];
    const limits = { input: COMMANDS, encoding: "utf8", timeout: LIMIT_MS } as const;
    const { status, stdout } = spawnSync(qemu, sandbox ? [...args, "-sandbox", SANDBOX] : args, limits);
    const version = status === 0 ? versionIn(stdout) : undefined;
    if (version !== undefined) return { version, sandbox };
  }
  return undefined;
}

/** From the greeting, the first line. */
function versionIn(said: string): string | undefined {
  try {
    const greeting: unknown = JSON.parse(said.slice(0, said.indexOf("\n")));
    const version = objectOf(objectOf(objectOf(greeting)["QMP"])["version"]);
    const { major, minor, micro } = objectOf(version["qemu"]);
    return [major, minor, micro].map(numberOf).join(".");
  } catch {
    return undefined;
  }
}
