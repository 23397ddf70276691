/** `blixard node drain|undrain|describe`: a node is emptied before maintenance, and opened again; and what there is to know of one. */
import type { Command } from "commander";
import { DRAIN_DEFAULTS, DRAINED_AT_ONCE_MAX } from "../../actors/resources/move-defaults.ts";
import type { ApiClient, DrainPlan } from "../../api/index.ts";
import { ApiError } from "../../api/api-error.ts";
import type { CliContext } from "../cli-context.ts";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { describeNode } from "../output/describe-node.ts";
import { renderTable, type Column } from "../output/table.ts";
import { pause } from "../pause.ts";
import { Progress } from "../progress.ts";
import { PASSING } from "../wait-for-vm.ts";
import { connect } from "./get-command.ts";
import { lengthOption, toCount } from "./wait-options.ts";

const EXAMPLES = `
Examples:
  blixard node drain n2 --dry-run        what would become of each VM; nothing moves
  blixard node drain n2                  closes it, moves its VMs away, and waits until it is empty
  blixard node drain n2 --live-only      what cannot move live stays
  blixard node describe n2               how far that is; of each VM that stays, why
  blixard node undrain n2                opens it again; a drain that goes on moves nothing more

VMs that can move live move live, the others are stopped and started elsewhere. What fits nowhere stays, and is moved once there is room.
A node that leads hands leadership to one that is not drained, and does not take it again before it is opened.
Ctrl-C ends the waiting; the drain goes on in the cluster.`;

const POLL_MS = 500;

/** Beyond the drain's own limit: the map has to hear of its end. */
const SLACK_MS = 30_000;

/** VMs that a line of progress names. */
const NAMED_MAX = 3;

interface DrainFlags {
  readonly liveOnly?: boolean;
  readonly atOnce: number;
  readonly timeout: number;
  readonly dryRun?: boolean;
  readonly wait: boolean;
  readonly server?: string;
}

export function addNodeDrainCommands(node: Command, context: CliContext): void {
  const drain = node
    .command("drain")
    .description("close a node, move its VMs to others, and wait until it is empty")
    .argument("<node>", "name of a node")
    .option("--live-only", "do not stop VMs that cannot move live: they stay")
    .option("--at-once <n>", "VMs that move at once", toCount(1, DRAINED_AT_ONCE_MAX), DRAIN_DEFAULTS.atOnce)
    .addOption(
      lengthOption("--timeout <duration>", "move nothing more after this long", {
        defaultMs: DRAIN_DEFAULTS.timeoutMs,
      }),
    )
    .option("--dry-run", "say what would become of each VM; nothing moves")
    .option("--no-wait", "return once the cluster has taken it on")
    .addHelpText("after", EXAMPLES);
  drain.action(async (name: string) => {
    const flags = drain.optsWithGlobals<DrainFlags>();
    const client = connect(context, flags);
    const { out } = context.terminal;
    const { liveOnly = DRAIN_DEFAULTS.liveOnly, atOnce, timeout: timeoutMs } = flags;
    if (flags.dryRun === true) {
      out.write(rendered(await client.nodes.drainPlan(name, { liveOnly })));
      return;
    }
    await client.nodes.drain(name, { liveOnly, atOnce, timeoutMs });
    if (flags.wait) return empty(context, client, { name, timeoutMs });
    out.write(`node/${name} draining\n`);
    const plan = await planOf(client, name);
    const stuck = plan === null ? "" : stuckOf(plan);
    if (stuck !== "") context.terminal.err.write(`${stuck}\n`);
  });
  const undrain = node
    .command("undrain")
    .description("open a node again; a drain that goes on moves nothing more")
    .argument("<node>", "name of a node");
  undrain.action(async (name: string) => {
    await connect(context, undrain.optsWithGlobals<{ readonly server?: string }>()).nodes.undrain(name);
    context.terminal.out.write(`node/${name} open\n`);
  });
  const describe = node
    .command("describe")
    .description("show all there is to know of a node, and of its drain what stays and why")
    .argument("<node>", "name of a node");
  describe.action(async (name: string) => {
    const client = connect(context, describe.optsWithGlobals<{ readonly server?: string }>());
    const [resource, plan, vms, events, { replica }] = await Promise.all([
      client.nodes.get(name),
      client.nodes.drainPlan(name),
      client.vms.list(),
      client.events.list(),
      client.clusterStatus(),
    ]);
    const around = { plan, vms: vms.items, events: events.items, leader: replica.leader, nowMs: context.now() };
    context.terminal.out.write(describeNode(resource, around));
  });
}

