/** `blixard sim`: runs the cluster's actors in the simulator, under seeds. */
import { setImmediate as breathe } from "node:timers/promises";
import { Option, type Command } from "commander";
import type { RunOptions, SeedResult } from "../../sim/index.ts";
import type { CliContext } from "../cli-context.ts";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { Progress } from "../progress.ts";
import { toCount, toDuration } from "./wait-options.ts";

const PROFILES = ["mixed", "elections", "disk", "leases", "calm"] as const;
const SEED_MAX = 2 ** 32 - 1;
const SEEDS_MAX = 1_000_000;
const NODES_MAX = 9;
const NODES_DEFAULT = 5;
const DURATION_DEFAULT_MS = 600_000;

const EXAMPLES = `
Examples:
  blixard sim --seeds 200 --nodes 5 --duration 10m     two hundred runs, each under faults of its own
  blixard sim --seed 4711 --events                     one run, with everything that happened in it
  blixard sim --seed 4711 --json                       its result for programs

A seed decides everything: the same seed gives the same events, byte for byte, on every machine.`;

interface SimFlags {
  readonly seed?: number;
  readonly seeds: number;
  readonly nodes: number;
  readonly duration: number;
  readonly profile?: (typeof PROFILES)[number];
  readonly events?: boolean;
  readonly json?: boolean;
}

export function addSimCommand(program: Command, context: CliContext): void {
  const command = program
    .command("sim")
    .description("run the cluster's actors in the deterministic simulator")
    .option("--seed <number>", "first seed (default: drawn, and printed)", toCount(0, SEED_MAX))
    .option("--seeds <count>", "how many seeds, one after the other", toCount(1, SEEDS_MAX), 1)
    .option("--nodes <count>", "nodes of the cluster", toCount(1, NODES_MAX), NODES_DEFAULT)
    .option("--duration <duration>", "simulated time of a run", toDuration, DURATION_DEFAULT_MS)
    .addOption(new Option("--profile <name>", "kinds of faults (default: drawn from the seed)").choices(PROFILES))
    .option("--events", "print every event of the runs")
    .option("--json", "print each result as one line of JSON")
    .addHelpText("after", EXAMPLES);
  command.action(async () => simulate(context, command.opts<SimFlags>()));
}

async function simulate({ terminal, now }: CliContext, flags: SimFlags): Promise<void> {
  const { runSeed } = await import("../../sim/index.ts");
  const { out, err } = terminal;
  const first = flags.seed ?? now() % SEED_MAX;
  const results: SeedResult[] = [];
  const title = flags.seeds === 1 ? `Seed ${first}` : `Seeds ${first} to ${first + flags.seeds - 1}`;
  const { elapsedMs } = await new Progress(err).step(
    title,
    async (step) => {
      for (let seed = first; seed < first + flags.seeds; seed++) {
        step.detail(`${seed - first} done`);
        // A run does not let anything else happen in this process.
        await breathe();
        const lines: string[] = [];
        const result = runSeed(optionsOf(flags, seed, lines));
        results.push(result);
        for (const line of lines) out.write(`${line}\n`);
        if (flags.json === true) out.write(`${JSON.stringify(result)}\n`);
        if (!result.ok) break;
      }
    },
    () => `${results.filter(({ ok }) => ok).length} of ${flags.seeds} clean`,
  );
  const failed = results.find(({ ok }) => !ok);
  if (flags.json !== true) out.write(renderSummary(results, elapsedMs));
  if (failed !== undefined) throw failureOf(failed, flags);
}

function optionsOf({ nodes, duration, profile, events }: SimFlags, seed: number, lines: string[]): RunOptions {
  return {
    seed,
    nodes,
    durationMs: duration,
    ...(profile === undefined ? {} : { profile }),
    ...(events === true ? { onLine: (line: string) => void lines.push(line) } : {}),
  };
}

function renderSummary(results: readonly SeedResult[], elapsedMs: number): string {
  const total = (of: (result: SeedResult) => number): number => results.reduce((sum, result) => sum + of(result), 0);
  const simulatedS = total(({ simulatedMs }) => simulatedMs) / 1000;
  const wallS = elapsedMs / 1000;
  const counted = (name: "faults" | "marks"): string => {
    const counts = new Map<string, number>();
    for (const result of results) {
      for (const [key, count] of Object.entries(result[name])) counts.set(key, (counts.get(key) ?? 0) + count);
    }
    return [...counts].map(([key, count]) => `${key} ${count}`).join(", ");
  };
  const [only] = results;
  return [
    `Simulated ${simulatedS.toFixed(0)} s in ${wallS.toFixed(1)} s: ${(simulatedS / wallS).toFixed(0)} simulated seconds a second`,
    `${total(({ events }) => events)} events, ${total(({ turns }) => turns)} turns of actors`,
    `Faults: ${counted("faults") || "none"}`,
    `Reached: ${counted("marks") || "nothing"}`,
    ...(results.length === 1 && only !== undefined
      ? [`Event log: ${only.eventLogHash} (profile ${only.profile})`]
      : []),
    "",
  ].join("\n");
}

function failureOf({ seed, nodes, failure }: SeedResult, { duration, profile }: SimFlags): CliError {
  const replay = `blixard sim --seed ${seed} --nodes ${nodes} --duration ${duration}ms${profile === undefined ? "" : ` --profile ${profile}`}`;
  const lines = (failure?.lines ?? []).map((line) => `\n  ${line}`).join("");
  const message = `Seed ${seed} breaks "${failure?.invariant}" after ${failure?.atMs} ms: ${failure?.message}`;
  return new CliError(EXIT.failed, `${message}${lines}`, { hint: `To replay it: ${replay} --events` });
}
