/**
 * Standbys: machines that have loaded a checkpoint already and stand still, so that the next instance which starts from it is one of them, and
 * waits neither for a hypervisor to start nor for it to load (docs/decisions/0037-standbys.md).
 *
 *   a guest was started from a checkpoint ──▶ quiet for a moment ──▶ one more is made, as long as there is room ──▶ stands by ──▶ `take`
 *
 * A standby is an instance without a name: the same folder, guard, user and control group, in STATE/standbys. It becomes an instance by a rename, behind which a node
 * that dies leaves an instance that was not set going; before it, one that nobody takes. Its guard's deadline is moved only a little ahead at a time, and only an
 * instance whose lease goes beyond that deadline may take it: so a guard never has to bring a deadline forward, and a node that dies leaves none for long.
 *
 * They use what nobody was promised: they go when a VM needs the room, when the host has little memory left, when their checkpoint goes or is not used for long.
 */
import { randomBytes } from "node:crypto";
import type { Clock, TimerHandle } from "../../ports/clock.ts";
import type { InstanceLaunch } from "../../ports/hypervisor.ts";
import type { Logger } from "../../ports/logger.ts";
import { giveUp, guardFolder, killInstance, readGuard } from "../guard/guard.ts";
import { uptimeHundredths } from "../guard/host-uptime.ts";
import { readLease, toUptime, writeLease } from "../guard/lease-file.ts";
import { isRunning } from "../guard/process-identity.ts";
import { availableMemoryMiB } from "./available-memory.ts";
import type { InstanceCgroups } from "./instance-cgroups.ts";
import type { InstanceFinder } from "./instance-finder.ts";
import type { InstanceLauncher } from "./instance-launcher.ts";
import type { InstanceStore } from "./instance-store.ts";
import type { InstanceUsers } from "./instance-users.ts";
import { type MachineDriver, StartRefusal } from "./machine-driver.ts";
import { readProcessUsage } from "./process-usage.ts";
import type { StandbyLimits } from "./standby-limits.ts";

/** Half of what is left of a node's lease when it has just been renewed, or instances would seldom take one. */
const LEASE_MS = 3_000;
const TICK_MS = 1_000;
/** Guests that have just been started come first. */
const QUIET_MS = 500;
const IDLE_MS = 600_000;
/** Where there are as many as may be, one makes way for a checkpoint that was used so much later: sooner, and three used in turns would take each other's. */
const YIELDS_MS = 60_000;
/** Of one that was not made yet: half as much again as an idle guest of 128 MiB. */
const HELD_MIB = 48;
/** What the host must have for another one to be made, and below which they are given back. */
const ENOUGH_MIB = 512;
const LITTLE_MIB = 256;
const MIB = 1024 * 1024;

export interface StandbyPoolOptions {
  readonly driver: MachineDriver;
  readonly store: InstanceStore;
  readonly finder: InstanceFinder;
  readonly launcher: InstanceLauncher;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly users: InstanceUsers | undefined;
  readonly cgroups: InstanceCgroups | undefined;
  readonly limits: StandbyLimits;
  /** What the node may promise to VMs. Default: only what the host has counts. */
  readonly memoryMiB?: number;
  /** What instances that run were promised, by their ids. */
  readonly promisedMiB: () => Iterable<readonly [string, number]>;
  /** What the host has that no process holds. Default: as the kernel says. */
  readonly availableMiB?: () => number;
}

/** One that nobody else has any more. */
export interface Standby {
  readonly id: string;
  readonly folder: string;
  readonly user: number | undefined;
}

interface Kept extends Standby {
  readonly template: string;
  /** undefined while it is made. */
  heldMiB: number | undefined;
}

interface Template {
  /** What all that start from it have in common. */
  readonly launch: InstanceLaunch;
  usedMs: number;
}

export class StandbyPool {
  readonly #options: StandbyPoolOptions;
  readonly #availableMiB: () => number;
  readonly #templates = new Map<string, Template>();
  readonly #kept = new Map<string, Kept>();
  /** What instances that are being started will have. */
  readonly #starting = new Map<string, number>();
  #tick: TimerHandle | undefined;
  #quiet: TimerHandle | undefined;
  #making: Promise<void> | undefined;
  #closed = false;

  constructor(options: StandbyPoolOptions) {
    this.#options = options;
    this.#availableMiB = options.availableMiB ?? availableMemoryMiB;
    for (const id of options.store.standbyIds()) void this.#end(id);
  }

