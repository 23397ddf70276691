/** Exhaustive exploration of small systems. See ../README.md. */
export type {
  Exploration,
  ExplorationEnd,
  ExplorationFailure,
  ExplorationProgress,
  ExplorationStep,
  ExploreOptions,
} from "./exploration.ts";
export { formatExploration } from "./exploration-report.ts";
export { explore, exploreBySteps } from "./explore.ts";
export type { Fingerprint } from "./fingerprint.ts";
export { RaftModel } from "./raft/raft-model.ts";
export { RAFT_SETUPS } from "./raft/setups.ts";
export type { StateCheck, StateModel } from "./state-model.ts";
