/**
 * Every kind of fault: what it does, and for how long.
 *
 * A fault draws its victims and its length, notes itself, and ends by itself. The injector decides when.
 */
import type { Random } from "../runtime/index.ts";
import type { Cluster } from "./cluster.ts";
import type { Guest } from "./host.ts";
import type { SimNode } from "./sim-node.ts";

export type FaultKind =
  /** `kill -9` of one process; it comes back. */
  | "kill"
  /** One host loses power. */
  | "power-loss"
  /** Every process, or every host, at once. */
  | "kill-all"
  /** Two groups that do not hear each other. */
  | "partition"
  /** One direction of one link. */
  | "one-way-cut"
  /** One node hears others but is not heard, or the other way round. */
  | "half-deaf"
  /** A connection breaks and is made again. */
  | "link-reset"
  | "loss"
  | "delay"
  | "disk-slow"
  | "disk-hang"
  | "disk-error"
  /** A process stands still, sometimes longer than any lease. */
  | "pause"
  | "wall-step"
  | "guest-crash"
  | "guest-exit"
  | "guest-hang"
  /** The leader is cut off with less than a majority. */
  | "leader-cut"
  | "leader-kill"
  | "leader-pause"
  /** Those who may just have voted die and are back at once; the one they voted for is cut off. */
  | "voters-kill"
  /** The minority with the most advanced logs is cut off, the leader first, and everybody else is back. */
  | "vanguard-cut";

export const FAULT_KINDS: readonly FaultKind[] = [
  "kill",
  "power-loss",
  "kill-all",
  "partition",
  "one-way-cut",
  "half-deaf",
  "link-reset",
  "loss",
  "delay",
  "disk-slow",
  "disk-hang",
  "disk-error",
  "pause",
  "wall-step",
  "guest-crash",
  "guest-exit",
  "guest-hang",
  "leader-cut",
  "leader-kill",
  "leader-pause",
  "voters-kill",
  "vanguard-cut",
];

/** Lengths in microseconds; each is drawn so that short ones are as frequent as long ones. */
export interface FaultLengths {
  readonly minUs: number;
  readonly maxUs: number;
  readonly restartMinUs: number;
  readonly restartMaxUs: number;
}

/** An operator replaces a broken disk's controller within this. */
const DISK_REPAIR_US = 5_000_000;

/** A voter that was killed is back within this: before the term is over. */
const VOTER_BACK_US = 100_000;

/** One number of the weather that is worse than it was drawn. */
interface Raised {
  readonly weather: object;
  readonly key: string;
  readonly value: number;
  /** What it is without any fault. */
  readonly calm: number;
}

export class Faults {
  readonly #cluster: Cluster;
  readonly #random: Random;
  readonly #lengths: FaultLengths;
  readonly #raised: Raised[] = [];
  /** What ends a fault that is under way; run early when everything is healed. */
  readonly #endings = new Set<() => void>();

  constructor(cluster: Cluster, random: Random, lengths: FaultLengths) {
    this.#cluster = cluster;
    this.#random = random;
    this.#lengths = lengths;
  }

