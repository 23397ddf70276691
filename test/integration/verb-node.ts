/** A process that adopts an instance, asks for one verb, and waits to be killed in the middle of it. Argument: JSON of `VerbTask`. */
import type { MigrationEndpoint } from "../../runtime/index.ts";
import { nodeClock } from "../../runtime/node/index.ts";
import { type DriverChoice, openDriver } from "../contract/open-driver.ts";

export interface VerbTask {
  readonly choice: DriverChoice;
  readonly instance: string;
  /** The id of a checkpoint, or where to send the guest, slowly. */
  readonly verb: { readonly checkpoint: string } | { readonly migrateTo: MigrationEndpoint };
}

const { choice, instance, verb } = JSON.parse(process.argv[2] ?? "") as VerbTask;
const hypervisor = openDriver(choice);
hypervisor.adopt(instance, nodeClock.monotonicMs() + 120_000, (result) => {
  if (!result.ok) throw new Error(result.message);
  const done = (answer: unknown): void => void process.stdout.write(`${JSON.stringify(answer)}\n`);
  if ("checkpoint" in verb) return hypervisor.verbs.checkpoint({ instance, id: verb.checkpoint }, done);
  const limits = { bandwidthBytesPerSecond: 100_000, downtimeMs: 100, autoConverge: false, timeoutMs: 60_000 };
  const onProgress = (): void => void process.stdout.write("sending\n");
  hypervisor.verbs.migrate({ instance, to: verb.migrateTo, limits, onProgress }, done);
});
// Only SIGKILL ends it; if its parent forgot it, so does this.
setTimeout(() => process.exit(1), 60_000);
