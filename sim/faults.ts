/**
 * Carries out one fault of a kind: draws its victims and its length, and sees that it ends.
 *
 * Those that aim at leaders know what Raft fears (voters that forget, a vanguard that vanishes): blind chance meets figure
 * 8 of the Raft paper once in a million runs, these in one of thirty.
 */
import type { Random } from "../runtime/index.ts";
import { votersOf } from "./checkers/quorums.ts";
import type { Cluster } from "./cluster.ts";
import { DiskFaults } from "./disk-faults.ts";
import { FaultEndings } from "./fault-endings.ts";
import type { FaultKind } from "./fault-kinds.ts";
import { NetworkFaults } from "./network-faults.ts";
import { NodeFaults } from "./node-faults.ts";
import type { SimNode } from "./sim-node.ts";
import { WeatherFaults } from "./weather-faults.ts";

/** Lengths in microseconds; drawn so that short ones are as frequent as long ones. */
export interface FaultLengths {
  readonly minUs: number;
  readonly maxUs: number;
  readonly restartMinUs: number;
  readonly restartMaxUs: number;
}

/** A voter that was killed is back within this: before the term is over. */
const VOTER_BACK_US = 100_000;

/** Share of crashes of the leader, or of all nodes, in which hosts lose power. */
const POWER = 0.3;

/** A lease is 6 s long and ends 0.3 s later for others; renewals come every 1.5 s. */
const EDGE_MIN_US = 4_500_000;
const EDGE_SPREAD_US = 3_000_000;

/** An answer that is later than the slack of the lease rule, and how soon after it the node is lost, and for how long. */
const SQUEEZE_MIN_US = 350_000;
const SQUEEZE_SPREAD_US = 1_400_000;
const SQUEEZE_LOST_WITHIN_US = 200_000;
const SQUEEZE_AWAY_US = 15_000_000;

export class Faults {
  readonly #cluster: Cluster;
  readonly #random: Random;
  readonly #lengths: FaultLengths;
  readonly #endings: FaultEndings;
  readonly #network: NetworkFaults;
  readonly #node: NodeFaults;
  readonly #disk: DiskFaults;
  readonly #weather: WeatherFaults;
  #stopped = false;

  constructor(cluster: Cluster, random: Random, lengths: FaultLengths) {
    this.#cluster = cluster;
    this.#random = random;
    this.#lengths = lengths;
    this.#endings = new FaultEndings(cluster.timeline);
    this.#network = new NetworkFaults(cluster, random, this.#endings);
    this.#node = new NodeFaults(cluster, random, this.#endings);
    this.#disk = new DiskFaults(cluster, random, this.#endings);
    this.#weather = new WeatherFaults(cluster.timeline, this.#endings);
  }

  /** Heals everything; what was still to follow does not. */
  stop(): void {
    this.#stopped = true;
    this.healAll();
  }

  /** Ends everything that is under way and starts every process that is down. */
  healAll(): void {
    this.#endings.endAll();
    for (const node of this.#cluster.nodes) {
      node.disk.hurry();
      if (!node.running) node.start();
    }
  }

