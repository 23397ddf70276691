/** What many seeds of a scenario came to: of each expectation how often it was kept, the worst and the median, and why not. Plain data. */
import type { Finding } from "./diagnose.ts";
import type { ScenarioRun } from "./scenario-run.ts";
import type { ScenarioPlan } from "./scenario-plan.ts";

export interface ScenarioSummary {
  readonly scenario: string;
  readonly durationMs: number;
  readonly seeds: number;
  /** Everything expected was kept under every seed, and every rule of the simulator. */
  readonly ok: boolean;
  /** In the order of the file. */
  readonly expectations: readonly ExpectationSummary[];
  /** Longest time down. */
  readonly vms: readonly ({ readonly name: string } & Figures)[];
  /** From a strike at who led until somebody leads who reaches a majority; null: nobody who led was struck, or the fault left him leading. */
  readonly newLeader: Figures | null;
  /** From the first attempt to the answer. */
  readonly writes: Figures | null;
  readonly reads: Figures | null;
  /** Each reason once, with the seed under which it took longest. */
  readonly findings: readonly SeenFinding[];
  readonly rules: readonly {
    readonly rule: string;
    readonly message: string;
    readonly seed: number;
    readonly seeds: number;
  }[];
  /** VMs that never served before the first fault. */
  readonly neverUp: readonly {
    readonly vm: string;
    readonly reason: string;
    readonly seeds: number;
    readonly seed: number;
  }[];
  readonly notStruck: readonly { readonly fault: string; readonly why: string; readonly strikes: number }[];
  readonly unsettled: { readonly what: string; readonly seed: number; readonly seeds: number } | null;
  /** The seed to look at: of a broken rule, else under which most was broken; null: everything was kept. */
  readonly worstSeed: number | null;
  readonly simulatedMs: number;
  readonly events: number;
}

export interface ExpectationSummary {
  readonly title: string;
  readonly kept: number;
  readonly broken: number;
  /** Seeds under which what it is about did not happen, and why. */
  readonly notJudged: number;
  readonly whyNotJudged: string | null;
  /** Null: there is no figure. */
  readonly figures: Figures | null;
  /** The seed that broke it worst; null: it was kept. */
  readonly seed: number | null;
  /** VMs that broke it, under any seed. */
  readonly vms: readonly string[];
}

export interface Figures {
  readonly worstMs: number;
  /** It was still so when the run ended. */
  readonly isOpen: boolean;
  /** Of the worst. */
  readonly seed: number;
  readonly medianMs: number;
}

export interface SeenFinding extends Finding {
  readonly seed: number;
  /** Under how many seeds. */
  readonly seeds: number;
}

export function summarize(plan: ScenarioPlan, runs: readonly ScenarioRun[]): ScenarioSummary {
  const failed = runs.filter(({ ok }) => !ok);
  const weightOf = ({ rule, verdicts }: ScenarioRun): number => {
    return (
      (rule === null ? 0 : 1000) + verdicts.filter(({ isKept, notJudged }) => !isKept && notJudged === null).length
    );
  };
  const worst = failed.toSorted((one, other) => weightOf(other) - weightOf(one))[0];
  return {
    scenario: plan.name,
    durationMs: plan.durationMs,
    seeds: runs.length,
    // What was judged under no seed was not kept either.
    ok:
      failed.length === 0 &&
      plan.expectations.every((_, index) => runs.some(({ verdicts }) => verdicts[index]?.isKept === true)),
    expectations: plan.expectations.map(({ title }, index) => summarizeExpectation(title, index, runs)),
    vms: (runs[0]?.vms ?? []).map(({ name }) => {
      const measured = runs.flatMap(({ seed, vms }) => {
        const vm = vms.find((one) => one.name === name);
        return vm === undefined ? [] : [{ seed, ms: vm.longestMs, isOpen: vm.isOpen }];
      });
      return { name, ...(figuresOf(measured) as Figures) };
    }),
    newLeader: figuresOf(
      runs.flatMap(({ seed, newLeaderMs }) => newLeaderMs.map((ms) => ({ seed, ms, isOpen: false }))),
    ),
    writes: waits(runs, "writes"),
    reads: waits(runs, "reads"),
    findings: gatherFindings(runs),
    rules: gather(runs.flatMap(({ seed, rule }) => (rule === null ? [] : [{ key: rule.invariant, seed, rule }]))).map(
      ({ first, seeds }) => ({ rule: first.rule.invariant, message: first.rule.message, seed: first.seed, seeds }),
    ),
    neverUp: gather(
      runs.flatMap(({ seed, neverUp }) => neverUp.map(({ vm, reason }) => ({ key: vm, vm, reason, seed }))),
    ).map(({ first: { vm, reason, seed }, seeds }) => ({ vm, reason, seed, seeds })),
    notStruck: gather(
      runs.flatMap(({ notStruck }) => notStruck.map(({ fault, why }) => ({ key: `${fault} ${why}`, fault, why }))),
    ).map(({ first: { fault, why }, seeds }) => ({ fault, why, strikes: seeds })),
    unsettled: unsettledOf(runs),
    worstSeed: worst?.seed ?? null,
    simulatedMs: runs.reduce((sum, run) => sum + run.simulatedMs, 0),
    events: runs.reduce((sum, run) => sum + run.events, 0),
  };
}

