/** `blixard sim`: runs the cluster's actors in the simulator, under seeds. */
import { setImmediate as breathe } from "node:timers/promises";
import { Option, type Command } from "commander";
import type { RunOptions, Summary } from "../../sim/index.ts";
import type { CliContext } from "../cli-context.ts";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { Progress } from "../progress.ts";
import { addSimCheckHistoryCommand } from "./sim-check-history-command.ts";
import { addExploreOptions, exploreSetup, type ExploreFlags } from "./sim-explore.ts";
import { durationOption, toCount } from "./wait-options.ts";

const PROFILES = ["mixed", "elections", "disk", "membership", "leases", "calm", "library"] as const;
const SEED_MAX = 2 ** 32 - 1;
const SEEDS_MAX = 1_000_000;
const NODES_MAX = 9;
const DURATION_DEFAULT_MS = 600_000;

const EXAMPLES = `
Examples:
  blixard sim --seeds 200 --nodes 5 --duration 10m     two hundred runs, each under faults of its own
  blixard sim --seed 1 --seeds 2000 --profile membership --duration 30s --every-fault --keep-going
                                                       a sweep: all that failed, and what was never reached
  blixard sim --seed 4711 --events                     one run, with everything that happened in it
  blixard sim --seed 4711 --json                       its result for programs
  blixard sim --explore                                small clusters of which every state can be looked at
  blixard sim --explore three-elect-crash              all of one, in all orders of what may happen

A seed decides everything: the same seed gives the same events, byte for byte, on every machine.`;

interface SimFlags extends ExploreFlags {
  readonly seed?: number;
  readonly seeds: number;
  readonly nodes?: number;
  readonly duration: number;
  readonly profile?: (typeof PROFILES)[number];
  readonly everyFault?: boolean;
  readonly keepGoing?: boolean;
  readonly events?: boolean;
  readonly json?: boolean;
}

export function addSimCommand(program: Command, context: CliContext): void {
  const command = program
    .command("sim")
    .description("run the cluster's actors in the deterministic simulator")
    .option("--seed <number>", "first seed (default: drawn, and printed)", toCount(0, SEED_MAX))
    .option("--seeds <count>", "how many seeds, one after the other", toCount(1, SEEDS_MAX), 1)
    .option("--nodes <count>", "nodes of the cluster (default: 3 to 7, drawn from the seed)", toCount(1, NODES_MAX))
    .addOption(durationOption("--duration <duration>", "simulated time of a run", DURATION_DEFAULT_MS))
    .addOption(new Option("--profile <name>", "kinds of faults (default: drawn from the seed)").choices(PROFILES))
    .option("--every-fault", "leave out no kind of fault of the profile (default: each seed leaves out some)")
    .option("--keep-going", "run all seeds, also after one has failed")
    .option("--events", "print every event of the runs")
    .option("--json", "print each result as one line of JSON")
    .addHelpText("after", EXAMPLES);
  addExploreOptions(command);
  command.action(async () => {
    const flags = command.opts<SimFlags>();
    return flags.explore === undefined ? simulate(context, flags) : exploreSetup(context, flags);
  });
  addSimCheckHistoryCommand(command, context);
}

async function simulate({ terminal, now }: CliContext, flags: SimFlags): Promise<void> {
  const { addToSummary, EMPTY_SUMMARY, formatFailures, formatSummary, runSeed } = await import("../../sim/index.ts");
  const { out, err } = terminal;
  const first = flags.seed ?? now() % SEED_MAX;
  const title = flags.seeds === 1 ? `Seed ${first}` : `Seeds ${first} to ${first + flags.seeds - 1}`;
  const { value: summary, elapsedMs } = await new Progress(err).step(
    title,
    async (step) => {
      let sum = EMPTY_SUMMARY;
      const failedMax = flags.keepGoing === true ? Infinity : 1;
      for (let seed = first; seed < first + flags.seeds && sum.failed.length < failedMax; seed++) {
        step.detail(describe(sum));
        // A run does not let anything else happen in this process.
        await breathe();
        const lines: string[] = [];
        const result = runSeed(optionsOf(flags, seed, lines));
        for (const line of lines) out.write(`${line}\n`);
        if (flags.json === true) out.write(`${JSON.stringify(result)}\n`);
        sum = addToSummary(sum, result);
      }
      return sum;
    },
    ({ seeds, failed: { length } }) => `${seeds - length} of ${flags.seeds} clean`,
  );
  if (flags.json !== true) out.write(`${formatSummary(summary, elapsedMs)}\n`);
  if (summary.failed.length > 0) throw new CliError(EXIT.failed, formatFailures(summary.failed));
}

function describe({ seeds, failed }: Summary): string {
  return failed.length === 0 ? `${seeds} done` : `${seeds} done, ${failed.length} failed`;
}

function optionsOf(flags: SimFlags, seed: number, lines: string[]): RunOptions {
  const { nodes, duration, profile, everyFault, events } = flags;
  return {
    seed,
    ...(nodes === undefined ? {} : { nodes }),
    durationMs: duration,
    ...(profile === undefined ? {} : { profile }),
    ...(everyFault === true && { everyFault }),
    ...(events === true ? { onLine: (line: string) => void lines.push(line) } : {}),
  };
}
