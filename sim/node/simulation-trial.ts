/** The thread in which a user's file is loaded and its simulation made for the first time (`try-simulation.ts` is its other side). */
import { parentPort, workerData } from "node:worker_threads";
import { makeSimulation, type SimulationDefinition } from "../simulate/define-simulation.ts";
import { loadSimulation } from "./load-simulation.ts";
import type { SimulationTrial, TrialPhase } from "./try-simulation.ts";

const port = parentPort;
if (!port) throw new Error("simulation-trial.ts runs as a worker thread");

const { file, seed, planted } = workerData as SimulationTrial;
const tell = (phase: TrialPhase): void => port.postMessage(phase);

// Not awaited at the top: where it never settles Node.js would write a warning of its own about this line.
void loadSimulation(file)
  .catch(() => null)
  .then(make);

function make(definition: SimulationDefinition | null): void {
  tell("loaded");
  try {
    if (definition !== null) makeSimulation(definition, { seed, planted });
  } catch {
    // It has ended, which is what is asked here.
  }
  tell("made");
}
