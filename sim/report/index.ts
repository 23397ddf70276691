/** What people read of runs: pages with sequence diagrams. See ../README.md. */
export { formatRunReport, type ReportedRun } from "./run-report.ts";
export { reportScenario } from "./scenario-report.ts";
export { commandsFor, reportSeed } from "./seed-report.ts";
export type { ReportCommand } from "./sections.ts";
export { formatSimulationReport, reportSimulation, type SimulationReportOptions } from "./simulation-report.ts";
export { DRAWN_MAX, formatSweepReport, SeedLines, type ReportedSweep } from "./sweep-report.ts";
