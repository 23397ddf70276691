/** Waits until a migration has ended, and says on the way how far it is. */
import type { LastMigration, Vm } from "../actors/index.ts";
import type { ApiClient } from "../api/client.ts";
import { CliError } from "./cli-error.ts";
import { EXIT } from "./exit-codes.ts";
import { formatBytes } from "./output/size.ts";
import { waitFor, type WaitOptions } from "./wait-for-vm.ts";

/** How long the two nodes' word of the blackout is waited for once the VM has moved; they say it 300 ms later. */
const BLACKOUT_MS = 2000;

export interface MoveWait extends WaitOptions {
  /** Of the migration. */
  readonly id: string;
}

/** What came of it. @throws CliError when the VM stays where it was. */
export async function waitUntilMoved(client: ApiClient, name: string, options: MoveWait): Promise<LastMigration> {
  let movedAtMs: number | undefined;
  const vm = await waitFor(client, name, options, {
    goal: "moved",
    describe: progressOf,
    reached: (found) => {
      const last = endOf(found, name, options.id);
      if (last === undefined) return false;
      movedAtMs ??= performance.now();
      if (last.cold === true) return isStarted(found, last);
      const isTold = last.lastPagesMs !== undefined && last.takeOverMs !== undefined;
      return isTold || performance.now() - movedAtMs >= BLACKOUT_MS;
    },
  });
  const last = vm?.status.lastMigration;
  if (last === undefined) throw new Error("a VM that has not moved was taken to have");
  return last;
}

/** Undefined while it goes on. */
function endOf(vm: Vm | undefined, name: string, id: string): LastMigration | undefined {
  if (vm === undefined) throw new CliError(EXIT.notFound, `VM "${name}" does not exist any more.`);
  const { migration, lastMigration } = vm.status;
  if (migration?.id === id) return undefined;
  if (lastMigration?.id === id && lastMigration.outcome === "moved") return lastMigration;
  const why = lastMigration?.id === id ? lastMigration.message : "it ended, and the VM has gone another way since";
  const where = vm.status.instance === null ? "" : `, and runs on ${vm.status.instance.node}`;
  throw new CliError(EXIT.failed, `VM "${name}" did not move${where}: ${why}.`, {
    hint: `What happened to it: blixard vm describe ${name}`,
  });
}

/** By stop and start: it has moved once it runs there, or went another way since. */
function isStarted(vm: Vm | undefined, { to }: LastMigration): boolean {
  const { instance, phase } = vm?.status ?? {};
  return phase === "Running" || instance?.node !== to;
}

function progressOf({ status: { migration, message, phase: now, lastMigration } }: Vm): string {
  if (migration === undefined)
    return lastMigration?.cold === true ? `${now} on ${lastMigration.to} ${message}` : message;
  const { progress, phase, node } = migration;
  if (phase === "stopping") return "its guest is being stopped";
  if (progress === undefined) return phase === "preparing" ? `${node} makes ready` : `copying to ${node}`;
  const { remainingBytes, totalBytes, rounds } = progress;
  return `copying: ${formatBytes(remainingBytes)} of ${formatBytes(totalBytes)} left, round ${rounds}`;
}
