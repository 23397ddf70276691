/** `blixard sim`: runs the cluster's actors in the simulator, under seeds. */
import { Option, type Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { groupOptions, refuseContradictions } from "./sim-contradictions.ts";
import { addSimCheckHistoryCommand } from "./sim-check-history-command.ts";
import { addActorsOptions, runActors, type ActorsFlags } from "./sim-actors.ts";
import { addExploreOptions, exploreSetup, type ExploreFlags } from "./sim-explore.ts";
import { refuseUnwritable } from "./sim-output-files.ts";
import { addReportOption, type ReportFlags } from "./sim-report.ts";
import { addReplayOptions, isReplay, runReplay, type ReplayFlags } from "./sim-replay.ts";
import { addSimScenarioCommand } from "./sim-scenario-command.ts";
import { addSweepOptions, runSweep, type SweepFlags } from "./sim-sweep.ts";
import { addUpgradeOption, refuseMeaningless } from "./sim-upgrade.ts";
import { lengthOption, toCount } from "./wait-options.ts";

const PROFILES = [
  ...(["mixed", "elections", "disk", "membership", "leases"] as const),
  ...(["calm", "library", "broken-clocks", "lost-quorum", "months"] as const),
] as const;
const SEEDS_MAX = 1_000_000;
/** Beyond any that a sweep draws, so that each of its seeds can be run by itself. */
const SEED_GIVEN_MAX = Number.MAX_SAFE_INTEGER - SEEDS_MAX;
const NODES_MAX = 9;
const VMS_MAX = 1000;
const DURATION_DEFAULT_MS = 600_000;
/** A year, as `sim/run/run-limits.ts` has it. */
const DURATION_MAX_MS = 365 * 86_400_000;

const EXAMPLES = `
Examples:
  blixard sim --seeds 200 --nodes 5 --duration 10m     two hundred runs, each under faults of its own
  blixard sim --seed 1 --seeds 2000 --profile membership --duration 30s --every-fault --keep-going
                                                       a sweep: all that failed, and what was never reached
  blixard sim --minutes 30 --workers 4 --keep-going    as many seeds as half an hour is enough for
  blixard sim --profile months --duration 7d           a week of a small platform in a bad rack: minutes of one core
  blixard sim --seed 4711 --events                     one run, with everything that happened in it
  blixard sim --seed 4711 --json                       its result for programs
  blixard sim --seeds 20 --verify                      does the seed alone decide what happens
  blixard sim --seed 4711 --shrink                     a failing run made short, in a file
  blixard sim --replay seed-4711.short.json            that run again
  blixard sim --seed 4711 --shrink --report run.html   the same, and a page with its sequence diagram
  blixard sim --upgrade-from ../blixard-0.1 --seeds 200
                                                       nodes change from that version to this, one by one, under faults
  blixard sim --actors bank.ts --seeds 1000            your own actors, of a file whose default export is a simulation
  blixard sim --actors bank.ts --seeds 1000 --shrink --report bug.html
                                                       the first seed that fails, made short and drawn
  blixard sim --explore                                small clusters of which every state can be looked at
  blixard sim --explore three-elect-crash              all of one, in all orders of what may happen

A seed decides everything: the same seed gives the same events, byte for byte, on every machine.`;

type SimFlags = ReportFlags & ActorsFlags & ExploreFlags & ReplayFlags & SweepFlags;

export function addSimCommand(program: Command, context: CliContext): void {
  const command = program
    .command("sim")
    .description("run the cluster's actors in the deterministic simulator")
    .option("--seed <number>", "first seed (default: drawn, and printed)", toCount(0, SEED_GIVEN_MAX))
    .option("--seeds <count>", "how many seeds, counting up", toCount(1, SEEDS_MAX), 1)
    .option("--nodes <count>", "nodes of the cluster (default: 3 to 7, drawn from the seed)", toCount(1, NODES_MAX))
    .option("--vms <count>", "VMs, all created at once (default: up to 8, drawn from the seed)", toCount(1, VMS_MAX))
    .addOption(
      lengthOption("--duration <duration>", "simulated time of a run", {
        defaultMs: DURATION_DEFAULT_MS,
        maxMs: DURATION_MAX_MS,
      }),
    )
    .addOption(new Option("--profile <name>", "kinds of faults (default: drawn from the seed)").choices(PROFILES))
    .option("--every-fault", "leave out no kind of fault of the profile (default: each seed leaves out some)")
    .addOption(
      new Option(
        "--schedule <name>",
        "whose turn it is: drawn evenly, or by priorities that change now and then (default: drawn from the seed)",
      ).choices(["even", "pct"]),
    )
    .option("--keep-going", "run all seeds, also after one has failed")
    .option("--events", "print every event of the runs")
    .option("--json", "print each result as one line of JSON")
    .addHelpText("after", EXAMPLES);
  addSweepOptions(command);
  addReplayOptions(command);
  addReportOption(command);
  addUpgradeOption(command);
  addExploreOptions(command);
  addActorsOptions(command);
  groupOptions(command);
  command.action(async () => {
    refuseContradictions(command);
    const flags = command.opts<SimFlags>();
    await refuseUnwritable(context, flags);
    if (flags.actors !== undefined) return runActors(context, command, flags);
    refuseMeaningless(flags);
    if (isReplay(flags)) return runReplay(context, flags);
    return flags.explore === undefined ? runSweep(context, flags) : exploreSetup(context, command);
  });
  addSimCheckHistoryCommand(command, context);
  addSimScenarioCommand(command, context);
}
