/**
 * The thread that runs seeds of a user's actors: tasks in, results out (`seed-thread.ts` is its other side).
 *
 * It loads the file once, and makes the simulation anew for each run. What a run throws is a fault of that file, or of the simulator, and ends
 * the thread.
 */
import { parentPort } from "node:worker_threads";
import { loadSimulation, type SimulationTask } from "./load-simulation.ts";
import { runTask } from "./run-task.ts";

const port = parentPort;
if (!port) throw new Error("simulation-worker.ts runs as a worker thread");

port.on("message", (task: SimulationTask) => {
  void loadSimulation(task.file)
    .then((definition) => runTask(definition, task))
    .then((result) => port.postMessage(result));
});
