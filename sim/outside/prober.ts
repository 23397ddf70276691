/** The prober port: asks modelled guests whether they serve, by their ports or by a command in them. */
import { probeByExec, type GuestVerbs, type Prober, type ProbeResult } from "../../runtime/index.ts";
import type { Host } from "./host.ts";
import type { ProcessLife } from "../timeline/process-life.ts";

/** A healthy guest answers within this, in microseconds. */
const ANSWER_MAX_US = 5000;

/** `hosts` by their address, as the nodes' specs name them; `guests`: those of `local`, for commands in them. */
export function proberOf(
  hosts: ReadonlyMap<string, Host>,
  local: Host,
  life: ProcessLife,
  guests: Pick<GuestVerbs, "openStream">,
): Prober {
  return {
    probe: (target, done) => {
      if (!life.alive) return;
      if (target.kind === "exec") {
        probeByExec(guests, target, (failure) =>
          done(failure === null ? { ok: true } : { ok: false, message: failure }),
        );
        return;
      }
      const guest = hosts.get(target.address)?.guestAt(target.port);
      const isStalled = target.kind === "http" && guest !== undefined && local.disks?.isStalled(guest) === true;
      const answers = guest?.booted === true && !guest.hung && guest.stance === "runs" && !isStalled;
      const silent = guest !== undefined && !answers;
      const delayUs = silent ? target.timeoutMs * 1000 : local.random.integer(ANSWER_MAX_US);
      const result: ProbeResult = answers ? { ok: true } : { ok: false, message: silent ? "timed out" : "refused" };
      local.timeline.after(delayUs, () => life.enter(() => done(result)));
    },
  };
}
