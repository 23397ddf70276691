/** The command line of a run, and what is refused there. */
import { Command, InvalidArgumentError, Option } from "commander";
import { FAULT_KINDS, type FaultKind } from "./fault.ts";

/** Faults that a run must find, to test the run itself. */
const PLANTS = ["forgetful-disks", "stale-reads"] as const;

export type Plant = (typeof PLANTS)[number];

export interface ChaosOptions {
  readonly minutes: number;
  readonly nodes: number;
  readonly seed: number;
  readonly faults: readonly FaultKind[];
  /** Whether leaders read under their lease, without asking the others. */
  readonly leaseReads: boolean;
  /** Whether the folder stays when all is well. */
  readonly keep: boolean;
  readonly plant?: Plant;
}

export interface ChaosInvocation extends ChaosOptions {
  /** Whether the kinds were asked for by name: then none may be left out. */
  readonly wantsAllFaults: boolean;
  /** Set by the program for the copy of itself that runs inside the enclosure: the folder of the run. */
  readonly inside?: string;
  /** Why there is no enclosure. */
  readonly bare?: string;
}

const MINUTES_MAX = 24 * 60;
const SEED_MAX = 2 ** 32 - 1;

const AFTER = `
Starts nodes of examples/kv as processes, each in a network namespace and on a disk of its own where this host allows,
lets clients read and write, and does to the nodes what happens to machines. What the clients were told is recorded and
checked for linearizability; no acknowledged write may be lost, and after each fault a write must be acknowledged again.

Exit codes: 0 all is well · 1 a fault was found, and the folder that shows it is named · 2 wrong usage · 130 interrupted`;

/** @throws {CommanderError} for bad options, after it has said which. */
export function parseChaosOptions(args: readonly string[], { seed }: { readonly seed: number }): ChaosInvocation {
  const program = new Command("chaos")
    .description("Real processes under faults, with a recorded history.")
    .option("--minutes <number>", `how long faults happen, above 0 and up to ${MINUTES_MAX}`, toMinutes, 10)
    .addOption(new Option("--nodes <number>", "nodes of the cluster").choices(["3", "5"]).default("3"))
    .option("--seed <number>", "which faults come, and when (default: drawn, and printed)", toSeed)
    .option(
      "--faults <kinds>",
      `kinds, with commas: ${FAULT_KINDS.join(",")} (default: all that this host allows)`,
      toKinds,
    )
    .option("--lease-reads", "let leaders read under their lease, without asking the others", false)
    .option("--keep", "keep the folder with history, schedule, logs and disks when all is well", false)
    .addOption(new Option("--plant <fault>").choices(PLANTS).hideHelp())
    .addOption(new Option("--inside <folder>").hideHelp())
    .addOption(new Option("--bare <why>").hideHelp())
    .allowExcessArguments(false)
    .addHelpText("after", AFTER)
    .exitOverride()
    .parse([...args], { from: "user" });
  const flags = program.opts<{
    readonly minutes: number;
    readonly nodes: string;
    readonly seed?: number;
    readonly faults?: readonly FaultKind[];
    readonly leaseReads: boolean;
    readonly keep: boolean;
    readonly plant?: Plant;
    readonly inside?: string;
    readonly bare?: string;
  }>();
  return {
    ...flags,
    nodes: Number(flags.nodes),
    seed: flags.seed ?? seed,
    faults: flags.faults ?? FAULT_KINDS,
    wantsAllFaults: flags.faults !== undefined,
  };
}

function toMinutes(text: string): number {
  const minutes = Number(text);
  if (text.trim() === "" || !(minutes > 0 && minutes <= MINUTES_MAX)) {
    throw new InvalidArgumentError(`Wanted a number above 0 and up to ${MINUTES_MAX}.`);
  }
  return minutes;
}

function toSeed(text: string): number {
  const seed = Number(text);
  if (!/^\d+$/.test(text) || seed > SEED_MAX)
    throw new InvalidArgumentError(`Wanted an integer from 0 to ${SEED_MAX}.`);
  return seed;
}

function toKinds(text: string): readonly FaultKind[] {
  const names = text.split(",");
  const wrong = names.find((name) => !FAULT_KINDS.includes(name as FaultKind));
  if (wrong !== undefined) {
    throw new InvalidArgumentError(`There is no fault "${wrong}"; there are: ${FAULT_KINDS.join(", ")}.`);
  }
  return FAULT_KINDS.filter((kind) => names.includes(kind));
}
