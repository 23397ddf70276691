/** What the parts of the hypervisor port's contract share: the harness of a driver, and a driver with promises. */
import type {
  Hypervisor,
  InstanceEvent,
  InstanceLaunch,
  StartResult,
  StopResult,
  VerbResult,
} from "../../runtime/index.ts";
import { StreamRecorder } from "../runtime/node/agent/stream-recorder.ts";
import { idleLaunch } from "./idle-launch.ts";

export interface HypervisorHarness {
  readonly name: string;
  /** A driver object over this harness's one state folder; several may follow one another. */
  open(): Hypervisor;
  /** Lets go of a driver object as a node does that ends, without ending its instances. */
  close(hypervisor: Hypervisor): void;
  /**
   * Starts `launch` in another process, waits until it has booted, and kills that process with SIGKILL. What is left of the
   * lease when this is called is counted from that process's start on.
   */
  startAndDie?(launch: InstanceLaunch): Promise<void>;
  /** Monotonic milliseconds on the clock that leases count by. */
  now(): number;
  /** A port of 127.0.0.1 that nobody listens on. */
  freePort(): Promise<number>;
  /** Occupies a port until the returned function is called. */
  occupy(port: number): Promise<() => Promise<void>>;
  /** Is a process of this id there? */
  isAlive(pid: number): boolean;
  /** Ends the process of that id, as somebody outside of the driver might. */
  kill(pid: number): void;
  /** Lets time pass on the clock that leases count by. */
  pause(durationMs: number): Promise<void>;
  /** Ends everything that a test started, failed or not, and asserts that nothing is left. */
  cleanUp(): Promise<void>;
  /** Why guests do not move between two instances of one state folder; their moves are tested elsewhere then. */
  readonly movesElsewhere?: string;
  /** How long an instance may take to boot. */
  readonly bootMs: number;
  /** A lease long enough to boot under, and to be renewed in a test. */
  readonly shortLeaseMs: number;
}

const LONG_LEASE_MS = 120_000;

/** One driver under test. Drivers that it opens are closed, and what they started is ended, by `cleanUp`. */
export class HypervisorSuite {
  readonly #make: () => Promise<HypervisorHarness>;
  readonly #opened: Driver[] = [];
  #harness: HypervisorHarness | undefined;

  constructor(make: () => Promise<HypervisorHarness>) {
    this.#make = make;
  }

  async harness(): Promise<HypervisorHarness> {
    this.#harness ??= await this.#make();
    return this.#harness;
  }

  async open(): Promise<Driver> {
    const driver = new Driver((await this.harness()).open());
    this.#opened.push(driver);
    return driver;
  }

  /** Lets go of a driver as a node does that ends. */
  close(driver: Driver): void {
    this.#opened.splice(this.#opened.indexOf(driver), 1);
    this.#harness?.close(driver.hypervisor);
  }

  async cleanUp(): Promise<void> {
    for (const driver of [...this.#opened]) this.close(driver);
    await this.#harness?.cleanUp();
  }

  /** Ends of leases, by the harness's clock. */
  get longLease(): number {
    return (this.#harness?.now() ?? 0) + LONG_LEASE_MS;
  }

  launch(instance: string, script: string): InstanceLaunch {
    return idleLaunch(instance, { command: ["sh", "-c", script], leaseUntilMs: this.longLease });
  }

  /** Runs until it is asked to end. */
  serving(instance: string): InstanceLaunch {
    return this.launch(instance, "echo serving; exec sleep 1000");
  }
}

/** A hypervisor with promises instead of callbacks, and a memory for events. */
export class Driver {
  readonly hypervisor: Hypervisor;
  readonly events: InstanceEvent[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(hypervisor: Hypervisor) {
    this.hypervisor = hypervisor;
    hypervisor.onEvent((event) => {
      this.events.push(event);
      for (const wake of [...this.#waiting]) wake();
      this.#waiting.clear();
    });
  }

  start(launch: InstanceLaunch): Promise<StartResult> {
    return new Promise((resolve) => this.hypervisor.start(launch, resolve));
  }

  async startAndBoot(launch: InstanceLaunch): Promise<{ pid: number }> {
    const started = await this.start(launch);
    if (!started.ok) throw new Error(started.message);
    await this.event("booted", launch.instance);
    return started;
  }

  stop(instance: string, graceMs: number): Promise<StopResult> {
    return new Promise((resolve) => this.hypervisor.stop(instance, graceMs, resolve));
  }

  adopt(instance: string, leaseUntilMs: number): Promise<StartResult> {
    return new Promise((resolve) => this.hypervisor.adopt(instance, leaseUntilMs, resolve));
  }

  list(): Promise<readonly { instance: string; vm: string; pid: number }[]> {
    return new Promise((resolve) => this.hypervisor.list(resolve));
  }

  /** A verb's answer. */
  ask<Result>(verb: (done: (result: Result) => void) => void): Promise<Result> {
    return new Promise((resolve) => verb(resolve));
  }

  pause(instance: string): Promise<VerbResult> {
    return this.ask((done) => this.hypervisor.verbs.pause(instance, done));
  }

  resume(instance: string): Promise<VerbResult> {
    return this.ask((done) => this.hypervisor.verbs.resume(instance, done));
  }

  /** A script of the guest's shell, with nothing on its standard input. `timeoutMs`: default: the driver's. */
  run(instance: string, script: string, timeoutMs?: number): StreamRecorder {
    const limit = timeoutMs === undefined ? {} : { timeoutMs };
    const request = { type: "exec", instance, command: ["sh", "-c", script], env: {}, ...limit } as const;
    return new StreamRecorder().open(
      (listener) => this.hypervisor.verbs.openStream(request, listener),
      Buffer.alloc(0),
    );
  }

  /** How many events of that type there were. */
  count(type: InstanceEvent["type"], instance: string): number {
    return this.events.filter((event) => event.type === type && event.instance === instance).length;
  }

  /** The next event of that type from now on. */
  async next(type: InstanceEvent["type"], instance: string): Promise<void> {
    const before = this.count(type, instance);
    while (this.count(type, instance) === before) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  /** The first event of that type, now or later. */
  async event(type: InstanceEvent["type"], instance: string): Promise<InstanceEvent> {
    for (;;) {
      const found = this.events.find((event) => event.type === type && event.instance === instance);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  logs(instance: string, tail: number): Promise<string[]> {
    return new Promise((resolve, reject) => {
      const lines: string[] = [];
      this.hypervisor.readLogs({
        instance,
        tail,
        follow: false,
        onLine: (line) => lines.push(line),
        onEnd: (error) => (error === undefined ? resolve(lines) : reject(new Error(error))),
      });
    });
  }

  /** Waits until the instance has said this line. */
  line(instance: string, wanted: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const subscription = this.hypervisor.readLogs({
        instance,
        tail: 1000,
        follow: true,
        onLine: (line) => line === wanted && subscription.cancel(),
        onEnd: (error) => (error === undefined ? resolve() : reject(new Error(error))),
      });
    });
  }
}