const COLUMNS: readonly Column<DrainPlan["steps"][number]>[] = [
  { heading: "VM", cell: ({ vm }) => vm },
  { heading: "HOW", cell: ({ how }) => how },
  { heading: "TO", cell: ({ to }) => to },
  { heading: "WHY", cell: ({ why }) => why },
];

function rendered({ node, steps }: DrainPlan): string {
  if (steps.length === 0) return `node/${node} is empty. Nothing has moved.\n`;
  const count = (...hows: readonly string[]): number => steps.filter(({ how }) => hows.includes(how)).length;
  const told = `${count("live")} live, ${count("cold")} by stop and start, ${count("moves")} on their way`;
  const rest = `${count("waits")} that something else is under way with, ${count("stays")} that stay`;
  return `${renderTable(COLUMNS, steps)}node/${node}: ${told}, ${rest}. Nothing has moved.\n`;
}

interface Emptying {
  readonly name: string;
  readonly timeoutMs: number;
}

/** @throws CliError when it ends otherwise than empty. */
async function empty({ terminal }: CliContext, client: ApiClient, { name, timeoutMs }: Emptying): Promise<void> {
  await new Progress(terminal.err).step(`Draining node/${name}`, async (step) => {
    const untilMs = performance.now() + timeoutMs + SLACK_MS;
    let told = "";
    for (let last: DrainPlan | null = null; ; await pause(POLL_MS)) {
      last = (await planOf(client, name)) ?? last;
      if (last !== null && isOver(last)) return;
      const stuck = last === null ? "" : stuckOf(last);
      if (stuck !== "" && stuck !== told) step.note(stuck);
      told = stuck;
      if (performance.now() >= untilMs) throw left(last, name, "it is not empty in time");
      if (last !== null) step.detail(progressOf(last));
    }
  });
  terminal.out.write(`node/${name} drained\n`);
}

/** Null while nobody can say. */
async function planOf(client: ApiClient, name: string): Promise<DrainPlan | null> {
  try {
    return await client.nodes.drainPlan(name);
  } catch (error) {
    if (error instanceof ApiError && PASSING.has(error.code)) return null;
    throw error;
  }
}

/** @throws CliError when it ended otherwise. */
function isOver(plan: DrainPlan): boolean {
  const { drain, node } = plan;
  if (drain === null) throw left(plan, node, "it was opened again");
  if (drain.phase === "ended") throw left(plan, node, "its time is over");
  return drain.phase === "drained";
}

/** Why nothing moves and nothing will by itself; empty when something does. */
function stuckOf({ steps }: DrainPlan): string {
  if (steps.length === 0 || steps.some(({ how }) => how !== "stays")) return "";
  const why = steps.map(({ vm, why: reason }) => `${vm}: ${reason}`).join("; ");
  return `Nothing can move from here, and it goes on once there is room: ${why}.`;
}

function progressOf({ steps }: DrainPlan): string {
  const shown = steps.slice(0, NAMED_MAX).map(({ vm, how, to, why }) => {
    if (how === "stays") return `${vm} stays: ${why}`;
    return how === "waits" ? `${vm} waits: ${why}` : `${vm} to ${to}`;
  });
  return `${steps.length} left${shown.length === 0 ? "" : `: ${shown.join(", ")}`}`;
}

function left(plan: DrainPlan | null, name: string, why: string): CliError {
  const steps = plan?.steps ?? [];
  const what = steps.map(({ vm, how, why: reason }) =>
    reason === "" ? `${vm} (${how})` : `${vm} (${how}: ${reason})`,
  );
  const rest = what.length === 0 ? "" : `; left there: ${what.join(", ")}`;
  return new CliError(EXIT.failed, `Node "${name}" is not drained: ${why}${rest}.`, {
    hint: `What would become of them: blixard node drain ${name} --dry-run`,
  });
}
