/** What came of one seed of a scenario, as plain data: what was seen, judged and explained. */
import type { SeedFailure } from "../run/run-result.ts";
import { diagnoseVms, diagnoseWait, type Finding } from "./diagnose.ts";
import { judge, longest, type Verdict } from "./judge.ts";
import type { Observation } from "./observation.ts";
import type { ScenarioPlan } from "./scenario-plan.ts";

export interface ScenarioRun {
  readonly seed: number;
  /** Everything expected was kept, and every rule of the simulator. */
  readonly ok: boolean;
  /** The rule of the simulator that was broken, which ended the run. */
  readonly rule: SeedFailure | null;
  /** One for each expectation, in their order. */
  readonly verdicts: readonly Verdict[];
  /** Of the VMs that broke expectations. */
  readonly findings: readonly Finding[];
  /** VMs that did not serve within a minute of the start, before any fault, and why. */
  readonly neverUp: readonly { readonly vm: string; readonly reason: string }[];
  readonly vms: readonly { readonly name: string; readonly longestMs: number; readonly isOpen: boolean }[];
  /** From each strike at who led until somebody leads who reaches a majority. */
  readonly newLeaderMs: readonly number[];
  readonly waits: { readonly writes: Wait | null; readonly reads: Wait | null };
  readonly notStruck: readonly { readonly fault: string; readonly why: string }[];
  /** What is wrong two minutes after all faults have ended; null: nothing. */
  readonly unsettled: string | null;
  readonly simulatedMs: number;
  readonly events: number;
  readonly eventLogHash: string;
}

export interface Wait {
  readonly count: number;
  readonly medianMs: number;
  readonly longestMs: number;
}

/** What only whoever ran it knows. */
type Ran = Pick<ScenarioRun, "seed" | "rule" | "neverUp" | "unsettled">;

export function judgeRun(
  plan: ScenarioPlan,
  seen: Observation,
  ran: Ran,
): Omit<ScenarioRun, "simulatedMs" | "events" | "eventLogHash"> {
  const verdicts = plan.expectations.map((one) => judge(one, seen, ran.rule?.invariant ?? null));
  const areKept = verdicts.every(({ isKept, notJudged }) => isKept || notJudged !== null);
  return {
    ...ran,
    ok: ran.rule === null && areKept && ran.unsettled === null,
    verdicts,
    findings: findingsOf(plan, seen, verdicts),
    vms: seen.vms.map(({ name, outages }) => {
      const { ms: longestMs, isOpen } = longest(outages, seen.spanMs);
      return { name, longestMs, isOpen };
    }),
    newLeaderMs: newLeaderTimes(seen),
    waits: { writes: waitOf(seen, "writes"), reads: waitOf(seen, "reads") },
    notStruck: seen.strikes.flatMap(({ fault, notStruck }) => (notStruck === null ? [] : [{ fault, why: notStruck }])),
  };
}

/** Why what was broken was broken. */
function findingsOf(plan: ScenarioPlan, seen: Observation, verdicts: readonly Verdict[]): readonly Finding[] {
  const broken = verdicts.map(({ isKept, notJudged }) => !isKept && notJudged === null);
  const vms = verdicts.flatMap((verdict, index) => (broken[index] === true ? verdict.vms : []));
  const waits = plan.expectations.flatMap((expectation, index) => {
    if (broken[index] !== true) return [];
    if (expectation.type === "leader") return diagnoseWait(plan, seen, seen.leaderless) ?? [];
    if (expectation.type !== "answered") return [];
    const asked = seen.requests.filter(({ what }) => what === expectation.what);
    return (
      diagnoseWait(
        plan,
        seen,
        asked.map(({ startedMs, answeredMs }) => ({ fromMs: startedMs, untilMs: answeredMs })),
      ) ?? []
    );
  });
  const found = [...diagnoseVms(plan, seen, [...new Set(vms)]), ...waits];
  return found.filter(({ why }, index) => found.findIndex((one) => one.why === why) === index);
}

function newLeaderTimes({ strikes, leaderless, spanMs }: Observation): readonly number[] {
  return strikes.flatMap(({ atMs, nodes, leader, notStruck }) => {
    if (notStruck !== null || leader === null || !nodes.includes(leader)) return [];
    const gap = leaderless.find(
      ({ fromMs, untilMs }) => fromMs >= atMs - 100 && fromMs < atMs + 5000 && untilMs !== null,
    );
    return gap === undefined ? [] : [Math.max(0, (gap.untilMs ?? spanMs) - atMs)];
  });
}

function waitOf({ requests, spanMs }: Observation, what: "writes" | "reads"): Wait | null {
  const waits = requests
    .filter((request) => request.what === what)
    .map(({ startedMs, answeredMs }) => (answeredMs ?? spanMs) - startedMs)
    .toSorted((one, other) => one - other);
  const longestMs = waits.at(-1);
  if (longestMs === undefined) return null;
  return { count: waits.length, medianMs: waits[Math.floor(waits.length / 2)] ?? 0, longestMs };
}