  /** Does one fault. False when there was no victim for it. */
  inject(kind: FaultKind): boolean {
    const random = this.#random;
    const { weather } = this.#cluster.network;
    switch (kind) {
      case "kill":
        return this.#withNode((node) => this.#crash(node, false));
      case "power-loss":
        return this.#withNode((node) => this.#crash(node, true));
      case "kill-all":
        return this.#crashAll(random.next() < POWER);
      case "partition":
        return this.#partition(this.#drawGroup());
      case "one-way-cut":
        return this.#network.cutOneWay(this.#drawUs());
      case "half-deaf":
        return this.#withNode((node) => this.#network.makeHalfDeaf(node, this.#drawUs()));
      case "link-reset":
        return this.#network.reset();
      case "loss":
        return this.#raise(weather, "loss", random.next() * 0.3);
      case "delay":
        return this.#raise(weather, "delayMeanUs", 1000 * 10 ** (random.next() * 2.5));
      case "disk-slow":
        return this.#withNode(({ disk }) => this.#raise(disk.weather, "slowness", 10 ** (1 + random.next() * 2)));
      case "disk-hang":
        return this.#withNode((node) => this.#disk.hang(node, this.#drawUs()));
      case "disk-error":
        return this.#withNode((node) => this.#disk.fail(node));
      case "disk-full":
        return this.#withNode((node) => this.#disk.fill(node, this.#drawUs()));
      case "torn-write":
        return this.#withNode((node) => this.#disk.tear(node, this.#drawDownUs()));
      case "log-rot":
        return this.#withNode((node) => this.#disk.rotLog(node, this.#drawDownUs()));
      case "snapshot-rot":
        return this.#withNode((node) => this.#disk.rotSnapshot(node, this.#drawDownUs()));
      case "disk-loss":
        return this.#withNode((node) => this.#disk.lose(node, this.#drawDownUs()));
      case "slow-follower":
        return this.#slowFollower();
      case "duplicate":
        return this.#raise(weather, "duplicates", random.next() * 0.3);
      case "reorder":
        return this.#raise(weather, "reordered", random.next() * 0.3);
      case "pause":
        return this.#withNode((node) => this.#node.pause(node, this.#drawUs()));
      case "wall-step":
        return this.#withNode((node) => this.#node.stepWall(node));
      case "guest-crash":
        return this.#node.endGuest("crash");
      case "guest-exit":
        return this.#node.endGuest("shutdown");
      case "guest-hang":
        return this.#node.hangGuest();
      case "leader-cut":
        return this.#withLeader((leader) => this.#partition(this.#drawMinorityOf(leader)));
      case "leader-kill":
        return this.#withLeader((leader) => this.#crash(leader, random.next() < POWER));
      case "leader-pause":
        return this.#withLeader((leader) => this.#node.pause(leader, this.#drawUs()));
      case "voters-kill":
        return this.#withLeader((leader) => this.#killVotersOf(leader));
      case "vanguard-cut":
        return this.#withLeader((leader) => this.#cutVanguard(leader));
      case "change-cut":
        return this.#cutChange();
      case "transfer-strike":
        return this.#withLeader((leader) => this.#strikeTransfer(leader));
      case "lease-edge":
        return this.#withNode((node) => this.#network.makeMute(node, EDGE_MIN_US + random.integer(EDGE_SPREAD_US)));
      case "lease-squeeze":
        return this.#withNode((node) => this.#squeeze(node));
      default:
        return kind satisfies never;
    }
  }

  #drawUs(): number {
    return logUniform(this.#random, this.#lengths.minUs, this.#lengths.maxUs);
  }

  /** Ends one node's process, for instance while its snapshot is half done. */
  crash(node: SimNode): void {
    if (node.running) this.#crash(node, this.#random.next() < POWER);
  }

  #drawDownUs(): number {
    const { restartMinUs, restartMaxUs } = this.#lengths;
    return logUniform(this.#random, restartMinUs, restartMaxUs);
  }

