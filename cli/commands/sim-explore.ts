/** `blixard sim --explore`: every state that a small cluster can reach, instead of runs that a seed decides. */
import { setImmediate as breathe } from "node:timers/promises";
import { Option, type Command } from "commander";
import type { Exploration } from "../../sim/index.ts";
import type { CliContext } from "../cli-context.ts";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { renderValue } from "../output/output-format.ts";
import { renderTable } from "../output/table.ts";
import { Progress } from "../progress.ts";
import { takeInherited, toChoice } from "./sim-inherited-option.ts";
import { toCount } from "./wait-options.ts";

const DEPTH_MAX = 100_000;
const STATES_MAX = 100_000_000;

const OUTPUTS = ["text", "json"] as const;

export interface ExploreFlags {
  /** True: which there are. */
  readonly explore?: string | true;
  readonly depth?: number;
}

export function addExploreOptions(command: Command): void {
  command
    .addOption(
      new Option(
        "--explore [configuration]",
        "look at every state of a small cluster, in all orders of what may happen; without a name: which there are",
      ),
    )
    .option("--depth <count>", "go no further than so many steps", toCount(1, DEPTH_MAX))
    .option("--states <count>", "stop at so many states (default: 10000000)")
    .option("-o, --output <format>", `form of its output (choices: "${OUTPUTS.join('", "')}")`);
}

/** @throws {CliError} when the name is unknown, a rule does not hold, something is never reached, or a bound was hit. */
export async function exploreSetup({ terminal }: CliContext, command: Command): Promise<void> {
  const flags = command.opts<ExploreFlags>();
  const statesMax = takeInherited(command, "states", toCount(1, STATES_MAX));
  const output = takeInherited(command, "output", toChoice(OUTPUTS));
  const { exploreBySteps, formatExploration, RAFT_SETUPS, RaftModel } = await import("../../sim/index.ts");
  const { out, err } = terminal;
  const list = renderTable(
    [
      { heading: "CONFIGURATION", cell: ({ name }) => name },
      { heading: "WHAT IS EXPLORED", cell: ({ summary }) => summary },
    ],
    RAFT_SETUPS,
  );
  if (flags.explore === true) {
    out.write(list);
    return;
  }
  const setup = RAFT_SETUPS.find(({ name }) => name === flags.explore);
  if (setup === undefined) {
    throw new CliError(
      EXIT.usage,
      `Cannot explore "${flags.explore}": there is no such configuration. There are:\n${list.trimEnd()}`,
    );
  }
  const model = new RaftModel(setup);
  const bounds = {
    ...(flags.depth !== undefined && { depthMax: flags.depth }),
    ...(statesMax !== undefined && { statesMax }),
  };
  const { value: exploration, elapsedMs } = await new Progress(err).step(
    `Exploring ${setup.name}`,
    async (step) => {
      const exploring = exploreBySteps(model, bounds);
      for (;;) {
        const { done, value } = exploring.next();
        if (done === true) return value;
        step.detail(`${value.states} states, depth ${value.depth}, ${value.waiting} waiting`);
        // A step does not let anything else happen in this process.
        await breathe();
      }
    },
    ({ states }) => `${states} states`,
  );
  const isJson = output === "json";
  out.write(
    isJson
      ? await renderValue(forPrograms(exploration, elapsedMs), "json")
      : `${formatExploration(exploration, { wallMs: elapsedMs })}\n`,
  );
  const { end, ok, failure } = exploration;
  if (failure) throw new CliError(EXIT.failed, `${setup.name}: ${failure.rule} does not hold`);
  if (end !== "complete") throw new CliError(EXIT.timeout, `${setup.name}: not complete, the bound of ${end} was hit`);
  if (!ok) throw new CliError(EXIT.failed, `${setup.name}: what must be reached sometimes never was`);
}

/** States are numbers that mean something to the model only; the way is told in words. */
function forPrograms({ failure, ...figures }: Exploration<unknown, unknown>, elapsedMs: number): unknown {
  const statesPerSecond = Math.round((figures.states / Math.max(elapsedMs, 1)) * 1000);
  if (!failure) return { ...figures, elapsedMs: Math.round(elapsedMs), statesPerSecond };
  const { rule, message, steps } = failure;
  const way = { rule, message, steps: steps.map(({ text }) => text) };
  return { ...figures, elapsedMs: Math.round(elapsedMs), statesPerSecond, failure: way };
}
