/** The hypervisor port of one life of a node's process, on a modelled host. Contract: test/contract/hypervisor.ts. */
import { type GuestVerbs, lackingVerbs } from "../../runtime/index.ts";
import type {
  CheckpointManifest,
  CheckpointRequest,
  Hypervisor,
  HypervisorCapabilities,
  InstanceEvent,
  InstanceLaunch,
  LogRequest,
  LogSubscription,
  MigrationRequest,
  StartFailure,
  StartResult,
  StopResult,
  VerbFailure,
  VerbResult,
} from "../../runtime/index.ts";
import { build } from "./building.ts";
import { makeCheckpoint, whyNotFrom } from "./checkpoint-making.ts";
import { openExec } from "./guest-exec.ts";
import { startSending } from "./guest-sending.ts";
import type { ConsoleFollower, Guest } from "./guest.ts";
import { SLOW, type Host } from "./host.ts";
import type { ProcessLife } from "../timeline/process-life.ts";

const CAPABILITIES: HypervisorCapabilities = {
  isolation: true,
  accelerated: false,
  adopt: true,
  build: { version: "1", machine: "modelled", cpu: "any" },
  lacks: {
    balloon: "not modelled",
    metrics: "not modelled",
    copy: "not modelled",
    console: "not modelled",
  },
};

/** How long a call to the host takes at most, in microseconds. */
const CALL_MAX_US = 2000;

/** Between two looks whether a guest is still being copied. */
const COPY_POLL_US = 20_000;

/** How long a control socket is waited for. */
const SOCKET_PATIENCE_US = 5_000_000;

export class SimulatedHypervisor implements Hypervisor {
  readonly driver: Hypervisor["driver"];
  readonly capabilities: HypervisorCapabilities = CAPABILITIES;
  readonly verbs: GuestVerbs;
  readonly #host: Host;
  readonly #life: ProcessLife;
  /** Leases of instances that are being started, which may take longer than one. */
  readonly #starting = new Map<string, number>();
  /** Instances whose end was asked for; how they end is not reported as an event. */
  readonly #stopping = new Set<string>();
  /** Instances that this life started or adopted; only their events are told. */
  readonly #known = new Set<string>();

