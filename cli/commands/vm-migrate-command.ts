/** `blixard vm migrate`: a VM to another node, memory and all while it runs, or by stop and start. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { MIGRATION_DEFAULTS } from "../../actors/resources/move-defaults.ts";
import type { ApiClient, MigrationInput, MigrationPlan } from "../../api/index.ts";
import type { CliContext } from "../cli-context.ts";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { formatSeconds } from "../output/duration.ts";
import { renderTable, type Column } from "../output/table.ts";
import { Progress } from "../progress.ts";
import { waitUntilMoved } from "../wait-for-move.ts";
import { connect } from "./get-command.ts";
import { toVmName } from "./vm-argument.ts";
import { durationOption, lengthOption } from "./wait-options.ts";

const EXAMPLES = `
Examples:
  blixard vm migrate web --to n2 --dry-run
  blixard vm migrate web --to n2 --bandwidth 50MiB --downtime 100ms
  blixard vm migrate web --to n2 --cold
  blixard vm migrate web --cancel

Live, which is the default, the guest goes on running while its memory is copied, and stands still for the last of it. Whatever fails before the
other node has all of it, it stays where it is. With --cold the guest is stopped, gracefully and then by force, and another one is started on the
other node, where room is held for it meanwhile; what was in its memory is gone. One is never done in place of the other by itself. A VM that may
not move is refused before anything moves.`;

/** Beyond the migration's own limit: the map has to hear of its end. */
const SLACK_MS = 30_000;

interface MigrateFlags {
  readonly to?: string;
  readonly live?: boolean;
  readonly cold?: boolean;
  readonly cancel?: boolean;
  readonly dryRun?: boolean;
  readonly wait: boolean;
  readonly bandwidth?: number;
  readonly downtime: number;
  readonly timeout: number;
  readonly autoConverge: boolean;
  readonly server?: string;
}

export function addVmMigrateCommand(vm: Command, context: CliContext): void {
  const command = vm
    .command("migrate")
    .description("move a VM to another node, live or by stop and start, and wait until it is there")
    .argument("<vm>", "name of a VM")
    .option("--to <node>", "where to")
    .option("--live", "while it runs, memory and all (the default)")
    .option("--cold", "by stop and start: what was in its memory is gone")
    .option("--dry-run", "say whether it could, what it would take and all that is in its way; nothing moves")
    .option(
      "--cancel",
      "end the migration that goes on: the VM stays where it is, or starts anew if it is being stopped",
    )
    .addOption(new Option("--bandwidth <size>", "most a second, as 50MiB (default: a gigabit)").argParser(toBytes))
    .addOption(downtimeOption())
    .addOption(
      lengthOption("--timeout <duration>", "give the migration up after this long", {
        defaultMs: MIGRATION_DEFAULTS.timeoutMs,
      }),
    )
    .option("--no-auto-converge", "do not slow a guest down that writes faster than can be sent")
    .option("--no-wait", "return once the cluster has taken it on")
    .addHelpText("after", EXAMPLES);
  command.action(async (word: string) => {
    const name = toVmName(word);
    const flags = command.optsWithGlobals<MigrateFlags>();
    const client = connect(context, flags);
    const { out } = context.terminal;
    if (flags.cancel === true) {
      const { status } = await client.vms.cancelMigration(name);
      const { instance } = status;
      const isStopping = instance?.stopping === true;
      out.write(
        `vm/${name} ${isStopping ? "starts anew wherever there is room" : `stays on ${instance?.node ?? "its node"}`}\n`,
      );
      return;
    }
    if (flags.to === undefined) throw usageError(`Cannot migrate VM "${name}": say where to, as --to n2.`);
    if (flags.live === true && flags.cold === true) {
      throw usageError(`Cannot migrate VM "${name}" both --live and --cold: choose one.`);
    }
    const migration = migrationOf(flags, flags.to);
    if (flags.dryRun === true) showPlan(context, await client.vms.planMigration(name, migration));
    else await move(context, client, { name, migration, wait: flags.wait });
  });
}

/** Shorter than what lengths are otherwise shown in. */
function downtimeOption(): Option {
  const description = "how long it may stand still for its last pages";
  const { downtimeMs } = MIGRATION_DEFAULTS;
  return durationOption("--downtime <duration>", description).default(downtimeMs, `${downtimeMs}ms`);
}

function migrationOf(flags: MigrateFlags, to: string): MigrationInput {
  const { bandwidth, downtime: downtimeMs, timeout: timeoutMs, autoConverge } = flags;
  const how = flags.cold === true ? "cold" : "live";
  return { to, how, downtimeMs, timeoutMs, autoConverge, ...(bandwidth && { bandwidthBytesPerSecond: bandwidth }) };
}

const CHECK_COLUMNS: readonly Column<MigrationPlan["checks"][number]>[] = [
  { heading: "CHECK", cell: ({ what }) => what },
  { heading: "FITS", cell: ({ why }) => (why === "" ? "yes" : "no") },
  { heading: "FOUND", cell: ({ why, found }) => (why === "" ? found : why) },
];

/** @throws CliError when it could not. */
function showPlan({ terminal: { out } }: CliContext, plan: MigrationPlan): void {
  const { ok, vm, how, from, to, memoryMiB, memoryFreeMiB, firstRoundMs, checks, message, coldWould } = plan;
  out.write(renderTable(CHECK_COLUMNS, checks));
  if (!ok) {
    const hint = coldWould ? `By stop and start it could: blixard vm migrate ${vm} --to ${to} --cold` : undefined;
    throw new CliError(EXIT.failed, `${message}.`, hint === undefined ? {} : { hint });
  }
  const length = how === "cold" ? "its guest is stopped and started anew" : `at least ${formatSeconds(firstRoundMs)}`;
  const memory = `${memoryMiB} MiB of memory, ${memoryFreeMiB} MiB free there`;
  out.write(`vm/${vm} could move ${how} from ${from} to ${to}: ${memory}; ${length}. Nothing has moved.\n`);
}

interface Move {
  readonly name: string;
  readonly migration: MigrationInput;
  readonly wait: boolean;
}

async function move({ terminal }: CliContext, client: ApiClient, { name, migration, wait }: Move): Promise<void> {
  const { status } = await client.vms.migrate(name, migration);
  const { to, timeoutMs = MIGRATION_DEFAULTS.timeoutMs } = migration;
  const id = status.migration?.id;
  if (!wait || id === undefined) {
    terminal.out.write(`vm/${name} moving to ${to}\n`);
    return;
  }
  const { value } = await new Progress(terminal.err).step(`Moving vm/${name} to ${to}`, async (step) =>
    waitUntilMoved(client, name, { id, timeoutMs: timeoutMs + SLACK_MS, onProgress: (text) => step.detail(text) }),
  );
  const { from, cold, lastPagesMs, takeOverMs } = value;
  const still =
    lastPagesMs === undefined || takeOverMs === undefined ? "" : `, stood still for ${lastPagesMs + takeOverMs} ms`;
  terminal.out.write(`vm/${name} moved from ${from} to ${to}${cold === true ? " by stop and start" : still}\n`);
}

const UNITS: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1_048_576, GiB: 1_073_741_824 };

function toBytes(text: string): number {
  const [, count, unit = ""] = /^(\d{1,6})(KiB|MiB|GiB)$/.exec(text) ?? [];
  if (count !== undefined) return Number(count) * (UNITS[unit] ?? 0);
  throw new InvalidArgumentError("Expected an amount a second like 512KiB, 50MiB or 1GiB.");
}
