/**
 * A simulated cluster: hosts, disks, processes and the network between them, with Raft's checker watching.
 *
 * Which actors run in a process is the scenario's business (`scenario.ts`).
 */
import type { CrashReport, LogEntry, LogWrite, Random, World } from "../../runtime/index.ts";
import type { PayloadTypes } from "../../transport/index.ts";
import type { DiskWeather } from "../disk/device.ts";
import { Disk } from "../disk/disk.ts";
import { FaultAtlas } from "./fault-atlas.ts";
import type { GuestWatcher, GuestWeather } from "../outside/guest.ts";
import { Ceph, type CephSettings } from "../outside/ceph.ts";
import { GuestDisks } from "../outside/guest-disks.ts";
import { Host } from "../outside/host.ts";
import { Network } from "../network/network.ts";
import type { NetworkWeather } from "../network/weather.ts";
import type { ProcessLife } from "../timeline/process-life.ts";
import { RaftChecker } from "../checkers/raft-checker.ts";
import { SimulatedJournal } from "../disk/journal.ts";
import { SimNode, type Process } from "./sim-node.ts";
import type { Timeline } from "../timeline/timeline.ts";
import { HostClock } from "../timeline/virtual-clock.ts";

export interface Weather {
  readonly network: NetworkWeather;
  readonly disk: DiskWeather;
  readonly guests: GuestWeather;
  /** Whether clocks run at rates of their own. */
  readonly drift: boolean;
  /** Freeze and check every message. Slow. */
  readonly strict: boolean;
}

/** What a host does about guests. */
export type GuestPoint =
  | "guest stands still"
  | "guest came"
  | "guest goes on"
  | "guest asked for"
  | "guest started"
  | "guard armed"
  | "guest ended";

/** What a map says of its VMs. */
export interface AppliedVms {
  /** Ids of instances. */
  readonly instances: ReadonlySet<string>;
  /** By id, those that are over too. */
  readonly migrations: ReadonlyMap<string, "preparing" | "copying" | "stopping" | "moved" | "ended">;
}

export interface ClusterHooks {
  compose(process: Process): void;
  /** A process was touched by the event that has just been handled. */
  check(node: SimNode): void;
  /** A process has ended. */
  onEnd(node: SimNode): void;
  onLeader(node: number, term: number): void;
  onCommitted(entry: LogEntry, term: number): void;
  /** A leader has put a change of membership into its log; has begun to hand over; a node writes a snapshot. Default: nobody cares. */
  onChange?(node: number): void;
  onTransfer?(node: number, to: string): void;
  onSnapshot?(node: number): void;
  readonly guests: GuestWatcher;
  /** What else the world of a life has. Default: nothing. */
  extendWorld?(life: ProcessLife, node: number): Partial<World>;
  /** An actor has crashed: what is wrong with that, or null. Default: every crash is. */
  judgeCrash?(crash: CrashReport, node: number): string | null;
}

export class Cluster {
  readonly timeline: Timeline;
  readonly network: Network;
  readonly nodes: readonly SimNode[];
  readonly raft: RaftChecker;
  readonly atlas: FaultAtlas;
  /** Below the disks of guests; null: there is none. */
  readonly storage: GuestDisks | null;
  readonly names: readonly string[];
  /** By address. */
  readonly hosts: ReadonlyMap<string, Host>;
  /** Told of each write to the log of a node, when it begins. Null: nobody writes it down. */
  onWrite: ((node: number, write: LogWrite) => void) | null = null;
  /** By mark: how often a process ended at that named point. */
  readonly crashes: Map<string, number> = new Map();
  /** Told of what hosts do about guests; empty: nobody cares. */
  readonly guestListeners: Set<(host: number, point: GuestPoint) => void> = new Set();
  /** Told that a node has applied an entry, and how to see which instances and migrations there are then; empty: nobody cares. */
  readonly applyListeners: Set<(node: number, look: () => AppliedVms) => void> = new Set();
  readonly #hooks: ClusterHooks;
  /** Nodes at which something has happened since the checkers last looked. */
  readonly #touched: number[] = [];