  #crash(node: SimNode, power: boolean): void {
    this.#node.crash(node, { power, downUs: this.#drawDownUs() });
  }

  #crashAll(power: boolean): true {
    for (const node of this.#cluster.nodes) if (node.running) this.#crash(node, power);
    return true;
  }

  #partition(group: ReadonlySet<number>): true {
    this.#network.partition(group, this.#drawUs());
    return true;
  }

  #raise<Key extends string>(weather: Record<Key, number>, key: Key, value: number): true {
    this.#weather.raise(weather, key, { value, durationUs: this.#drawUs() });
    return true;
  }

  #killVotersOf(leader: SimNode): void {
    for (const node of this.#cluster.nodes) {
      if (node === leader || !node.running || this.#random.next() < 0.4) continue;
      this.#node.crash(node, { power: false, downUs: this.#random.integer(VOTER_BACK_US) });
    }
    if (this.#random.next() < 0.7) this.#partition(new Set([leader.index]));
  }

  #slowFollower(): boolean {
    const leader = this.#cluster.raft.leader();
    const followers = this.#cluster.nodes.filter((node) => node.running && node.index !== leader);
    const node = followers[this.#random.integer(Math.max(1, followers.length))];
    if (node === undefined) return false;
    this.#raise(node.disk.weather, "slowness", 10 ** (1.5 + this.#random.next() * 1.5));
    if (this.#random.next() < 0.5) this.#network.makeDeaf(node, this.#drawUs() / 4);
    return true;
  }

  /** Along the line between those who were voters and those who will be; without a change under way, along any line between voters. */
  #cutChange(): boolean {
    const { raft } = this.#cluster;
    const all = raft.configurations.inForce();
    const changing =
      all.find(({ votersOutgoing }) => votersOutgoing.length > 0) ?? all[this.#random.integer(Math.max(1, all.length))];
    if (changing === undefined) return false;
    const { voters, votersOutgoing } = changing;
    const old = votersOutgoing.length > 0 ? votersOutgoing : voters;
    const moving = votersOf(changing).filter((member) => voters.includes(member) !== old.includes(member));
    const nodesOf = (members: readonly string[]): number[] => members.flatMap((member) => raft.nodeOf(member) ?? []);
    const group = new Set(
      this.#random.next() < 0.5 ? nodesOf(moving) : nodesOf(old).filter(() => this.#random.next() < 0.5),
    );
    return group.size > 0 && group.size < this.#cluster.nodes.length && this.#partition(group);
  }

  #strikeTransfer(leader: SimNode): void {
    const { raft } = this.#cluster;
    const to = raft.view(leader.index)?.status().transferringTo ?? null;
    const target = to === null ? undefined : raft.nodeOf(to);
    const victim = target !== undefined && this.#random.next() < 0.5 ? this.#cluster.node(target) : leader;
    const drawn = this.#random.next();
    if (drawn < 0.4) this.crash(victim);
    else if (drawn < 0.7) this.#partition(new Set([victim.index]));
    else this.#node.pause(victim, this.#drawUs());
  }

  #squeeze(node: SimNode): void {
    const lateUs = SQUEEZE_MIN_US + this.#random.integer(SQUEEZE_SPREAD_US);
    if (this.#random.next() < 0.3) this.#node.pause(node, lateUs);
    else this.#network.makeDeaf(node, lateUs);
    this.#cluster.timeline.after(lateUs + this.#random.integer(SQUEEZE_LOST_WITHIN_US), () => {
      if (this.#stopped || !node.running) return;
      if (this.#random.next() < 0.5) this.#node.crash(node, { power: false, downUs: SQUEEZE_AWAY_US });
      else this.#network.partition(new Set([node.index]), SQUEEZE_AWAY_US);
    });
  }

  #cutVanguard(leader: SimNode): void {
    this.healAll();
    const { nodes, raft } = this.#cluster;
    const ranked = nodes
      .map((node) => ({ node, status: raft.view(node.index)?.status() }))
      .toSorted(({ node: one, status: at }, { node: other, status: to }) => {
        if (one === leader || other === leader) return one === leader ? -1 : 1;
        return (to?.lastTerm ?? 0) - (at?.lastTerm ?? 0) || (to?.lastIndex ?? 0) - (at?.lastIndex ?? 0);
      });
    this.#partition(new Set(ranked.slice(0, this.#minority()).map(({ node }) => node.index)));
  }

  /** The leader and too few others to commit anything. */
  #drawMinorityOf(leader: SimNode): ReadonlySet<number> {
    const group = new Set([leader.index]);
    const size = 1 + this.#random.integer(this.#minority());
    while (group.size < size) group.add(this.#random.integer(this.#cluster.nodes.length));
    return group;
  }

  /** The most nodes that are no majority, at least one. */
  #minority(): number {
    return Math.max(1, Math.ceil(this.#cluster.nodes.length / 2) - 1);
  }

  #drawGroup(): ReadonlySet<number> {
    const { nodes } = this.#cluster;
    const group = nodes.filter(() => this.#random.next() < 0.5).map(({ index }) => index);
    return new Set(group.length === 0 ? [this.#random.integer(nodes.length)] : group);
  }

  #withNode(act: (node: SimNode) => boolean | void): boolean {
    const running = this.#cluster.nodes.filter((node) => node.running);
    const node = running.length === 0 ? undefined : running[this.#random.integer(running.length)];
    return node !== undefined && act(node) !== false;
  }

  #withLeader(act: (leader: SimNode) => boolean | void): boolean {
    const leader = this.#cluster.raft.leader();
    return leader !== undefined && act(this.#cluster.node(leader)) !== false;
  }
}

/** A draw of which each order of magnitude is equally likely. */
function logUniform(random: Random, min: number, max: number): number {
  return min * (max / min) ** random.next();
}
