/** What `blixard/sim` exports: a user's own actors under a seed. */
export {
  formatSimulation,
  formatSimulations,
  SealedGlobalError,
  simulate,
  simulateSeeds,
  type ActorFaultKind,
  type ActorFaults,
  type Check,
  type Checks,
  type SeedFailure,
  type SeedRange,
  type SimulatedNode,
  type SimulateOptions,
  type Simulation,
  type SimulationResult,
  type SimulationSummary,
} from "../sim/index.ts";