  /** How many could be taken now. */
  get ready(): number {
    return [...this.#kept.values()].filter(({ heldMiB }) => heldMiB !== undefined).length;
  }

  /** A standby for that instance, which is the caller's from now on and is ended at `deadline`; undefined where there is none. */
  take(launch: InstanceLaunch, deadline: number): Standby | undefined {
    const template = this.#templateOf(launch);
    if (template === undefined) return undefined;
    for (const one of this.#kept.values()) {
      if (one.template !== template || one.heldMiB === undefined || !this.#stands(one)) continue;
      const own = readLease(guardFolder(one.folder));
      if (own > deadline || own <= uptimeHundredths()) continue;
      this.#kept.delete(one.id);
      writeLease(guardFolder(one.folder), deadline);
      return one;
    }
    return undefined;
  }

  /** Ends one that was taken and is not to be an instance after all. */
  async discard({ id }: Standby): Promise<void> {
    await this.#end(id);
  }

  /** A guest has been started so: more may be. */
  used(launch: InstanceLaunch): void {
    const template = this.#templateOf(launch);
    if (template === undefined || this.#closed) return;
    const { from, vcpus, memoryMiB, image, node } = launch;
    const nowMs = this.#options.clock.monotonicMs();
    // Nothing of an instance's own, which may be secret, is kept.
    const shape = { vm: "standby", node, vcpus, memoryMiB, image, command: [], env: {}, files: [], ports: [] };
    const bare = { ...shape, instance: "standby", leaseUntilMs: 0, ...(from === undefined ? {} : { from }) };
    this.#templates.set(template, { launch: bare, usedMs: nowMs });
    const { clock } = this.#options;
    if (this.#quiet !== undefined) clock.clearTimer(this.#quiet);
    this.#quiet = clock.setTimer(QUIET_MS, () => this.#refill());
  }

  /** Counts what the instance was promised from the beginning of its start on. */
  async during<Value>({ instance, memoryMiB }: InstanceLaunch, start: () => Promise<Value>): Promise<Value> {
    this.#starting.set(instance, memoryMiB);
    try {
      return await start();
    } finally {
      this.#starting.delete(instance);
    }
  }

  /** Ends standbys that are in the way of what was promised. */
  async makeRoom(): Promise<void> {
    while (this.#roomMiB() < 0 && this.#kept.size > 0) await this.#endOldest();
  }

  /** The checkpoint goes. */
  async drop(template: string): Promise<void> {
    this.#templates.delete(template);
    const its = [...this.#kept.values()].filter((one) => one.template === template);
    await Promise.all(its.map((one) => this.#giveBack(one)));
  }

  /** All other checkpoints go. */
  keepOnly(templates: readonly string[]): void {
    const all = new Set([...this.#templates.keys(), ...[...this.#kept.values()].map(({ template }) => template)]);
    for (const template of all) if (!templates.includes(template)) void this.drop(template);
  }

  /** Nothing of them is left but what the next process, or their guards, find to end. */
  close(): void {
    this.#closed = true;
    const { clock, store } = this.#options;
    for (const timer of [this.#tick, this.#quiet]) if (timer !== undefined) clock.clearTimer(timer);
    for (const { id, folder } of this.#kept.values()) {
      try {
        giveUp(folder);
        killInstance(readGuard(folder));
        store.removeStandby(id);
      } catch {
        // Its guard writes its last word there at the moment; the folder is collected.
      }
    }
    this.#kept.clear();
  }

  #templateOf(launch: InstanceLaunch): string | undefined {
    const { from } = launch;
    if (this.#options.limits.count === 0 || from?.type !== "checkpoint") return undefined;
    return this.#options.driver.canStandBy?.(launch) === true ? from.id : undefined;
  }

  #stands({ folder }: Standby): boolean {
    const { guard, child, exit } = readGuard(folder);
    return exit === undefined && guard !== undefined && child !== undefined && isRunning(guard) && isRunning(child);
  }

  /** Between two ticks at most a second's work of theirs is lost, so what fails here is said and tried again. */
  #look(): void {
    const { clock, logger } = this.#options;
    this.#tick = undefined;
    try {
      const nowMs = clock.monotonicMs();
      for (const [template, { usedMs }] of this.#templates) {
        if (nowMs - usedMs > IDLE_MS) this.#templates.delete(template);
      }
      for (const one of this.#kept.values()) {
        const isOver = !this.#templates.has(one.template) || (one.heldMiB !== undefined && !this.#stands(one));
        if (isOver) void this.#giveBack(one);
        else this.#extend(one);
      }
      if (this.#roomMiB() < 0 || this.#availableMiB() < LITTLE_MIB) void this.#endOldest();
      else this.#refill();
    } catch (error) {
      logger.log("error", "Cannot look after the standbys now", { cause: error });
    }
    this.#watch();
  }

  #watch(): void {
    if (this.#closed || this.#tick !== undefined || this.#templates.size + this.#kept.size === 0) return;
    this.#tick = this.#options.clock.setTimer(TICK_MS, () => this.#look());
  }

  #extend({ folder, heldMiB }: Kept): void {
    // One that is made has the lease that it was started with; its file may not be there yet.
    if (heldMiB === undefined && readGuard(folder).child === undefined) return;
    writeLease(guardFolder(folder), this.#deadline());
  }

  #deadline(): number {
    const { clock } = this.#options;
    return toUptime(clock, clock.monotonicMs() + LEASE_MS);
  }

  /** One at a time. */
  #refill(): void {
    this.#watch();
    if (this.#closed || this.#making !== undefined) return;
    const template = this.#next();
    if (template === undefined || !this.#fits()) return;
    if (this.#kept.size >= this.#options.limits.count) return void this.#endOldest().then(() => this.#refill());
    const making = this.#make(template).finally(() => {
      this.#making = undefined;
      this.#refill();
    });
    this.#making = making;
  }

  /** The checkpoint that was used last and has too few. */
  #next(): string | undefined {
    const { limits, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const isFull = this.#kept.size >= limits.count;
    const oldestMs = this.#usedMs(this.#oldest());
    const may = ({ usedMs }: Template): boolean =>
      nowMs - usedMs >= QUIET_MS && (!isFull || usedMs - oldestMs >= YIELDS_MS);
    const has = (template: string): number =>
      [...this.#kept.values()].filter((one) => one.template === template).length;
    const wanting = [...this.#templates].filter(([id, one]) => may(one) && has(id) < limits.each);
    return wanting.toSorted(([, a], [, b]) => b.usedMs - a.usedMs)[0]?.[0];
  }

  #fits(): boolean {
    return this.#roomMiB() >= HELD_MIB && this.#availableMiB() >= ENOUGH_MIB;
  }

  /** What was promised to nobody and is held by no standby. */
  #roomMiB(): number {
    const { memoryMiB, promisedMiB } = this.#options;
    if (memoryMiB === undefined) return Infinity;
    const promised = [...new Map([...promisedMiB(), ...this.#starting]).values()];
    const held = [...this.#kept.values()].map(({ heldMiB = HELD_MIB }) => heldMiB);
    return [...promised, ...held].reduce((left, each) => left - each, memoryMiB);
  }

  /** Never rejects. */
  async #make(template: string): Promise<void> {
    const { driver, store, launcher, users, logger } = this.#options;
    const id = `standby-${randomBytes(6).toString("hex")}`;
    const launch = this.#templates.get(template)?.launch;
    if (launch === undefined) return;
    const its = { ...launch, instance: id };
    const user = users?.pick(id, store.users());
    const owner = user === undefined ? {} : { user };
    const record = { format: 1, driver: driver.name, instance: id, vm: "standby", ports: [] } as const;
    try {
      const full = { ...record, ...owner, startedAt: uptimeHundredths() };
      const folder = store.createStandby(full);
      const kept: Kept = { id, folder, user, template, heldMiB: undefined };
      this.#kept.set(id, kept);
      const command = await launcher.prepare(its, folder, { user, deadline: () => this.#deadline() });
      if (!this.#kept.has(id)) return await this.#end(id);
      await launcher.run(folder, command, this.#deadline());
      const { child } = readGuard(folder);
      if (child === undefined) throw new StartRefusal("failed", "its guard does not say whom it guards");
      const own = { folder, record: full, child, report: () => undefined };
      const machine = driver.attach({ ...own, found: false, standsBy: true });
      try {
        await machine.standBy?.();
      } finally {
        machine.detach();
      }
      // It may have been given back, or all of them, meanwhile.
      if (!this.#kept.has(id)) return await this.#end(id);
      kept.heldMiB = Math.ceil(readProcessUsage([child.pid]).residentBytes / MIB);
      logger.log("debug", `A standby of checkpoint "${template}" is ready`, { standby: id, heldMiB: kept.heldMiB });
    } catch (error) {
      if (this.#kept.has(id)) logger.log("warn", `Cannot make a standby of checkpoint "${template}"`, { cause: error });
      // Not again before somebody starts a guest from it.
      this.#templates.delete(template);
      await this.#end(id);
    }
  }

  async #endOldest(): Promise<void> {
    const oldest = this.#oldest();
    if (oldest !== undefined) await this.#giveBack(oldest);
  }

  /** The first of the checkpoint that was not used for the longest time. */
  #oldest(): Kept | undefined {
    return [...this.#kept.values()].toSorted((a, b) => this.#usedMs(a) - this.#usedMs(b))[0];
  }

  #usedMs(one: Kept | undefined): number {
    return this.#templates.get(one?.template ?? "")?.usedMs ?? 0;
  }

  /** One that is being made is ended by who makes it. */
  async #giveBack({ id, heldMiB }: Kept): Promise<void> {
    this.#kept.delete(id);
    await (heldMiB === undefined ? this.#making : this.#end(id));
  }

  /** Never rejects; what cannot be ended now is ended by its guard, and collected by the next process. */
  async #end(id: string): Promise<void> {
    const { store, finder, cgroups, logger } = this.#options;
    this.#kept.delete(id);
    const folder = store.standbyFolder(id);
    try {
      giveUp(folder);
      if (!(await finder.endLeftovers(folder))) throw new Error("it hangs in the kernel");
      cgroups?.release(id);
      store.removeStandby(id);
    } catch (error) {
      if (!this.#closed) logger.log("error", `Cannot clear away standby "${id}"`, { cause: error });
    }
  }
}
