/**
 * Makes blows (`blow-maker.ts`) of one fault of a kind: draws its victims, and what comes together or after each other.
 *
 * Those that aim at leaders know what Raft fears (voters that forget, a vanguard that vanishes): blind chance meets figure
 * 8 of the Raft paper once in a million runs, these in one of thirty.
 */
import { createRandom, type Random } from "../../runtime/index.ts";
import { BlowExecutor } from "./blow-executor.ts";
import type { BlowAct } from "../schedule/blow.ts";
import { BlowMaker, type FaultLengths } from "./blow-maker.ts";
import { coreEndOf, type CoreEnd } from "./core-ending.ts";
import { votersOf } from "../checkers/quorums.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { COMMON_CRASH_POINTS, HAND_OVER_POINTS, MOVE_POINTS, type CrashPoint } from "../schedule/crash-point.ts";
import type { FaultKind } from "./fault-kinds.ts";
import { ClockBlowMaker } from "./clock-blow-maker.ts";
import { LinkBlowMaker } from "./link-blow-maker.ts";
import type { Recording } from "../schedule/schedule.ts";
import type { SimNode } from "../cluster/sim-node.ts";

/** A voter that was killed is back within this: before the term is over. */
const VOTER_BACK_US = 100_000;

/** Share of crashes of the leader, or of all nodes, in which hosts lose power. */
const POWER = 0.3;

/** A process whose write was misdirected is ended within this. */
const MISDIRECTED_MET_US = 5_000_000;

/** Of crashes at named points: which time that a process comes by one at most, and the share of those of the leader. */
const CRASH_NTH_MAX = 4;
const CRASH_LEADER = 0.6;

