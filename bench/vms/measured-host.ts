/** One host with the `qemu` driver in a folder of its own, with promises; its guests are small and do next to nothing. */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { InstanceEvent, InstanceLaunch, StartResult, VerbResult } from "../../runtime/index.ts";
import {
  createPinoLogger,
  createQemuHypervisor,
  type GuardedHypervisor,
  nodeClock,
  type StandbyLimits,
} from "../../runtime/node/index.ts";

const LEASE_MS = 600_000;
const STANDBY_MS = 30_000;

export class MeasuredHost {
  readonly hypervisor: GuardedHypervisor;
  readonly #folder: string;
  readonly #started = new Set<string>();
  readonly #events: InstanceEvent[] = [];
  readonly #waiting = new Set<() => void>();

  /** `standbys`: default: none. */
  constructor(imagesDir: string, standbys: StandbyLimits = { count: 0, each: 0 }) {
    this.#folder = mkdtempSync("/tmp/blixard-vms-");
    const logger = createPinoLogger({ level: "error", base: {} });
    const world = { stateDir: this.#folder, clock: nodeClock, logger };
    this.hypervisor = createQemuHypervisor({ ...world, imagesDir, standbys, acceleration: "tcg" });
    this.hypervisor.onEvent((event) => {
      this.#events.push(event);
      for (const wake of [...this.#waiting]) wake();
    });
  }

  checkpoint(id: string): string {
    return join(this.#folder, "checkpoints", id);
  }

  console(instance: string): string {
    return join(this.#folder, "instances", instance, "console.log");
  }

  async start(launch: InstanceLaunch): Promise<Extract<StartResult, { ok: true }>> {
    this.#started.add(launch.instance);
    const result = await new Promise<StartResult>((done) => this.hypervisor.start(launch, done));
    if (!result.ok) throw new Error(result.message);
    return result;
  }

  async verb<Answer extends object>(ask: (done: (result: VerbResult<Answer>) => void) => void): Promise<Answer> {
    const result = await new Promise<VerbResult<Answer>>(ask);
    if (!result.ok) throw new Error(result.message);
    return result;
  }

  async event(type: InstanceEvent["type"], instance: string): Promise<void> {
    const isThere = (): boolean => this.#events.some((one) => one.type === type && one.instance === instance);
    while (!isThere()) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
  }

  /** Resolves when the next one that starts from a checkpoint finds a standby. @throws when there is none in half a minute. */
  async standby(): Promise<void> {
    const untilMs = performance.now() + STANDBY_MS;
    while (this.hypervisor.standbys === 0) {
      if (performance.now() > untilMs) throw new Error(`no standby within ${STANDBY_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async stop(instance: string): Promise<void> {
    this.#started.delete(instance);
    this.#events.splice(0, this.#events.length, ...this.#events.filter((one) => one.instance !== instance));
    await new Promise<unknown>((done) => this.hypervisor.stop(instance, 0, done));
  }

  async close(): Promise<void> {
    for (const instance of [...this.#started]) await this.stop(instance);
    this.hypervisor.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export function launchOf(
  instance: string,
  from?: InstanceLaunch["from"],
  script = "exec sleep 1000000",
): InstanceLaunch {
  return {
    instance,
    vm: instance,
    node: "bench",
    vcpus: 1,
    memoryMiB: 128,
    image: "base",
    command: ["sh", "-c", script],
    env: {},
    files: [],
    ports: [],
    leaseUntilMs: nodeClock.monotonicMs() + LEASE_MS,
    ...(from === undefined ? {} : { from }),
  };
}