function summarizeExpectation(title: string, index: number, runs: readonly ScenarioRun[]): ExpectationSummary {
  const all = runs.flatMap(({ seed, verdicts }) => {
    const verdict = verdicts[index];
    return verdict === undefined ? [] : [{ seed, verdict }];
  });
  const judged = all.filter(({ verdict }) => verdict.notJudged === null);
  const broken = judged.filter(({ verdict }) => !verdict.isKept);
  const measured = judged.flatMap(({ seed, verdict: { figureMs: ms, isOpen } }) =>
    ms === null ? [] : [{ seed, ms, isOpen }],
  );
  const worst = broken.toSorted((one, other) => (other.verdict.figureMs ?? 0) - (one.verdict.figureMs ?? 0))[0];
  return {
    title,
    kept: judged.length - broken.length,
    broken: broken.length,
    notJudged: all.length - judged.length,
    whyNotJudged: all.find(({ verdict }) => verdict.notJudged !== null)?.verdict.notJudged ?? null,
    figures: figuresOf(measured),
    seed: worst?.seed ?? null,
    vms: [...new Set(broken.flatMap(({ verdict }) => verdict.vms))],
  };
}

interface Measured {
  readonly seed: number;
  readonly ms: number;
  readonly isOpen: boolean;
}

function figuresOf(measured: readonly Measured[]): Figures | null {
  const sorted = measured.toSorted((one, other) => one.ms - other.ms);
  const worst = sorted.at(-1);
  const median = sorted[Math.floor(sorted.length / 2)];
  if (worst === undefined || median === undefined) return null;
  return { worstMs: worst.ms, isOpen: worst.isOpen, seed: worst.seed, medianMs: median.ms };
}

function waits(runs: readonly ScenarioRun[], what: "writes" | "reads"): Figures | null {
  const found = runs.flatMap(({ seed, waits: own }) => {
    const wait = own[what];
    return wait === null ? [] : [{ seed, wait }];
  });
  const longest = figuresOf(found.map(({ seed, wait }) => ({ seed, ms: wait.longestMs, isOpen: false })));
  const median = figuresOf(found.map(({ seed, wait }) => ({ seed, ms: wait.medianMs, isOpen: false })));
  return longest === null || median === null ? null : { ...longest, medianMs: median.medianMs };
}

/** Those that differ only in which nodes and VMs they met are one: the first is told. */
function gatherFindings(runs: readonly ScenarioRun[]): readonly SeenFinding[] {
  const all = runs.flatMap(({ seed, findings }) =>
    findings.map((finding) => ({ ...finding, seed, key: finding.help })),
  );
  return gather(all).map(({ first, seeds, members }) => ({
    vms: [...new Set(members.flatMap(({ vms }) => vms))].toSorted(),
    why: first.why,
    help: first.help,
    seed: first.seed,
    seeds,
  }));
}

/** Members of equal key, each key in the order of its first. `seeds`: how many members of different seeds, where they have one. */
function gather<Member extends { readonly key: string; readonly seed?: number }>(
  members: readonly Member[],
): readonly { readonly first: Member; readonly seeds: number; readonly members: readonly Member[] }[] {
  const groups = new Map<string, Member[]>();
  for (const member of members) groups.set(member.key, [...(groups.get(member.key) ?? []), member]);
  return [...groups.values()].map((group) => {
    const seeds = new Set(group.map((member, index) => member.seed ?? `strike ${index}`));
    return { first: group[0] as Member, seeds: seeds.size, members: group };
  });
}

function unsettledOf(runs: readonly ScenarioRun[]): ScenarioSummary["unsettled"] {
  const found = runs.filter(({ unsettled }) => unsettled !== null);
  const [first] = found;
  return first === undefined ? null : { what: first.unsettled ?? "", seed: first.seed, seeds: found.length };
}
