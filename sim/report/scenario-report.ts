/** One seed of a scenario file as a run that can be told. */
import type { ScenarioPlan, WatchedScenario } from "../scenario-file/index.ts";
import type { RecordedFailure } from "../record/run-record.ts";
import type { ReportedRun } from "./run-report.ts";

interface ScenarioReportOptions {
  /** The version of the software. */
  readonly software: string;
  /** The command that runs it again. */
  readonly again: string;
}

/** What a page says of it: a broken expectation is what failed, at the end of the run. */
export function reportScenario(
  plan: ScenarioPlan,
  { run, record, turns, faults, marks }: WatchedScenario,
  { software, again }: ScenarioReportOptions,
): ReportedRun {
  const { seed, events, eventLogHash } = run;
  return {
    title: `${plan.name}: seed ${seed}`,
    record: { ...record, failure: record.failure ?? brokenExpectation(plan, run, record.endUs) },
    options: [
      ["scenario", plan.name],
      ["seed", String(seed)],
      ["nodes", plan.nodes.map(({ name }) => name).join(", ")],
      ["VMs", plan.vms.map(({ name }) => name).join(", ")],
      ["duration", `${plan.durationMs / 1000} s`],
      ["faults", plan.faults.map(({ title }) => title).join("; ")],
    ],
    ...{ software, eventLogHash, events, turns, faults, marks },
    commands: [{ what: "Runs it again:", command: again }],
  };
}

function brokenExpectation(
  { expectations }: ScenarioPlan,
  { verdicts, findings, unsettled }: WatchedScenario["run"],
  atUs: number,
): RecordedFailure | null {
  const broken = expectations.filter((_, index) => {
    const verdict = verdicts[index];
    return verdict !== undefined && !verdict.isKept && verdict.notJudged === null;
  });
  const why = findings.map(({ vms, why: reason }) => (vms.length === 0 ? reason : `${vms.join(", ")}: ${reason}`));
  const [first] = broken;
  if (first !== undefined) {
    const others = broken.slice(1).map(({ title }) => title);
    const message = [...(others.length > 0 ? [`Neither: ${others.join("; ")}`] : []), ...why].join(". ");
    return { rule: first.title, message, atUs, nodes: [], moment: null };
  }
  return unsettled === null ? null : { rule: "settles", message: unsettled, atUs, nodes: [], moment: null };
}
