/**
 * A hypervisor whose instances run under guards: what the drivers of this folder's neighbours have in common.
 *
 * Everything that must outlive this process is on disk (instance-store.ts, guard/); what is in memory is only how to
 * reach an instance and who waits for it. So a process that was killed at any point is followed by one that reads the
 * folders and carries on: a folder whose guard lives holds an instance, any other one holds only logs.
 */
import { closeSync, openSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../ports/clock.ts";
import type {
  DriverName,
  FoundInstance,
  Hypervisor,
  HypervisorCapabilities,
  InstanceEvent,
  InstanceLaunch,
  LogRequest,
  LogSubscription,
  StartResult,
  StopResult,
} from "../../ports/hypervisor.ts";
import type { GuestVerbs } from "../../ports/guest-verbs.ts";
import type { Logger } from "../../ports/logger.ts";
import {
  findGuardTools,
  giveUp,
  guardFolder,
  type GuardExit,
  type GuardTools,
  killInstance,
  readGuard,
  startGuard,
} from "../guard/guard.ts";
import { uptimeHundredths } from "../guard/host-uptime.ts";
import { readLease, toUptime, writeLease } from "../guard/lease-file.ts";
import { isRunning } from "../guard/process-identity.ts";
import { tellSign } from "./guest-signs.ts";
import { checkLaunch, checkPorts } from "./check-launch.ts";
import { CONSOLE_LOG, ConsoleLog } from "./console-log.ts";
import { EndWatch } from "./end-watch.ts";
import type { GuardedHypervisorOptions } from "./guarded-options.ts";
import { guardedVerbs } from "./guarded-verbs.ts";
import { InstanceFinder, KILL_WAIT_MS } from "./instance-finder.ts";
import { type InstanceRecord, InstanceStore } from "./instance-store.ts";
import { limitedDriver } from "./limited-driver.ts";
import { type MachineDriver, StartRefusal, toStartRefusal } from "./machine-driver.ts";
import { newRecord } from "./new-record.ts";
import { readRunTimes } from "./run-times.ts";
import { privateDriver } from "./private-driver.ts";
import type { RunningInstance } from "./running-instance.ts";
import { Slots } from "./slots.ts";
import { StartingLeases } from "./starting-leases.ts";
import { Turns } from "./turns.ts";

/** Between two attempts to list what runs. */
const LIST_RETRY_MS = 1_000;
/** Monitors on their way to their first answer. After a fail-over a hundred would otherwise take each other's time until none answers in time. */
const STARTS_MAX = Math.max(4, 2 * availableParallelism());

export class GuardedHypervisor implements Hypervisor {
  readonly driver: DriverName;
  readonly capabilities: HypervisorCapabilities;
  readonly verbs: GuestVerbs;
  readonly keepOnly: NonNullable<Hypervisor["keepOnly"]>;
  readonly keepOnlyCheckpoints: NonNullable<Hypervisor["keepOnlyCheckpoints"]>;
  readonly #machines: MachineDriver;
  readonly #store: InstanceStore;
  readonly #finder: InstanceFinder;
  readonly #recordOf: (launch: InstanceLaunch) => InstanceRecord;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #running = new Map<string, RunningInstance>();
  readonly #leases = new StartingLeases();
  /** Starts, adoptions and the beginnings of stops of one instance happen one after the other. */
  readonly #turns = new Turns();
  readonly #starts = new Slots(STARTS_MAX);
  readonly #ends: EndWatch;
  #tools: Promise<GuardTools> | undefined;
  #listen: (event: InstanceEvent) => void = () => undefined;
  #closed = false;

  constructor(machines: MachineDriver, options: GuardedHypervisorOptions) {
    this.#machines = privateDriver(limitedDriver(machines, options.cgroups), options.users);
    ({ name: this.driver, capabilities: this.capabilities } = machines);
    this.#store = new InstanceStore(options.stateDir);
    this.#finder = new InstanceFinder(this.#store, options.clock, machines.name);
    const { clock, logger, users } = options;
    [this.#clock, this.#logger] = [clock, logger];
    const end = async (running: RunningInstance, exit: GuardExit): Promise<boolean> => this.#end(running, exit);
    this.#ends = new EndWatch({ clock, logger, running: this.#running, end });
    this.#recordOf = (launch) => newRecord(launch, { driver: this.#machines, store: this.#store, users, logger });
    this.keepOnly = (instances) => machines.keepOnly?.(instances);
    this.keepOnlyCheckpoints = (ids) => machines.keepOnlyCheckpoints?.(ids);
    this.verbs = guardedVerbs({
      driver: this.#machines,
      machineOf: (instance) => this.#running.get(instance)?.machine,
      timesOf: (instance) => {
        const running = this.#running.get(instance);
        return running === undefined ? {} : readRunTimes(running.folder, running.record.startedAt);
      },
      isClosed: () => this.#closed,
    });
  }

  onEvent(listen: (event: InstanceEvent) => void): void {
    this.#listen = listen;
  }

  start(launch: InstanceLaunch, done: (result: StartResult) => void): void {
    const starting = this.#turns.take(launch.instance, () => this.#leases.during(launch, () => this.#start(launch)));
    const what = `start instance "${launch.instance}" of VM "${launch.vm}"`;
    this.#answer(starting, done, (error) => refusedStart(error, what));
  }

  adopt(instance: string, leaseUntilMs: number, done: (result: StartResult) => void): void {
    const adopting = this.#turns.take(instance, () => this.#adopt(instance, leaseUntilMs));
    this.#answer(adopting, done, (error) => refusedStart(error, `adopt instance "${instance}"`));
  }

  stop(instance: string, graceMs: number, done: (result: StopResult) => void): void {
    const stopping = this.#turns
      .take(instance, async () => this.#attached(instance))
      .then(async (running): Promise<StopResult> =>
        running === undefined ? { ok: true, forced: false } : this.#stop(running, graceMs),
      );
    this.#answer(stopping, done, (error): StopResult => {
      return { ok: false, message: `Cannot stop instance "${instance}": ${(error as Error).message}` };
    });
  }

  list(done: (found: readonly FoundInstance[]) => void): void {
    void this.#list().then(
      (found) => queueMicrotask(() => done(found)),
      (error: unknown) => {
        if (this.#closed) return;
        // An answer that leaves one out would let it be started elsewhere while it runs here.
        this.#logger.log("error", "Cannot list the instances of this host yet", { cause: error });
        this.#clock.setTimer(LIST_RETRY_MS, () => this.list(done));
      },
    );
  }

  extendLease(instances: readonly string[], leaseUntilMs: number): void {
    for (const instance of instances) {
      this.#leases.extend(instance, leaseUntilMs);
      const running = this.#running.get(instance);
      if (running !== undefined) this.#extendLease(running, leaseUntilMs);
    }
  }

  readLogs(request: LogRequest): LogSubscription {
    const running = this.#running.get(request.instance);
    if (running !== undefined) return running.log.read(request);
    const folder = this.#store.logFolder(request.instance);
    if (folder !== undefined) return new ConsoleLog(folder).read({ ...request, follow: false });
    queueMicrotask(() => request.onEnd(`no log of instance "${request.instance}" on this node`));
    return { cancel: () => undefined };
  }

  /** Lets go of everything without ending an instance: their guards and leases go on, a later process adopts them. */
  close(): void {
    this.#closed = true;
    this.#ends.close();
    for (const running of this.#running.values()) {
      running.watcher?.close();
      running.machine.detach();
      void running.log.finish();
    }
    this.#running.clear();
  }

  async #list(): Promise<readonly FoundInstance[]> {
    const finding = this.#store.ids().map((instance) => this.#turns.take(instance, () => this.#finder.find(instance)));
    return (await Promise.all(finding)).filter((one) => one !== undefined);
  }

  async #start(launch: InstanceLaunch): Promise<StartResult> {
    const runs = this.#running.has(launch.instance) || (await this.#finder.find(launch.instance)) !== undefined;
    if (runs) throw new StartRefusal("failed", "it runs already");
    checkLaunch(launch, this.driver, this.capabilities);
    await checkPorts(launch.ports);
    const record = this.#recordOf(launch);
    let folder: string | undefined;
    try {
      folder = this.#store.create(record);
      closeSync(openSync(join(folder, CONSOLE_LOG), "a", 0o600));
      const command = await this.#machines.prepare(launch, folder, record.user);
      const tools = await this.#guardTools();
      const instanceFolder = folder;
      return await this.#starts.take(async () => {
        const deadline = toUptime(this.#clock, this.#leases.untilMs(launch));
        if (deadline <= uptimeHundredths()) throw new StartRefusal("failed", "its lease is over");
        await startGuard({ instanceFolder, command, deadline, tools });
        const running = this.#attach(record, false);
        if (running === undefined) throw new StartRefusal("failed", "its guard does not say whom it guards");
        const incoming = await running.machine.ready();
        running.starting = false;
        // Behind the answer to `start`.
        setImmediate(() => this.#ends.look(running));
        return { ok: true, pid: running.child.pid, ...(incoming ? { incoming } : {}) };
      });
    } catch (error) {
      if (folder !== undefined) await this.#abandon(launch.instance, folder);
      throw error;
    }
  }

  async #adopt(instance: string, leaseUntilMs: number): Promise<StartResult> {
    const running = await this.#attached(instance);
    if (running === undefined) throw new StartRefusal("not-running", "it does not run on this host any more");
    this.#extendLease(running, leaseUntilMs);
    if (isRunning(running.child)) return { ok: true, pid: running.child.pid };
    // The answer tells of this end; an event would be a second word of it.
    running.stopping = true;
    await this.#ends.within(running, KILL_WAIT_MS);
    throw new StartRefusal("not-running", "it ended just now");
  }

  async #stop(running: RunningInstance, graceMs: number): Promise<StopResult> {
    const { instance } = running.record;
    running.stopping = true;
    running.machine.requestStop();
    const asked = await this.#ends.within(running, graceMs);
    if (asked) return { ok: true, forced: false };
    killInstance(readGuard(running.folder));
    if (await this.#ends.within(running, KILL_WAIT_MS)) return { ok: true, forced: true };
    return {
      ok: false,
      message: `Cannot stop instance "${instance}": it was killed ${KILL_WAIT_MS} ms ago and has not ended, its process hangs in the kernel`,
    };
  }

  async #attached(instance: string): Promise<RunningInstance | undefined> {
    const running = this.#running.get(instance);
    if (running !== undefined) return running;
    const record = this.#store.record(instance);
    if (record === undefined || (await this.#finder.find(instance)) === undefined) return undefined;
    return this.#attach(record, true);
  }

  #attach(record: InstanceRecord, found: boolean): RunningInstance | undefined {
    const { instance } = record;
    const folder = this.#store.folder(instance);
    const { child } = readGuard(folder);
    if (child === undefined) return undefined;
    const report = (sign: "booted" | "heartbeat" | "arrived"): void => {
      const running = this.#running.get(instance);
      if (running !== undefined && !running.ended)
        tellSign(running, sign, { found, emit: (event) => this.#emit(event) });
    };
    const running: RunningInstance = {
      record,
      folder,
      child,
      log: new ConsoleLog(folder),
      machine: this.#machines.attach({ folder, record, child, found, report }),
      exitWaiters: [],
      watcher: undefined,
      starting: !found,
      stopping: false,
      booted: false,
      ended: false,
    };
    this.#running.set(instance, running);
    this.#ends.add(running);
    return running;
  }

  /** Resolves with whether it is over. */
  async #end(running: RunningInstance, exit: GuardExit): Promise<boolean> {
    const { instance } = running.record;
    // Something of it may hang in the kernel: then it has not ended.
    if (!(await this.#finder.endLeftovers(running.folder))) return false;
    const why = await running.machine.explain(exit);
    running.watcher?.close();
    running.machine.detach();
    await running.log.finish();
    await this.#machines.release?.(instance);
    if (this.#closed) return true;
    this.#running.delete(instance);
    this.#retire(instance);
    if (!running.stopping) this.#emit({ type: "exited", instance, ...why });
    for (const wake of running.exitWaiters) wake();
    return true;
  }

  /** Undoes a start that failed half-way. */
  async #abandon(instance: string, folder: string): Promise<void> {
    const running = this.#running.get(instance);
    if (running !== undefined) {
      running.ended = true;
      running.watcher?.close();
      running.machine.detach();
      this.#running.delete(instance);
    }
    giveUp(folder);
    if (!(await this.#finder.endLeftovers(folder))) return;
    await this.#machines.release?.(instance);
    this.#retire(instance);
  }

  /** What cannot be moved away now is when the instance is looked for next; its end is no less true. */
  #retire(instance: string): void {
    try {
      this.#store.retire(instance);
    } catch (error) {
      this.#logger.log("error", `Cannot clear away instance "${instance}"`, { instance, cause: error });
    }
  }

  #extendLease({ folder, record: { instance } }: RunningInstance, leaseUntilMs: number): void {
    try {
      const deadline = toUptime(this.#clock, leaseUntilMs);
      if (deadline > readLease(guardFolder(folder))) writeLease(guardFolder(folder), deadline);
    } catch (error) {
      const message = `Cannot extend the lease of instance "${instance}": its guard will end it`;
      this.#logger.log("error", message, { instance, cause: error });
    }
  }

  #guardTools(): Promise<GuardTools> {
    this.#tools ??= findGuardTools().then((tools) => {
      for (const warning of tools.warnings) this.#logger.log("warn", warning);
      return tools;
    });
    return this.#tools;
  }

  #answer<Value>(work: Promise<Value>, done: (value: Value) => void, failed: (error: unknown) => Value): void {
    // What `done` throws is the caller's bug and must not look like a failure of ours.
    void work.catch(failed).then((value) => queueMicrotask(() => done(value)));
  }

  #emit(event: InstanceEvent): void {
    if (!this.#closed) this.#listen(event);
  }
}

function refusedStart(error: unknown, what: string): StartResult {
  const { code, message } = toStartRefusal(error);
  return { ok: false, code, message: `Cannot ${what}: ${message}` };
}
