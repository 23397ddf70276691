/**
 * Which options of `blixard sim` contradict each other, as one table: what each way of running takes, and why it takes no others.
 *
 * A refusal names both options, as they were written, and what to do instead. Every option belongs to a group here, and a test says so of each
 * that the command has: whoever adds one decides what it means to the other ways of running.
 */
import type { Command, Option } from "commander";
import { usageError } from "../cli-error.ts";

/** Options by what they are about; each in exactly one group. */
export const OPTION_GROUPS = {
  /** Decide what happens in one run. */
  run: ["seed", "nodes", "vms", "duration", "profile", "everyFault", "schedule", "upgradeFrom"],
  /** Are about many runs. */
  runs: ["seeds", "minutes", "keepGoing", "workers", "hungAfter", "keep"],
  /** How it is told. */
  told: ["events", "json", "report"],
  /** A user's own actors in place of ours; what contradicts that stands with it (`sim-actors.ts`). */
  actors: ["actors", "plant"],
  /** Bounds and form of an exploration. */
  exploration: ["depth", "states", "output"],
  /** Ways of running. */
  ways: ["verify", "record", "replay", "shrink", "explore"],
} as const;

type GroupName = keyof typeof OPTION_GROUPS;
export type SimOption = (typeof OPTION_GROUPS)[GroupName][number];

/** Given together with `option`, each of `others` is refused, unless one of `unless` is given, too. */
export interface Contradiction {
  readonly option: SimOption;
  readonly others: readonly SimOption[];
  readonly unless?: SimOption;
  readonly why: string;
  /** `OTHER` stands for the other option as it was written. */
  readonly instead: string;
}

const { run, runs, exploration } = OPTION_GROUPS;
const LEAVE_OUT = "Leave one of the two out.";

/** Under which heading the help has them; `-h` has none of these. */
const HEADINGS: Readonly<Record<GroupName, string>> = {
  run: "What happens in a run:",
  runs: "Many runs:",
  told: "What is told:",
  ways: "Other ways of running:",
  actors: "Your own actors:",
  exploration: "With --explore:",
};

/** Sorts the options of the command into groups for its help. */
export function groupOptions(command: Command): void {
  for (const option of command.options) {
    const found = Object.entries(OPTION_GROUPS).find(([, names]) =>
      (names as readonly string[]).includes(option.attributeName()),
    );
    if (found !== undefined) option.helpGroup(HEADINGS[found[0] as GroupName]);
  }
}

/** The first that applies is told. */
export const CONTRADICTIONS: readonly Contradiction[] = [
  {
    option: "explore",
    others: [...run, ...runs, "verify"],
    why: "it looks at every state of a small cluster, and runs no seeds",
    instead: "Leave OTHER out, or --explore.",
  },
  {
    option: "explore",
    others: ["json"],
    why: "an exploration has an output of its own",
    instead: "Write -o json in place of --json.",
  },
  {
    option: "explore",
    others: ["events", "report", "record", "replay", "shrink"],
    why: "an exploration has no one run",
    instead: "Leave OTHER out; what breaks a rule is told with the shortest way to it.",
  },
  {
    option: "replay",
    others: run,
    why: "the file says what is run",
    instead: "Leave OTHER out, or record another run: blixard sim --seed N --record FILE",
  },
  {
    option: "replay",
    others: ["record"],
    why: "the run is recorded already",
    instead: "Copy the file, or leave --record out.",
  },
  {
    option: "replay",
    others: ["verify"],
    why: "a replay says by itself whether it is the recorded run, byte for byte",
    instead: "Leave --verify out.",
  },
  {
    option: "minutes",
    others: ["replay"],
    unless: "shrink",
    why: "a replay is one run, however long it takes",
    instead: "Add --shrink, which takes as long, or leave --minutes out.",
  },
  {
    option: "replay",
    others: runs.filter((name) => name !== "minutes"),
    why: "a replay is one run",
    instead: "Leave OTHER out.",
  },
  {
    option: "upgradeFrom",
    others: ["record", "shrink"],
    why: "a file of a run holds what is done to the nodes, and not the software of another version",
    instead: LEAVE_OUT,
  },
  {
    option: "record",
    others: ["shrink"],
    why: "--shrink writes a file by itself",
    instead: "Write --shrink FILE, and leave --record out.",
  },
  { option: "record", others: runs, why: "one run is recorded", instead: "Say which: --seed N, and leave OTHER out." },
  {
    option: "shrink",
    others: ["events"],
    why: "it runs thousands of times",
    instead: "Shrink it, then: blixard sim --replay FILE --events",
  },
  {
    option: "shrink",
    others: ["seeds", "workers", "hungAfter"],
    // The first of them that fails.
    unless: "actors",
    why: "one run is made short",
    instead: "Say which: --seed N, and leave OTHER out.",
  },
  {
    option: "shrink",
    others: ["keepGoing", "keep"],
    why: "one run is made short",
    instead: "Leave OTHER out.",
  },
  {
    option: "verify",
    others: ["record", "shrink"],
    why: "it runs each seed in two threads, and writes no file of a run",
    instead: "Do one after the other.",
  },
  {
    option: "verify",
    others: ["events"],
    why: "its runs are in other threads, whose events nobody sees",
    instead: "Look at them without: blixard sim --seed N --events",
  },
  { option: "minutes", others: ["seeds"], why: "one says how many runs, the other how long", instead: LEAVE_OUT },
  {
    option: "events",
    others: ["workers", "keep", "hungAfter"],
    why: "with events all runs are in one thread, one after the other",
    instead: LEAVE_OUT,
  },
];

/** Options that mean nothing by themselves. */
export const BELONGING: readonly { readonly option: SimOption; readonly to: SimOption }[] = exploration.map(
  (option) => ({ option, to: "explore" }),
);

/** @throws {CliError} naming two options of the command line that contradict each other, or one without what it belongs to. */
export function refuseContradictions(command: Command): void {
  const given = new Map(
    command.options.flatMap((option): readonly [string, string][] => {
      const name = option.attributeName();
      return command.getOptionValueSource(name) === "cli" ? [[name, writtenOf(option)]] : [];
    }),
  );
  for (const { option, others, unless, why, instead } of CONTRADICTIONS) {
    const written = given.get(option);
    const other = others.find((one) => given.has(one));
    if (written === undefined || other === undefined || (unless !== undefined && given.has(unless))) continue;
    const otherWritten = given.get(other) ?? "";
    throw usageError(`Cannot use ${written} with ${otherWritten}: ${why}.`, instead.replaceAll("OTHER", otherWritten));
  }
  for (const { option, to } of BELONGING) {
    const written = given.get(option);
    if (written === undefined || given.has(to)) continue;
    throw usageError(`Cannot use ${written}: it belongs to --${to}.`, `Add --${to}, or leave ${written} out.`);
  }
}

function writtenOf({ long, short, flags }: Option): string {
  return long ?? short ?? flags;
}
