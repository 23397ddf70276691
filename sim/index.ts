/** The simulator: the other world. See README.md. */
export type { ActorFaultKind, ActorFaults } from "./simulate/actor-faults.ts";
export {
  explore,
  exploreBySteps,
  formatExploration,
  RAFT_SETUPS,
  RaftModel,
  type Exploration,
  type ExplorationEnd,
  type ExplorationFailure,
  type ExplorationProgress,
  type ExplorationStep,
  type ExploreOptions,
  type Fingerprint,
  type StateCheck,
  type StateModel,
} from "./explore/index.ts";
export type { FaultKind } from "./faults/fault-kinds.ts";
export type { PlantedFaults } from "./faults/planted-faults.ts";
export {
  casModel,
  checkHistory,
  HISTORY_MODELS,
  HistoryError,
  HistoryReader,
  htmlPicture,
  isUnknown,
  kvModel,
  lockModel,
  readHistory,
  registerModel,
  svgPicture,
  textPicture,
  type BudgetOptions,
  type CasInput,
  type CasOutput,
  type CellState,
  type CheckHistoryOptions,
  type Counterexample,
  type GaveUp,
  type HistoryClock,
  type HistoryFormat,
  type HistoryModelName,
  type HistoryTypes,
  type HistoryOperation,
  type HistoryProblem,
  type HistoryVerdict,
  type KvInput,
  type KvOutput,
  type LockInput,
  type LockState,
  type Model,
  type OrderStep,
  type ReadableModel,
  type ReadHistory,
  type ReadHistoryOptions,
  type RegisterInput,
  type RegisterOutput,
  type SvgPictureOptions,
  type TextPictureOptions,
} from "./linearizability/index.ts";
export { neverReached } from "./run/coverage.ts";
export { formatFailure, formatFailures, formatSummary, replayCommand } from "./run/report.ts";
export type { ProfileName } from "./faults/profile.ts";
export type { HostTrouble } from "./outside/host-trouble.ts";
export type { MovePoint } from "./schedule/crash-point.ts";
export type { DrainKind, KeepKind, MoveKind, StackKind } from "./schedule/load-act.ts";
export type { SnapshotTrouble, SnapshotTroubleAt } from "./disk/snapshot-disk.ts";
export type { Replay, RunOptions, SeedFailure, SeedResult } from "./run/run-result.ts";
export type {
  Fact,
  FactKind,
  FaultRow,
  Lane,
  Moment,
  RecordedFailure,
  RecordedMessage,
  Role,
  RoleSpan,
  RunRecord,
  Span,
} from "./record/run-record.ts";
export {
  commandsFor,
  DRAWN_MAX,
  formatRunReport,
  formatSimulationReport,
  formatSweepReport,
  reportScenario,
  reportSeed,
  reportSimulation,
  SeedLines,
  type ReportCommand,
  type ReportedRun,
  type ReportedSweep,
  type SimulationReportOptions,
} from "./report/index.ts";
export { recordSeed, runSeed, watchSeed, type RecordedRun, type WatchedRun } from "./run/run-seed.ts";
export type { BlowAct } from "./schedule/blow.ts";
export type { ClockBlow } from "./schedule/clock-blow.ts";
export type { CrashPoint, HandOverPoint, SentKind, WriteKind } from "./schedule/crash-point.ts";
export type { Directions, LinkBlow } from "./schedule/link-blow.ts";
export type { LoadAct, TellKind } from "./schedule/load-act.ts";
export type { OrderKind } from "./search/index.ts";
export type { Schedule, ScheduledEvent } from "./schedule/schedule.ts";
export type { StorageBlow } from "./schedule/storage-blow.ts";
export { causesOf, verifyResult, verifySeed } from "./run/verify-seed.ts";
export { addToSummary, EMPTY_SUMMARY, runSeeds, type RunsOptions, type Summary } from "./run/run-seeds.ts";
export {
  formatReplay,
  parseReplay,
  ReplayFileError,
  shrink,
  type Replayable,
  type RecordedFile,
  type ReplayFile,
  type ShrinkableRun,
  type ShrinkOptions,
  type ShrinkProgress,
  type ShrinkProgressOf,
  type Shrunk,
  type ShrunkRun,
} from "./shrink/index.ts";
export {
  defineSimulation,
  isSimulation,
  type SimulationDefinition,
  type SimulationMaking,
} from "./simulate/define-simulation.ts";
export {
  optionsOfSimulation,
  replayOptions,
  recordSimulation,
  replaySimulation,
  type RecordedSimulation,
  type SimulationRequest,
  type SimulationRun,
} from "./simulate/recorded-simulation.ts";
export {
  shrinkSimulation,
  type ShrinkSimulationOptions,
  type ShrunkSimulation,
  type SimulationShrinkProgress,
} from "./simulate/shrink-simulation.ts";
export {
  compileScenario,
  editorSchema,
  formatScenario,
  runScenario,
  summarize,
  watchScenario,
  type Compiled,
  type NodeDocument,
  type Platform,
  type ScenarioPlan,
  type ScenarioRun,
  type ScenarioRunOptions,
  type ScenarioSummary,
  type WatchedScenario,
} from "./scenario-file/index.ts";
export { simulate } from "./simulate/simulate.ts";
export { watchSimulation, type WatchedSimulation } from "./simulate/watch-simulation.ts";
export { formatSimulationRun, parseSimulationRun, type SimulationFile } from "./simulate/simulation-file.ts";
export type { SimulateOptions, SimulationLoad, SimulationResult } from "./simulate/simulate-options.ts";
export {
  addSimulation,
  EMPTY_SIMULATIONS,
  endSimulations,
  simulateSeeds,
  type SeedRange,
  type SimulationSummary,
} from "./simulate/simulate-seeds.ts";
export type { Check, Checks, SimulatedNode, Simulation } from "./simulate/simulation.ts";
export { DECIDED_BY_SEED } from "./verify/index.ts";
export { verifySimulation } from "./simulate/verify-simulation.ts";
export { formatSimulation, formatSimulations, formatSimulationTotals } from "./simulate/simulation-report.ts";
export { SealedGlobalError, sealGlobals, withSealedGlobals } from "./timeline/sealed-globals.ts";
