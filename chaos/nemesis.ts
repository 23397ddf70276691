/**
 * Carries out the rounds of a schedule: begins each fault at whomever it hits now, ends it, and after the last of a round demands that the cluster
 * acknowledges a write within `RECOVERY_MS`. What it did, and when, goes to `schedule.jsonl`.
 */
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { KvStatus } from "../examples/kv/kv-status.ts";
import type { ChaosCluster } from "./chaos-cluster.ts";
import { DiskPressure } from "./disk-pressure.ts";
import { nameOf, type Fault, type Round } from "./fault.ts";
import { linksToCut } from "./partition.ts";
import type { Probe } from "./probe.ts";
import type { Rack } from "./rack.ts";

/** After the end of a fault, when every process serves: an election takes below a second, a redial comes after 2.4 s at most, and the machine is busy. */
export const RECOVERY_MS = 10_000;

/** For a process, until it serves: below a second on a machine that does nothing else. */
const START_MS = 60_000;

export interface NemesisOptions {
  readonly cluster: ChaosCluster;
  readonly rack: Rack;
  readonly probe: Probe;
  /** File for what was done. */
  readonly journal: string;
  readonly nowUs: () => number;
  /** What happens to the disks while all nodes are down. Default: nothing. */
  readonly whileAllDown?: () => void;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
}

/** What ends a fault. */
type End = () => Promise<void> | void;

interface Begun {
  readonly victims: readonly string[];
  readonly end: End;
}

export class Nemesis {
  /** How many faults there were of each name. */
  readonly done: Map<string, number> = new Map();
  /** The longest that processes took from their start until they served, in milliseconds. */
  longestStartMs = 0;
  readonly #options: NemesisOptions;
  /** Whom a fault of processes or disks hits now: no two hit the same. */
  readonly #hit = new Set<string>();
  #failure: string | null = null;

  constructor(options: NemesisOptions) {
    this.#options = options;
  }

  /** @returns what is wrong: the cluster did not come back. */
  async play({ faults, calmMs }: Round): Promise<string | null> {
    const { probe, progress, signal } = this.#options;
    const played = await Promise.allSettled(faults.map(async (fault) => this.#playOne(fault, faults.length === 1)));
    // Only now has each ended what it began, also where one of them failed.
    const kinds = played.flatMap((one) => {
      if (one.status === "rejected") throw one.reason;
      return one.value ?? [];
    });
    if (this.#failure !== null) return this.#failure;
    const backMs = await probe.acknowledges(RECOVERY_MS);
    const what = kinds.length === 0 ? "nothing that could be hit" : kinds.join(" + ");
    if (backMs === null) {
      this.#write({ failed: what });
      return `No write was acknowledged within ${RECOVERY_MS / 1000} s after the end of: ${what}`;
    }
    probe.calm();
    progress(`${what}: a write after ${Math.round(backMs)} ms`);
    this.#write({ recovered: what, afterMs: Math.round(backMs) });
    await sleep(calmMs, undefined, { signal });
    return null;
  }

  /** @returns what was done to whom; null when there was nobody left to do it to. */
  async #playOne(fault: Fault, isAlone: boolean): Promise<string | null> {
    const { probe, signal } = this.#options;
    await sleep(fault.afterMs, undefined, { signal });
    const name = nameOf(fault);
    probe.begins(name, { isAlone });
    const begun = await this.#begin(fault);
    if (begun === null) return null;
    const { victims, end } = begun;
    const what = `${name} (${victims.join(", ")})`;
    this.done.set(name, (this.done.get(name) ?? 0) + 1);
    this.#write({ begun: what });
    try {
      await sleep(fault.forMs, undefined, { signal });
    } finally {
      await end();
      this.#write({ ended: what });
    }
    return what;
  }

  async #begin(fault: Fault): Promise<Begun | null> {
    switch (fault.kind) {
      case "kill":
        return this.#kill(await this.#victims(fault));
      case "pause":
        return this.#pause(await this.#victims(fault));
      case "disk-full":
        return this.#fill(await this.#victims(fault));
      case "partition":
        return this.#cut(fault);
      case "restart-all":
        return this.#restartAll();
      default:
        return fault.kind satisfies never;
    }
  }

  async #kill(victims: readonly string[]): Promise<Begun | null> {
    const { cluster } = this.#options;
    await Promise.all(victims.map(async (name) => cluster.kill(name)));
    return this.#until(victims, async () => this.#startAll(victims));
  }

