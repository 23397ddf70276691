/** A worker thread of `sim-month.ts`: runs one seed for as long as it is told, and answers what came of it. */
import { parentPort, workerData } from "node:worker_threads";
import { runSeed, type RunOptions } from "../sim/index.ts";

const before = process.threadCpuUsage();
const { ok, failure, events, simulatedMs, faults } = runSeed(workerData as RunOptions);
const { user, system } = process.threadCpuUsage(before);
parentPort?.postMessage({ ok, failure, events, simulatedMs, faults, cpuMs: (user + system) / 1000 });