  constructor(options: {
    readonly nodes: number;
    /** Default: `n1`, `n2`, … */
    readonly names?: readonly string[];
    readonly timeline: Timeline;
    readonly random: Random;
    readonly weather: Weather;
    /** Default: none. */
    readonly payloadTypes?: PayloadTypes;
    readonly hooks: ClusterHooks;
    /** Storage for disks of guests. Default: none. */
    readonly storage?: { readonly settings: CephSettings; readonly chance: Random } | undefined;
  }) {
    const { timeline, random, weather, hooks } = options;
    this.timeline = timeline;
    this.#hooks = hooks;
    this.names = options.names ?? Array.from({ length: options.nodes }, (_, index) => `n${index + 1}`);
    this.network = new Network({
      nodes: this.names,
      timeline,
      random: random.fork(),
      weather: { ...weather.network },
      strict: weather.strict,
      ...(options.payloadTypes && { payloadTypes: options.payloadTypes }),
    });
    const disks = this.names.map(
      (_, node) =>
        new Disk({
          node,
          timeline,
          random: random.fork(),
          weather: { ...weather.disk },
          watcher: {
            onWrite: (at, write) => {
              this.raft.onWrite(at, write);
              this.onWrite?.(at, write);
            },
            onSnapshot: (at) => hooks.onSnapshot?.(at),
            onWipe: (at, lost) => this.raft.onWipe(at, lost),
          },
        }),
    );
    this.raft = new RaftChecker(options.nodes, disks, timeline, hooks);
    this.atlas = new FaultAtlas(this.raft, disks);
    const hosts = this.names.map((_, index) => {
      const clock = new HostClock(timeline, random.fork(), weather.drift);
      return new Host({
        index,
        clock,
        weather: weather.guests,
        timeline,
        random: random.fork(),
        reaches: (to) => this.network.isOpen(index, to),
        watcher: {
          onGuestStarted: (host, launch, memory) => {
            hooks.guests.onGuestStarted(host, launch, memory);
            this.#tellGuest(host, "guest started");
          },
          onGuestEnded: (host, launch, reason) => {
            hooks.guests.onGuestEnded(host, launch, reason);
            this.#tellGuest(host, "guest ended");
          },
          onGuestStands: (host, launch, memory) => {
            hooks.guests.onGuestStands?.(host, launch, memory);
            this.#tellGuest(host, "guest stands still");
          },
          onGuestGoes: (host, launch, memory) => {
            hooks.guests.onGuestGoes?.(host, launch, memory);
            this.#tellGuest(host, "guest goes on");
          },
          onCheckpointKept: (host, id, kept) => hooks.guests.onCheckpointKept?.(host, id, kept),
          onCheckpointGone: (host, id) => hooks.guests.onCheckpointGone?.(host, id),
          onGuestCame: (host) => this.#tellGuest(host, "guest came"),
          onGuestAsked: (host) => this.#tellGuest(host, "guest asked for"),
          onGuardArmed: (host) => this.#tellGuest(host, "guard armed"),
        },
      });
    });
    this.storage = this.#makeStorage(hosts, options.storage);
    for (const host of hosts) host.disks = this.storage;
    this.hosts = new Map(hosts.map((host) => [addressOf(host.index), host]));
    const randoms = this.names.map(() => random.fork());
    const journals = disks.map(
      ({ weather: disk }, index) =>
        new SimulatedJournal({ name: `journal-${index}`, timeline, random: random.fork(), weather: disk }),
    );
    this.nodes = this.names.map((name, index) => {
      return new SimNode({
        index,
        name,
        disk: disks[index] as Disk,
        journal: journals[index] as SimulatedJournal,
        host: hosts[index] as Host,
        network: this.network,
        timeline,
        random: randoms[index] as Random,
        compose: (process) => hooks.compose(process),
        onTouched: () => void this.#touched.push(index),
        onEnd: () => this.#onEnd(index),
        extendWorld: (life) => hooks.extendWorld?.(life, index) ?? {},
        onCrash: (_, crash) => {
          const found = `Actor ${crash.ref.path} of node ${index}: ${describe(crash.error)}`;
          const wrong = hooks.judgeCrash === undefined ? found : hooks.judgeCrash(crash, index);
          if (wrong !== null) timeline.fail("no-actor-crashes", wrong);
        },
      });
    });
    timeline.afterEvent = () => this.#checkTouched();
  }

  node(index: number): SimNode {
    const node = this.nodes[index];
    if (node === undefined) throw new RangeError(`There is no node ${index}`);
    return node;
  }

  /** What of Raft, the network and the disks the run has reached. */
  marks(): Readonly<Record<string, number>> {
    const { committed, configurations, installed, truncated } = this.raft;
    const disks = this.nodes.map(({ disk }) => disk.met);
    const count = (of: keyof Disk["met"]): number => disks.reduce((sum, met) => sum + met[of], 0);
    return {
      ...{ committed: committed.lastIndex, delivered: this.network.delivered, lost: this.network.lost },
      ...this.network.marks(),
      ...{ "joint configurations": configurations.joint, "members removed": configurations.removed },
      ...{ "logs cut back": truncated, "snapshots installed": installed },
      ...{ "torn writes found": count("torn"), "damage found": count("damaged") },
      ...{ "writes misdirected": count("misdirected"), "states refused": count("refused") },
      "snapshots refused": this.nodes.reduce((sum, { disk }) => sum + disk.snapshots.refused, 0),
      ...Object.fromEntries(this.crashes),
      "migrations stalled": this.nodes.reduce((sum, { host }) => sum + host.stalls, 0),
      ...{ "disks full": count("full"), "disks lost": count("lost") },
    };
  }

  /** Ends every process, so that its name is free for the next run. */
  close(): void {
    for (const node of this.nodes) node.kill();
  }

  #makeStorage(
    hosts: readonly Host[],
    options: { readonly settings: CephSettings; readonly chance: Random } | undefined,
  ): GuestDisks | null {
    if (options === undefined) return null;
    const { timeline } = this;
    const of = {
      count: hosts.length,
      reaches: (one: number, other: number): boolean => this.network.isOpen(one, other),
      isPowered: (host: number): boolean => hosts[host]?.isPowered === true,
      powerEpoch: (host: number): number => hosts[host]?.powerEpoch ?? 0,
    };
    return new GuestDisks(new Ceph({ hosts: of, timeline, random: options.chance, settings: options.settings }));
  }

  #tellGuest(host: number, point: GuestPoint): void {
    for (const listen of this.guestListeners) listen(host, point);
  }

  #checkTouched(): void {
    const touched = this.#touched;
    for (let at = 0; at < touched.length; at++) {
      const node = this.node(touched[at] as number);
      const life = node.process?.life;
      // It has ended since, or stands here twice, since it has been started anew.
      if (life?.touched !== true) continue;
      life.touched = false;
      this.raft.check(node.index);
      this.#hooks.check(node);
    }
    touched.length = 0;
  }

  #onEnd(index: number): void {
    this.raft.onEnd(index);
    this.#hooks.onEnd(this.node(index));
  }
}

/** Where a node publishes the ports of its VMs. */
export function addressOf(index: number): string {
  return `10.0.0.${index + 1}`;
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
