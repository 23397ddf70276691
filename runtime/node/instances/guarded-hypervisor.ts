/**
 * A hypervisor whose instances run under guards: what the drivers of this folder's neighbours have in common.
 *
 * Everything that must outlive this process is on disk (instance-store.ts, guard/); what is in memory is only how to
 * reach an instance and who waits for it. So a process that was killed at any point is followed by one that reads the
 * folders and carries on: a folder whose guard lives holds an instance, any other one holds only logs.
 */
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
import { giveUp, guardFolder, type GuardExit, killInstance, readGuard } from "../guard/guard.ts";
import { readLease, toUptime, writeLease } from "../guard/lease-file.ts";
import { isRunning } from "../guard/process-identity.ts";
import { tellSign } from "./guest-signs.ts";
import { checkLaunch, checkPorts } from "./check-launch.ts";
import { ConsoleLog } from "./console-log.ts";
import { EndWatch } from "./end-watch.ts";
import type { GuardedHypervisorOptions } from "./guarded-options.ts";
import { guardedVerbs } from "./guarded-verbs.ts";
import { InstanceFinder, KILL_WAIT_MS } from "./instance-finder.ts";
import { InstanceLauncher } from "./instance-launcher.ts";
import { InstanceStarter } from "./instance-starter.ts";
import { type InstanceRecord, InstanceStore } from "./instance-store.ts";
import { limitedDriver } from "./limited-driver.ts";
import { type MachineDriver, StartRefusal, toStartRefusal } from "./machine-driver.ts";
import { readRunTimes } from "./run-times.ts";
import { privateDriver } from "./private-driver.ts";
import type { RunningInstance } from "./running-instance.ts";
import { StandbyPool } from "./standby-pool.ts";
import { StartingLeases } from "./starting-leases.ts";
import { Turns } from "./turns.ts";

/** Between two attempts to list what runs. */
const LIST_RETRY_MS = 1_000;

export class GuardedHypervisor implements Hypervisor {
  readonly driver: DriverName;
  readonly capabilities: HypervisorCapabilities;
  readonly verbs: GuestVerbs;
  readonly keepOnly: NonNullable<Hypervisor["keepOnly"]>;
  readonly keepOnlyCheckpoints: NonNullable<Hypervisor["keepOnlyCheckpoints"]>;
  readonly #machines: MachineDriver;
  readonly #store: InstanceStore;
  readonly #finder: InstanceFinder;
  readonly #standbys: StandbyPool;
  readonly #starter: InstanceStarter;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #running = new Map<string, RunningInstance>();
  readonly #leases: StartingLeases;
  /** Starts, adoptions and the beginnings of stops of one instance happen one after the other. */
  readonly #turns = new Turns();
  readonly #ends: EndWatch;
  #listen: (event: InstanceEvent) => void = () => undefined;
  #closed = false;

  constructor(machines: MachineDriver, options: GuardedHypervisorOptions) {
    this.#machines = privateDriver(limitedDriver(machines, options.cgroups), options.users);
    ({ name: this.driver, capabilities: this.capabilities } = machines);
    this.#store = new InstanceStore(options.stateDir);
    this.#finder = new InstanceFinder(this.#store, options.clock, machines.name);
    const { clock, logger, users } = options;
    [this.#clock, this.#logger, this.#leases] = [clock, logger, new StartingLeases(clock)];
    const end = async (running: RunningInstance, exit: GuardExit): Promise<boolean> => this.#end(running, exit);
    this.#ends = new EndWatch({ clock, logger, running: this.#running, end });
    const host = { driver: this.#machines, store: this.#store, clock, logger, users };
    const launcher = new InstanceLauncher(host);
    const { cgroups, memoryMiB, availableMiB, standbys: limits = { count: 0, each: 0 } } = options;
    const promisedMiB = (): (readonly [string, number])[] =>
      [...this.#running].map(([id, { record }]) => [id, record.memoryMiB ?? 0] as const);
    const room = {
      promisedMiB,
      ...(memoryMiB === undefined ? {} : { memoryMiB }),
      ...(availableMiB === undefined ? {} : { availableMiB }),
    };
    this.#standbys = new StandbyPool({ ...host, ...room, finder: this.#finder, launcher, cgroups, limits });
    this.#starter = new InstanceStarter({
      ...{ ...host, launcher, standbys: this.#standbys },
      deadlineOf: (launch) => this.#leases.deadline(launch),
      attach: (record) => this.#attach(record, false),
      bound: (running, deadline) => this.#bound(running, () => deadline),
      // Behind the answer to `start`.
      started: (running) => void setImmediate(() => this.#ends.look(running)),
      abandon: async (instance) => this.#abandon(instance),
    });
    this.keepOnly = (instances) => machines.keepOnly?.(instances);
    this.keepOnlyCheckpoints = (ids) => {
      this.#standbys.keepOnly(ids);
      machines.keepOnlyCheckpoints?.(ids);
    };
    this.verbs = guardedVerbs({
      driver: this.#machines,
      machineOf: (instance) => this.#running.get(instance)?.machine,
      timesOf: (instance) => {
        const running = this.#running.get(instance);
        if (running === undefined) return {};
        const { startedAt, origin } = running.record;
        return { ...readRunTimes(running.folder, startedAt), ...(origin === undefined ? {} : { origin }) };
      },
      dropCheckpoint: async (id) => {
        await this.#standbys.drop(id);
        await machines.dropCheckpoint?.(id);
      },
      isClosed: () => this.#closed,
    });
  }

  /** Standbys that could be taken now. */
  get standbys(): number {
    return this.#standbys.ready;
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
      if (running !== undefined) this.#bound(running, () => toUptime(this.#clock, leaseUntilMs));
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
    this.#standbys.close();
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
    return await this.#starter.start(launch);
  }

  async #adopt(instance: string, leaseUntilMs: number): Promise<StartResult> {
    const running = await this.#attached(instance);
    if (running === undefined) throw new StartRefusal("not-running", "it does not run on this host any more");
    this.#bound(running, () => toUptime(this.#clock, leaseUntilMs));
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
  async #abandon(instance: string): Promise<void> {
    const folder = this.#store.folder(instance);
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

  /** Its guard ends it then, and not before. */
  #bound({ folder, record: { instance } }: RunningInstance, until: () => number): void {
    try {
      const deadline = until();
      if (deadline > readLease(guardFolder(folder))) writeLease(guardFolder(folder), deadline);
    } catch (error) {
      const message = `Cannot extend the lease of instance "${instance}": its guard will end it`;
      this.#logger.log("error", message, { instance, cause: error });
    }
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
