/** The process that makes the load, seen from the benchmark. */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { LoadJob, LoadResult } from "./load.ts";
import type { LoadAnswer, LoadOrder } from "./load-process.ts";
import { cpuMs, endProcess, type MeasuredSystem } from "./measured-system.ts";

/** One run of a load, and what it cost. */
export interface LoadReport extends LoadResult {
  /** CPU time of all processes of the system for each request, in microseconds. */
  readonly systemCpuUs: number;
  /** The same of the process that makes the load. */
  readonly loadCpuUs: number;
  /** Of the system's processes, each. */
  readonly cpuUs: readonly number[];
}

export class LoadGenerator {
  readonly #process: ChildProcess;

  constructor(flags: readonly string[] = []) {
    this.#process = fork(fileURLToPath(new URL("./load-process.ts", import.meta.url)), { execArgv: [...flags] });
  }

  /** Opens connections to the system's leader in place of those it has. */
  async connect(system: MeasuredSystem, connections: number): Promise<void> {
    const address = await system.leaderAddress();
    await this.#order({ type: "open", system: system.system, address, connections });
  }

  async fill(): Promise<void> {
    await this.#order({ type: "fill" });
  }

  /** Runs one load. CPU time counts from the beginning of its warm-up, and so do the requests that it is divided by. */
  async run(system: MeasuredSystem, job: LoadJob): Promise<LoadReport> {
    const pids = [...system.pids, this.#process.pid ?? 0];
    const before = pids.map(cpuMs);
    const result = await this.#order({ type: "run", job });
    if (result === null) throw new Error("Bug: a load without a result");
    const requests = result.done * ((job.warmUpMs + job.measureMs) / job.measureMs);
    const cpuUs = pids.map((pid, at) => ((cpuMs(pid) - (before[at] ?? 0)) * 1000) / requests);
    const loadCpuUs = cpuUs.pop() ?? 0;
    return { ...result, cpuUs, loadCpuUs, systemCpuUs: cpuUs.reduce((sum, each) => sum + each, 0) };
  }

  async end(): Promise<void> {
    if (this.#process.connected) this.#process.disconnect();
    await endProcess(this.#process);
  }

  #order(order: LoadOrder): Promise<LoadResult | null> {
    return new Promise((resolve, reject) => {
      const onExit = (): void => reject(new Error("The process that makes the load has ended"));
      this.#process.once("exit", onExit);
      this.#process.once("message", (answer: LoadAnswer) => {
        this.#process.off("exit", onExit);
        if (answer.type === "failed") reject(new Error(answer.message));
        else resolve(answer.result);
      });
      this.#process.send(order);
    });
  }
}