  /** `hosts`: by address, for guests that are sent to them. Default: nobody can be sent to. */
  constructor(host: Host, life: ProcessLife, hosts: ReadonlyMap<string, Host> = new Map()) {
    this.#host = host;
    this.#life = life;
    this.driver = host.driver;
    const { lacks } = CAPABILITIES;
    const own: Partial<GuestVerbs> = {
      pause: (instance, done) => this.#turn("pause", instance, done),
      resume: (instance, done) => this.#turn("resume", instance, done),
      checkpoint: (request, done) => this.#checkpoint(request, done),
      dropCheckpoint: (id, done) =>
        this.#answer(() => {
          this.#host.drop(id);
          this.#answer(() => done({ ok: true }));
        }),
      migrate: (request, done) => this.#migrate(request, hosts, done),
      cancelMigration: (instance) => this.#cancelMigration(instance),
      openStream: (request, listener) => openExec(host, life, request, listener),
    };
    this.verbs = lackingVerbs({ driver: this.driver, lacks, own, later: (run) => this.#answer(run) });
  }

  start(launch: InstanceLaunch, done: (result: StartResult) => void): void {
    if (!this.#life.alive) return;
    const { weather, random } = this.#host;
    const { powerEpoch } = this.#host;
    const fails = weather.startFailures > 0 && random.next() < weather.startFailures;
    this.#host.asked();
    // The node's process prepares the guest and forks it, so a dead one forks nothing and a paused one forks late. What it
    // forked before it died is found by the next `list`.
    this.#host.timeline.after(random.integer(weather.spawnMaxUs), () => {
      this.#life.enter(() => {
        if (this.#host.powerEpoch !== powerEpoch) return;
        this.#starting.set(launch.instance, launch.leaseUntilMs);
        build(this.#host, (isBuilt) => {
          this.#openDisks(launch, (unopened) => {
            if (this.#host.powerEpoch === powerEpoch)
              this.#life.enter(() => this.#started(launch, { isBuilt, fails, unopened }, done));
          });
        });
      });
    });
  }

  #started(
    launch: InstanceLaunch,
    {
      isBuilt,
      fails,
      unopened,
    }: { readonly isBuilt: boolean; readonly fails: boolean; readonly unopened: string | null },
    done: (result: StartResult) => void,
  ): void {
    const leaseUntilMs = this.#starting.get(launch.instance) ?? launch.leaseUntilMs;
    this.#starting.delete(launch.instance);
    const result = isBuilt
      ? fails || unopened !== null
        ? failure("failed", unopened ?? `The hypervisor did not start "${launch.vm}"`)
        : this.#spawn({ ...launch, leaseUntilMs })
      : failure("build-failed", `Cannot start VM "${launch.vm}": its system does not build`);
    const guest = result.ok ? this.#host.guests.get(launch.instance) : undefined;
    if (guest !== undefined && this.#host.troubles.strikes("socket-lost")) return this.#abandon(guest, done);
    this.#answer(() => done(result));
  }

  #openDisks(launch: InstanceLaunch, done: (why: string | null) => void): void {
    const { disks } = this.#host;
    // Whoever has no lease any more would shut out whom the map has given the next one.
    const isOver = this.#host.clock.monotonicMs() >= (this.#starting.get(launch.instance) ?? launch.leaseUntilMs);
    if (disks === null || isOver) done(null);
    else disks.open(this.#host, launch, done);
  }

  stop(instance: string, graceMs: number, done: (result: StopResult) => void): void {
    if (!this.#life.alive) return;
    const host = this.#host;
    const guest = host.guests.get(instance);
    if (guest === undefined) {
      this.#answer(() => done({ ok: true, forced: false }));
      return;
    }
    this.#stopping.add(instance);
    // One that stands still has to go on to shut down.
    if (graceMs > 0 && guest.stance === "still") host.go(guest);
    const deaf =
      host.troubles.strikes("socket-lost") ||
      guest.program.deaf === true ||
      guest.hung ||
      (guest.stance !== "runs" && guest.stance !== "still") ||
      !guest.booted ||
      host.random.next() < host.weather.deafness;
    const drawnUs = 10_000 + host.random.integer(500_000);
    const shutdownUs = Math.min(graceMs * 1000, host.troubles.strikes("slow-stop") ? SLOW * drawnUs : drawnUs);
    const forced = deaf || shutdownUs >= graceMs * 1000;
    // The guard carries the stop out, so it also happens when this process dies first: to the next one that has taken the guest over, it ends by itself.
    host.timeline.after(forced ? graceMs * 1000 : shutdownUs, () => {
      if (this.#life.alive) host.end(guest, undefined, "", !forced);
      else host.end(guest, forced ? "crash" : "shutdown", "it was being stopped when its node died");
      this.#stopping.delete(instance);
      this.#life.enter(() => done({ ok: true, forced }));
    });
  }

  list(done: (found: readonly { instance: string; vm: string; pid: number }[]) => void): void {
    this.#answer(() => {
      done(
        [...this.#host.guests.values()].map(({ launch, pid }) => ({ instance: launch.instance, vm: launch.vm, pid })),
      );
    });
  }

  adopt(instance: string, leaseUntilMs: number, done: (result: StartResult) => void): void {
    this.#answer(() => {
      const guest = this.#host.guests.get(instance);
      if (guest === undefined) {
        done(failure("not-running", `No guest of instance "${instance}" runs here`));
        return;
      }
      this.#known.add(instance);
      this.#host.arm(guest, leaseUntilMs);
      this.#host.sendings.get(guest)?.abandon(this.#life);
      done({ ok: true, pid: guest.pid });
    });
  }

  extendLease(instances: readonly string[], leaseUntilMs: number): void {
    if (!this.#life.alive) return;
    for (const instance of instances) {
      const starting = this.#starting.get(instance);
      if (starting !== undefined) this.#starting.set(instance, Math.max(starting, leaseUntilMs));
      const guest = this.#host.guests.get(instance);
      if (guest !== undefined) this.#host.arm(guest, leaseUntilMs);
    }
  }

  keepOnlyCheckpoints(ids: readonly string[]): void {
    if (!this.#life.alive) return;
    for (const id of [...this.#host.checkpoints.keys()]) if (!ids.includes(id)) this.#host.drop(id);
  }

  onEvent(listen: (event: InstanceEvent) => void): void {
    this.#host.listen((event) => {
      if (!this.#known.has(event.instance)) return;
      if (event.type === "exited" && this.#stopping.has(event.instance)) return;
      this.#answer(() => listen(event));
    });
  }

  readLogs(request: LogRequest): LogSubscription {
    const host = this.#host;
    let open = true;
    const end = (error?: string): void => {
      if (!open) return;
      open = false;
      host.guests.get(request.instance)?.followers.delete(follower);
      request.onEnd(error);
    };
    const follower: ConsoleFollower = {
      line: (line) => this.#life.enter(() => open && request.onLine(line)),
      end: () => this.#answer(() => end()),
    };
    this.#answer(() => {
      const lines = host.consoleOf(request.instance);
      if (lines === undefined) {
        end(`There is no log of instance "${request.instance}"`);
        return;
      }
      for (const line of request.tail > 0 ? lines.slice(-request.tail) : []) if (open) request.onLine(line);
      const guest = host.guests.get(request.instance);
      if (request.follow && guest !== undefined) guest.followers.add(follower);
      else end();
    });
    return { cancel: () => this.#answer(() => end()) };
  }

  #spawn(launch: InstanceLaunch): StartResult {
    const host = this.#host;
    const running: Guest | undefined = host.guests.get(launch.instance);
    if (host.troubles.strikes("refused")) {
      return failure("image-missing", `Cannot start VM "${launch.vm}": image "${launch.image}" is not on this host`);
    }
    const unsupported = findUnsupported(launch);
    if (unsupported !== null) return failure("unsupported", unsupported);
    if (running !== undefined) return failure("failed", `Instance "${launch.instance}" runs already`);
    const taken = launch.ports.find(({ hostPort }) => host.portTaken(hostPort));
    if (taken !== undefined) {
      const where = `${taken.hostAddress}:${taken.hostPort}`;
      return failure("port-in-use", `Cannot start VM "${launch.vm}": ${where} is in use`);
    }
    if (host.clock.monotonicMs() >= launch.leaseUntilMs) return failure("failed", "The lease is over");
    this.#known.add(launch.instance);
    if (launch.from?.type === "migration") {
      const { guest, port } = host.wait(launch);
      return { ok: true, pid: guest.pid, incoming: { address: launch.from.listenAddress, port } };
    }
    if (launch.from?.type !== "checkpoint") return { ok: true, pid: host.run(launch).pid };
    const { id } = launch.from;
    const kept = host.checkpoints.get(id);
    const wrong = whyNotFrom(kept, id, launch);
    return wrong === null ? { ok: true, pid: host.run(launch, kept).pid } : failure(wrong.code, wrong.message);
  }

  #checkpoint(
    { instance, id }: CheckpointRequest,
    done: (result: VerbResult<{ readonly manifest: CheckpointManifest }>) => void,
  ): void {
    this.#answer(() => {
      const host = this.#host;
      const guest = host.guests.get(instance);
      const refuse = (code: VerbFailure, why: string): void => {
        const message = `Cannot make checkpoint "${id}" of instance "${instance}": ${why}`;
        this.#answer(() => done({ ok: false, code, message }));
      };
      if (guest === undefined) return refuse("not-running", "it does not run");
      if (guest.stance !== "runs" && guest.stance !== "still") return refuse("failed", "not all of it has come");
      if (host.sendings.has(guest) || host.copying.has(guest)) return refuse("failed", "something else is done to it");
      if (host.checkpoints.has(id)) return refuse("failed", "there is one of that id");
      if (host.troubles.strikes("socket-lost")) return refuse("failed", "its control socket does not answer");
      makeCheckpoint({ host, guest, id, life: this.#life, done });
    });
  }

  /** What it asks for happens while the process lives, or not at all; that it has happened may be told to nobody. */
  #turn(verb: "pause" | "resume", instance: string, done: (result: VerbResult) => void): void {
    this.#answer(() => {
      const host = this.#host;
      const guest = host.guests.get(instance);
      const refuse = (code: VerbFailure, why: string): void =>
        this.#answer(() => done({ ok: false, code, message: `Cannot ${verb} instance "${instance}": ${why}` }));
      if (guest === undefined) return refuse("not-running", "it does not run");
      if (host.troubles.strikes("socket-lost")) return refuse("failed", "its control socket does not answer");
      if (guest.stance === "waits") return refuse("failed", "not all of it has come");
      // One after the other: a process waits for its checkpoint; that of one that has died has nobody to wait for.
      if (host.copying.has(guest))
        return void host.timeline.after(COPY_POLL_US, () => this.#turn(verb, instance, done));
      if (verb === "pause") host.stand(guest);
      else host.go(guest);
      this.#answer(() => done({ ok: true }));
    });
  }

  #migrate(
    request: MigrationRequest,
    hosts: ReadonlyMap<string, Host>,
    done: (result: VerbResult<{ readonly downtimeMs: number }>) => void,
  ): void {
    this.#answer(() => {
      const host = this.#host;
      const guest = host.guests.get(request.instance);
      const refuse = (code: VerbFailure, why: string): void => {
        const message = `Cannot migrate instance "${request.instance}": ${why}`;
        this.#answer(() => done({ ok: false, code, message }));
      };
      if (guest === undefined) return refuse("not-running", "it does not run");
      if (guest.stance !== "runs") return refuse("unsupported", "it stands still");
      if (host.copying.has(guest)) return refuse("failed", "a checkpoint of it is being made");
      if (host.troubles.strikes("socket-lost")) return refuse("failed", "its control socket does not answer");
      host.sendings.get(guest)?.cancel();
      startSending({ host, guest, hosts, life: this.#life, request, done });
    });
  }

  #cancelMigration(instance: string): void {
    const guest = this.#host.guests.get(instance);
    if (guest !== undefined && this.#life.alive) this.#host.sendings.get(guest)?.cancel();
  }

  /** A guest that cannot be talked to is ended before anybody is told that it did not start. A process that dies meanwhile leaves it to the next one. */
  #abandon(guest: Guest, done: (result: StartResult) => void): void {
    const { vm } = guest.launch;
    const message = `Cannot start VM "${vm}": its control socket does not answer`;
    this.#host.timeline.after(SOCKET_PATIENCE_US, () => {
      this.#life.enter(() => {
        this.#host.end(guest);
        this.#answer(() => done(failure("failed", message)));
      });
    });
  }

  /** Answers after a moment, if the process that asked still lives. */
  #answer(run: () => void): void {
    if (!this.#life.alive) return;
    this.#host.timeline.after(this.#host.random.integer(CALL_MAX_US), () => this.#life.enter(run));
  }
}

/** What no driver takes: a file outside of the guest, a variable that no shell could name. */
function findUnsupported({ files, env, networks = [] }: InstanceLaunch): string | null {
  const card = networks.find(({ kind }) => kind === "tap");
  if (card !== undefined) return `Cannot attach network "${card.name}": a modelled host has no bridges`;
  const file = files.find(({ path }) => !path.startsWith("/") || path.split("/").includes(".."));
  if (file !== undefined) return `Cannot put a file at "${file.path}"`;
  const name = Object.keys(env).find((key) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(key));
  return name === undefined ? null : `Cannot set a variable named "${name}"`;
}

function failure(code: StartFailure, message: string): StartResult {
  return { ok: false, code, message };
}