  #pause(victims: readonly string[]): Begun | null {
    const { cluster } = this.#options;
    for (const name of victims) cluster.pause(name);
    return this.#until(victims, () => {
      for (const name of victims) cluster.resume(name);
    });
  }

  async #fill(victims: readonly string[]): Promise<Begun | null> {
    const { cluster, rack } = this.#options;
    if (victims.length === 0) return null;
    const begun = this.#until(victims, () => {
      for (const name of victims) rack.empty(name);
    });
    for (const name of victims) rack.fill(name);
    // What is left of the present segment of the log is room of its own: writes must fill it first.
    this.#write({ readOnly: await new DiskPressure(cluster, victims).felt() });
    return begun;
  }

  async #cut({ target, pick }: Fault): Promise<Begun> {
    const { cluster, rack } = this.#options;
    const links = linksToCut(target, { names: cluster.names, leader: await cluster.leader(), pick });
    for (const { from, to } of links) rack.cut(from, to);
    const victims = links.map(({ from, to }) => `${from}↛${to}`);
    return { victims, end: () => rack.heal() };
  }

  /** Whatever else hits a process or a disk goes on, and may end before or after. */
  async #restartAll(): Promise<Begun> {
    const { cluster, whileAllDown } = this.#options;
    await cluster.killAll();
    whileAllDown?.();
    return { victims: cluster.names, end: async () => this.#startAll(cluster.names) };
  }

  /** Those that are down, until they serve: how long a process takes to start is the machine's, and none of the cluster's time to recover. */
  async #startAll(names: readonly string[]): Promise<void> {
    const { cluster, signal } = this.#options;
    for (const name of names) if (cluster.stateOf(name) === "down") cluster.start(name);
    const serve = (statuses: readonly KvStatus[]): boolean =>
      names.every((name) => cluster.stateOf(name) === "paused" || statuses.some(({ node }) => node === name));
    const startMs = performance.now();
    const isUp = await cluster.waitFor(serve, { timeoutMs: START_MS, signal });
    this.longestStartMs = Math.max(this.longestStartMs, performance.now() - startMs);
    if (isUp) return;
    this.#failure ??= `Not all of ${names.join(", ")} serve ${START_MS / 1000} s after they were started`;
  }

  /** Null when there is nobody. */
  #until(victims: readonly string[], end: End): Begun | null {
    if (victims.length === 0) return null;
    for (const name of victims) this.#hit.add(name);
    return {
      victims,
      end: async () => {
        for (const name of victims) this.#hit.delete(name);
        await end();
      },
    };
  }

  async #victims({ target, pick }: Fault): Promise<readonly string[]> {
    const { cluster } = this.#options;
    const leader = target === "everybody" ? null : await cluster.leader();
    // Reserved only after the last await, so two faults that begin at once do not hit the same node.
    const free = cluster.names.filter((name) => !this.#hit.has(name) && cluster.stateOf(name) === "running");
    const followers = free.filter((name) => name !== leader);
    const some = (count: number): readonly string[] => {
      const first = Math.floor(pick * free.length);
      return [...free.slice(first), ...free.slice(0, first)].slice(0, count);
    };
    switch (target) {
      case "everybody":
        return free;
      case "majority":
        return some(Math.floor(cluster.names.length / 2) + 1);
      case "leader":
        return leader !== null && free.includes(leader) ? [leader] : some(1);
      default:
        return followers.slice(Math.floor(pick * followers.length)).slice(0, 1);
    }
  }

  #write(event: Readonly<Record<string, unknown>>): void {
    appendFileSync(this.#options.journal, `${JSON.stringify({ us: this.#options.nowUs(), ...event })}\n`);
  }
}