/** Share of crashes at named points that are on the way of a VM from node to node, where there are any. */
const HAND_OVER = 0.6;

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
  readonly #executor: BlowExecutor;
  readonly #blows: BlowMaker;
  readonly #links: LinkBlowMaker;
  readonly #clocks: ClockBlowMaker;
  #stopped = false;

  constructor(
    cluster: Cluster,
    options: { readonly random: Random; readonly lengths: FaultLengths; readonly recording: Recording },
  ) {
    this.#cluster = cluster;
    this.#random = options.random;
    this.#executor = new BlowExecutor(cluster);
    this.#blows = new BlowMaker(cluster, { ...options, executor: this.#executor });
    this.#links = new LinkBlowMaker(cluster, options.random, this.#blows);
    this.#clocks = new ClockBlowMaker(cluster.timeline, options.random, this.#blows);
  }

  /** Heals everything, or does what makes an end without that; what was still to follow does not. Answers who is healed; null: everybody. */
  stop(ending: readonly BlowAct[] | null = null): CoreEnd | null {
    this.#stopped = true;
    const isCoreHealed = ending?.[0] !== undefined && this.#blows.end(ending[0]);
    if (isCoreHealed) for (const act of ending.slice(1)) this.#blows.end(act);
    else this.#executor.healAll();
    return isCoreHealed ? coreEndOf(ending) : null;
  }

  /** Has a blow carried out that somebody else has drawn. */
  strike(act: BlowAct): boolean {
    return this.#blows.strike(act);
  }

  /** Does one fault. False when there was no victim for it. */
  inject(kind: FaultKind): boolean {
    const random = this.#random;
    switch (kind) {
      case "kill":
        return this.#withNode((node) => this.#blows.crash(node, false));
      case "power-loss":
        return this.#withNode((node) => this.#blows.crash(node, true));
      case "kill-all":
        return this.#crashAll(random.next() < POWER);
      case "partition":
        return this.#blows.partition(this.#drawGroup());
      case "one-way-cut":
        return this.#blows.cutOneWay(this.#blows.drawUs());
      case "half-deaf":
        return this.#withNode((node) => this.#blows.makeHalfDeaf(node, this.#blows.drawUs()));
      case "link-reset":
        return this.#blows.reset();
      case "loss":
        return this.#blows.raise("loss", random.next() * 0.3);
      case "delay":
        return this.#blows.raise("delayMeanUs", 1000 * 10 ** (random.next() * 2.5));
      case "disk-slow":
        return this.#withNode((node) => this.#blows.slow(node, 10 ** (1 + random.next() * 2)));
      case "disk-hang":
        return this.#withNode(({ index: node }) =>
          this.#blows.strike({ type: "disk-hang", node, durationUs: this.#blows.drawUs() }),
        );
      case "disk-error":
        return this.#withNode((node) => this.#blows.breakDisk(node));
      case "disk-full":
        return this.#withNode(({ index: node }) =>
          this.#blows.strike({ type: "disk-full", node, durationUs: this.#blows.drawUs() }),
        );
      case "torn-write":
        return this.#withNode((node) => this.#blows.tear(node, this.#blows.drawDownUs()));
      case "log-rot":
        return this.#withNode((node) => this.#blows.rotLog(node, this.#blows.drawDownUs()));
      case "snapshot-rot":
        return this.#withNode((node) => this.#blows.rotSnapshot(node, this.#blows.drawDownUs()));
      case "snapshot-error":
        return this.#withNode((node) => this.#blows.failSnapshots(node));
      case "state-rot":
        return this.#withNode((node) => this.#blows.rotState(node, this.#blows.drawDownUs()));
      case "misdirected-write":
        return this.#withNode((node) => this.#misdirect(node));
      case "crash-point":
        return this.#crashAtPoint();
      case "disk-loss":
        return this.#withNode(({ index: node }) =>
          this.#blows.strike({ type: "disk-loss", node, downUs: this.#blows.drawDownUs() }),
        );
      case "slow-follower":
        return this.#slowFollower();
      case "duplicate":
        return this.#blows.raise("duplicates", random.next() * 0.3);
      case "reorder":
        return this.#blows.raise("reordered", random.next() * 0.3);
      case "link-weather":
        return this.#links.worsen();
      case "bandwidth":
        return this.#links.narrow();
      case "clog":
        return this.#links.clog();
      case "flap":
        return this.#links.flap();
      case "filter":
        return this.#links.filter(() => !this.#stopped);
      case "replay":
        return this.#links.replay();
      case "reconnect-storm":
        return this.#links.storm();
      case "half-open":
        return this.#links.forget();
      case "pause":
        return this.#withNode((node) => this.#blows.pause(node, this.#blows.drawUs()));
      case "wall-step":
        return this.#withNode((node) => this.#clocks.stepWall(node));
      case "clock-freeze":
        return this.#withNode((node) => this.#clocks.freeze(node));
      case "clock-drift":
        return this.#withNode((node) => this.#clocks.drift(node));
      case "clock-unbound":
        return this.#withNode((node) => this.#clocks.unbind(node));
      case "guest-crash":
        return this.#blows.endGuest("crash");
      case "guest-exit":
        return this.#blows.endGuest("shutdown");
      case "guest-hang":
        return this.#blows.endGuest("hang");
      case "guest-trouble":
        return this.#withNode((node) => this.#blows.troubleHost(node));
      case "leader-cut":
        return this.#withLeader((leader) => this.#blows.partition(this.#drawMinorityOf(leader)));
      case "leader-kill":
        return this.#withLeader((leader) => this.#blows.crash(leader, random.next() < POWER));
      case "leader-pause":
        return this.#withLeader((leader) => this.#blows.pause(leader, this.#blows.drawUs()));
      case "voters-kill":
        return this.#withLeader((leader) => this.#killVotersOf(leader));
      case "vanguard-cut":
        return this.#withLeader((leader) => this.#cutVanguard(leader));
      case "change-cut":
        return this.#cutChange();
      case "transfer-strike":
        return this.#withLeader((leader) => this.#strikeTransfer(leader));
      case "lease-edge":
        return this.#withNode((node) => this.#blows.makeMute(node, EDGE_MIN_US + random.integer(EDGE_SPREAD_US)));
      case "lease-squeeze":
        return this.#withNode((node) => this.#squeeze(node));
      default:
        return kind satisfies never;
    }
  }

  /** Ends one node's process, for instance while its snapshot is half done. */
  crash(node: SimNode): void {
    if (node.running) this.#blows.crash(node, this.#random.next() < POWER);
  }

  /** When its log begins anew, behind the snapshot that it takes over. False: it does not run, or a crash is armed already. */
  crashAtReset({ index: node }: SimNode, own: Random): boolean {
    const point: CrashPoint = own.next() < 0.5 ? "reset written" : "reset synced";
    const power = own.next() < POWER;
    return this.#blows.strike({ type: "crash-at", node, point, nth: 1, power, downUs: this.#blows.drawDownUs(own) });
  }

  /** It is met when the process begins anew, some time after the write. */
  #misdirect(node: SimNode): boolean {
    if (!this.#blows.strike({ type: "misdirected-write", node: node.index })) return false;
    this.#cluster.timeline.afterAside(this.#random.integer(MISDIRECTED_MET_US), () => {
      if (!this.#stopped && node.running && node.disk.platter.rottenFrom !== null) this.#blows.crash(node, false);
    });
    return true;
  }

  /** Mostly of the leader, which comes by more of them. */
  #crashAtPoint(): boolean {
    const random = this.#random;
    const common = COMMON_CRASH_POINTS[random.integer(COMMON_CRASH_POINTS.length)] as CrashPoint;
    const nth = 1 + random.integer(CRASH_NTH_MAX);
    const [power, downUs] = [random.next() < POWER, this.#blows.drawDownUs()];
    const point = this.#handOverPoint(createRandom(`hand-over ${downUs}`)) ?? common;
    const arm = ({ index: node }: SimNode): boolean =>
      this.#blows.strike({ type: "crash-at", node, point, nth, power, downUs });
    return random.next() < CRASH_LEADER ? this.#withLeader(arm) : this.#withNode(arm);
  }

  /** Where there are guests. From what was drawn already, so that these points take no chance from others. */
  #handOverPoint(own: Random): CrashPoint | null {
    const hasGuests = this.#cluster.nodes.some(({ host }) => host.guests.size > 0);
    if (!hasGuests || own.next() >= HAND_OVER) return null;
    const isMoving = this.#cluster.nodes.some(({ host }) => host.hasMoves);
    const points: readonly CrashPoint[] = isMoving ? [...HAND_OVER_POINTS, ...MOVE_POINTS] : HAND_OVER_POINTS;
    return points[own.integer(points.length)] as CrashPoint;
  }

  #crashAll(power: boolean): true {
    for (const node of this.#cluster.nodes) if (node.running) this.#blows.crash(node, power);
    return true;
  }

  #killVotersOf(leader: SimNode): void {
    for (const node of this.#cluster.nodes) {
      if (node === leader || !node.running || this.#random.next() < 0.4) continue;
      this.#blows.strike({
        type: "crash",
        node: node.index,
        power: false,
        downUs: this.#random.integer(VOTER_BACK_US),
      });
    }
    if (this.#random.next() < 0.7) this.#blows.partition(new Set([leader.index]));
  }

  #slowFollower(): boolean {
    const leader = this.#cluster.raft.leader();
    const followers = this.#cluster.nodes.filter((node) => node.running && node.index !== leader);
    const node = followers[this.#random.integer(Math.max(1, followers.length))];
    if (node === undefined) return false;
    this.#blows.slow(node, 10 ** (1.5 + this.#random.next() * 1.5));
    if (this.#random.next() < 0.5) this.#blows.makeDeaf(node, this.#blows.drawUs() / 4);
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
    return group.size > 0 && group.size < this.#cluster.nodes.length && this.#blows.partition(group);
  }

  #strikeTransfer(leader: SimNode): void {
    const { raft } = this.#cluster;
    const to = raft.view(leader.index)?.status().transferringTo ?? null;
    const target = to === null ? undefined : raft.nodeOf(to);
    const victim = target !== undefined && this.#random.next() < 0.5 ? this.#cluster.node(target) : leader;
    const drawn = this.#random.next();
    if (drawn < 0.4) this.crash(victim);
    else if (drawn < 0.7) this.#blows.partition(new Set([victim.index]));
    else this.#blows.pause(victim, this.#blows.drawUs());
  }

  #squeeze(node: SimNode): void {
    const lateUs = SQUEEZE_MIN_US + this.#random.integer(SQUEEZE_SPREAD_US);
    if (this.#random.next() < 0.3) this.#blows.pause(node, lateUs);
    else this.#blows.makeDeaf(node, lateUs);
    this.#cluster.timeline.afterAside(lateUs + this.#random.integer(SQUEEZE_LOST_WITHIN_US), () => {
      if (this.#stopped || !node.running) return;
      if (this.#random.next() < 0.5)
        this.#blows.strike({ type: "crash", node: node.index, power: false, downUs: SQUEEZE_AWAY_US });
      else this.#blows.partition(new Set([node.index]), SQUEEZE_AWAY_US);
    });
  }

  #cutVanguard(leader: SimNode): void {
    this.#blows.strike({ type: "heal-all" });
    const { nodes, raft } = this.#cluster;
    const ranked = nodes
      .map((node) => ({ node, status: raft.view(node.index)?.status() }))
      .toSorted(({ node: one, status: at }, { node: other, status: to }) => {
        if (one === leader || other === leader) return one === leader ? -1 : 1;
        return (to?.lastTerm ?? 0) - (at?.lastTerm ?? 0) || (to?.lastIndex ?? 0) - (at?.lastIndex ?? 0);
      });
    this.#blows.partition(new Set(ranked.slice(0, this.#minority()).map(({ node }) => node.index)));
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
