/** The thread that runs seeds of scenarios, one after another: plan and seed in, what came of it out (`sweep-scenario.ts`). */
import { parentPort } from "node:worker_threads";
import { runScenario, type ScenarioRunOptions } from "../scenario-file/index.ts";

const port = parentPort;
if (!port) throw new Error("scenario-worker.ts runs as a worker thread");

port.on("message", (options: ScenarioRunOptions) => port.postMessage(runScenario(options)));
