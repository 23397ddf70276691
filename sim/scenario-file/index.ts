/** Scenario files: clusters, workloads, faults and expectations that people write. See ../README.md and docs/scenarios.md. */
export { compileScenario, type Compiled } from "./compile.ts";
export type { NodeDocument, Platform } from "./document.ts";
export { editorSchema } from "./document-schema.ts";
export { formatScenario } from "./report.ts";
export { runScenario, watchScenario, type ScenarioRunOptions, type WatchedScenario } from "./run-scenario.ts";
export type { ScenarioRun } from "./scenario-run.ts";
export type { ScenarioPlan } from "./scenario-plan.ts";
export { summarize, type ScenarioSummary } from "./summary.ts";
