/** What a guest says of itself, as the port's events: that it is up, once and with the time it took, that it beats, that all of it has come. */
import type { InstanceEvent } from "../../ports/hypervisor.ts";
import { noteBoot, sinceStartMs } from "./run-times.ts";
import type { RunningInstance } from "./running-instance.ts";

/** `found`: it was started by an earlier process of the node. */
export function tellSign(
  running: RunningInstance,
  sign: "booted" | "heartbeat" | "arrived",
  { found, emit }: { readonly found: boolean; readonly emit: (event: InstanceEvent) => void },
): void {
  const { instance, startedAt } = running.record;
  if (sign === "arrived") return emit({ type: "arrived", instance });
  // A guest that was found and beats has booted, though the word itself went to nobody.
  if (!running.booted) {
    running.booted = true;
    if (!found) {
      const bootMs = sinceStartMs(startedAt);
      noteBoot(running.folder, bootMs);
      emit({ type: "booted", instance, bootMs });
    }
  }
  if (sign === "heartbeat") emit({ type: "heartbeat", instance });
}