  /** Does one fault. False when there was no victim for it. */
  inject(kind: FaultKind): boolean {
    switch (kind) {
      case "kill":
        return this.#withNode((node) => this.#crash(node, false));
      case "power-loss":
        return this.#withNode((node) => this.#crash(node, true));
      case "kill-all":
        return this.#crashAll(this.#random.next() < 0.3);
      case "partition":
        return this.#partition(this.#drawGroup());
      case "one-way-cut":
        return this.#oneWayCut();
      case "half-deaf":
        return this.#withNode((node) => this.#halfDeaf(node));
      case "link-reset":
        return this.#linkReset();
      case "loss":
        return this.#raise(this.#cluster.network.weather, "loss", this.#random.next() * 0.3);
      case "delay":
        return this.#raise(this.#cluster.network.weather, "delayMeanUs", 1000 * 10 ** (this.#random.next() * 2.5));
      case "disk-slow":
        return this.#withNode((node) =>
          this.#raise(node.disk.weather, "slowness", 10 ** (1 + this.#random.next() * 2)),
        );
      case "disk-hang":
        return this.#withNode((node) => this.#hangDisk(node));
      case "disk-error":
        return this.#withNode((node) => this.#breakDisk(node));
      case "pause":
        return this.#withNode((node) => this.#pause(node));
      case "wall-step":
        return this.#withNode((node) => this.#stepWall(node));
      case "guest-crash":
        return this.#withGuest((node, guest) => node.host.end(guest, "crash", "killed by the simulator"));
      case "guest-exit":
        return this.#withGuest((node, guest) => node.host.end(guest, "shutdown", "the guest shut down"));
      case "guest-hang":
        return this.#withGuest((_, guest) => {
          guest.hung = true;
        });
      case "leader-cut":
        return this.#withLeader((leader) => this.#partition(this.#drawMinorityOf(leader)));
      case "leader-kill":
        return this.#withLeader((leader) => this.#crash(leader, this.#random.next() < 0.3));
      case "leader-pause":
        return this.#withLeader((leader) => this.#pause(leader));
      case "voters-kill":
        return this.#withLeader((leader) => this.#killVotersOf(leader));
      case "vanguard-cut":
        return this.#withLeader((leader) => this.#cutVanguard(leader));
      default:
        return kind satisfies never;
    }
  }

  /** Ends everything that is under way and starts every process that is down. */
  healAll(): void {
    for (const end of this.#endings) end();
    for (const node of this.#cluster.nodes) if (!node.running) node.start();
  }

  /** Undoes a fault after a drawn time, or when everything is healed; once. */
  #later(durationUs: number, end: () => void): void {
    const once = (): void => {
      if (this.#endings.delete(once)) end();
    };
    this.#endings.add(once);
    this.#cluster.timeline.after(durationUs, once);
  }

  #drawLengthUs(): number {
    const { minUs, maxUs } = this.#lengths;
    return minUs * (maxUs / minUs) ** this.#random.next();
  }

  #crash(node: SimNode, power: boolean): true {
    if (power) node.losePower();
    else node.kill();
    const { restartMinUs, restartMaxUs } = this.#lengths;
    this.#later(restartMinUs * (restartMaxUs / restartMinUs) ** this.#random.next(), () => node.start());
    return true;
  }

  #crashAll(power: boolean): true {
    for (const node of this.#cluster.nodes) if (node.running) this.#crash(node, power);
    return true;
  }

  /** Nothing passes between `group` and the rest. */
  #partition(group: ReadonlySet<number>): true {
    const { network, timeline, nodes } = this.#cluster;
    const breaks = this.#random.next() < 0.7;
    const cut = nodes.flatMap(({ index: a }) =>
      group.has(a) ? nodes.filter(({ index: b }) => !group.has(b)).map(({ index: b }) => ({ a, b })) : [],
    );
    timeline.note(`fault partition ${[...group].join(",")}`);
    for (const { a, b } of cut) {
      network.link(a, b).cut(a, breaks);
      network.link(a, b).cut(b, breaks);
    }
    this.#later(this.#drawLengthUs(), () => {
      timeline.note(`heal partition ${[...group].join(",")}`);
      for (const { a, b } of cut) {
        network.link(a, b).heal(a);
        network.link(a, b).heal(b);
      }
    });
    return true;
  }

  #oneWayCut(): boolean {
    const { nodes } = this.#cluster;
    if (nodes.length < 2) return false;
    const from = this.#random.integer(nodes.length);
    const to = (from + 1 + this.#random.integer(nodes.length - 1)) % nodes.length;
    this.#cutDirections([{ from, to }]);
    return true;
  }

  #halfDeaf(node: SimNode): true {
    const others = this.#cluster.nodes.filter((other) => other !== node);
    const mute = this.#random.next() < 0.5;
    this.#cutDirections(
      others.map((other) => (mute ? { from: node.index, to: other.index } : { from: other.index, to: node.index })),
    );
    return true;
  }

  #cutDirections(directions: readonly { readonly from: number; readonly to: number }[]): void {
    const { network, timeline } = this.#cluster;
    const breaks = this.#random.next() < 0.5;
    const text = directions.map(({ from, to }) => `${from}>${to}`).join(",");
    timeline.note(`fault cut ${text}`);
    for (const { from, to } of directions) network.link(from, to).cut(from, breaks);
    this.#later(this.#drawLengthUs(), () => {
      timeline.note(`heal cut ${text}`);
      for (const { from, to } of directions) network.link(from, to).heal(from);
    });
  }

  #linkReset(): boolean {
    const up = this.#cluster.network.links().filter((link) => link.up);
    if (up.length === 0) return false;
    up[this.#random.integer(up.length)]?.break("reset");
    return true;
  }

  /** Worsens one number of the weather for a while. Of several at once the worst holds. */
  #raise<Key extends string>(weather: Record<Key, number>, key: Key, value: number): true {
    const calm = this.#raised.find((one) => one.weather === weather && one.key === key)?.calm ?? weather[key];
    const raised: Raised = { weather, key, value, calm };
    this.#raised.push(raised);
    this.#cluster.timeline.note(`fault ${key} ${value.toFixed(3)}`);
    const settle = (): void => {
      const values = this.#raised.filter((one) => one.weather === weather && one.key === key).map((one) => one.value);
      weather[key] = Math.max(calm, ...values);
    };
    settle();
    this.#later(this.#drawLengthUs(), () => {
      this.#raised.splice(this.#raised.indexOf(raised), 1);
      settle();
    });
    return true;
  }

  #killVotersOf(leader: SimNode): true {
    for (const node of this.#cluster.nodes) {
      if (node === leader || !node.running || this.#random.next() < 0.4) continue;
      node.kill();
      this.#later(this.#random.integer(VOTER_BACK_US), () => node.start());
    }
    return this.#random.next() < 0.7 ? this.#partition(new Set([leader.index])) : true;
  }

  #hangDisk(node: SimNode): true {
    const durationUs = this.#drawLengthUs();
    this.#cluster.timeline.note(`fault disk-hang ${node.index} ${Math.round(durationUs)}`);
    node.disk.hang(durationUs);
    this.#later(durationUs, () => node.disk.hang(0));
    return true;
  }

  /** The member is out of service; later somebody restarts it on a disk that works. */
  #breakDisk(node: SimNode): boolean {
    const life = node.process?.life;
    if (life === undefined) return false;
    this.#cluster.timeline.note(`fault disk-error ${node.index}`);
    node.disk.failNextWrite();
    this.#later(this.#random.integer(DISK_REPAIR_US), () => {
      if (node.process?.life !== life) return;
      node.kill();
      node.start();
    });
    return true;
  }

  #pause(node: SimNode): boolean {
    const life = node.process?.life;
    if (life === undefined || life.paused) return false;
    node.pause();
    this.#later(this.#drawLengthUs(), () => {
      if (node.process?.life === life) node.resume();
    });
    return true;
  }

  #stepWall(node: SimNode): true {
    node.host.clock.stepWall();
    this.#cluster.timeline.note(`fault wall-step ${node.index}`);
    return true;
  }

  #cutVanguard(leader: SimNode): true {
    this.healAll();
    const { nodes, raft } = this.#cluster;
    const position = (node: SimNode): readonly [number, number] => {
      const status = raft.view(node.index)?.status();
      return [status?.lastTerm ?? 0, status?.lastIndex ?? 0];
    };
    const ranked = nodes
      .map((node) => ({ node, position: position(node) }))
      .toSorted((one, other) => {
        if (one.node === leader || other.node === leader) return one.node === leader ? -1 : 1;
        return other.position[0] - one.position[0] || other.position[1] - one.position[1];
      });
    const minority = Math.max(1, Math.ceil(nodes.length / 2) - 1);
    return this.#partition(new Set(ranked.slice(0, minority).map(({ node }) => node.index)));
  }

  #withNode(act: (node: SimNode) => boolean): boolean {
    const running = this.#cluster.nodes.filter((node) => node.running);
    const node = running.length === 0 ? undefined : running[this.#random.integer(running.length)];
    return node !== undefined && act(node);
  }

  #withLeader(act: (leader: SimNode) => boolean): boolean {
    const leader = this.#cluster.raft.leader();
    return leader !== undefined && act(this.#cluster.node(leader));
  }

  #withGuest(act: (node: SimNode, guest: Guest) => void): boolean {
    const guests = this.#cluster.nodes.flatMap((node) =>
      [...node.host.guests.values()].map((guest) => ({ node, guest })),
    );
    const victim = guests.length === 0 ? undefined : guests[this.#random.integer(guests.length)];
    if (victim === undefined) return false;
    this.#cluster.timeline.note(`fault guest ${victim.guest.launch.instance}`);
    act(victim.node, victim.guest);
    return true;
  }

  #drawGroup(): ReadonlySet<number> {
    const { nodes } = this.#cluster;
    const group = nodes.filter(() => this.#random.next() < 0.5).map(({ index }) => index);
    return new Set(group.length === 0 ? [this.#random.integer(nodes.length)] : group);
  }

  /** The leader and too few others to commit anything. */
  #drawMinorityOf(leader: SimNode): ReadonlySet<number> {
    const { nodes } = this.#cluster;
    const group = new Set([leader.index]);
    const size = 1 + this.#random.integer(Math.max(1, Math.ceil(nodes.length / 2) - 1));
    while (group.size < size) group.add(this.#random.integer(nodes.length));
    return group;
  }
}
