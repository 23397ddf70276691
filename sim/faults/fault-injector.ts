/**
 * The injector: decides when which fault strikes, by the plan and by what the cluster does.
 *
 * Beside faults at random times there is the hunter: it strikes a leader a moment after it was elected or has committed
 * something, since that is when Raft has most to lose (figure 8 of the paper needs four such moments in a row). It strikes with kinds that are on in
 * the seed alone: a kind that swarm has switched off never strikes, so what is found without it is found without it.
 */
import { createRandom, type Random } from "../../runtime/index.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { drawCoreEnding, type CoreEnd } from "./core-ending.ts";
import type { FaultKind } from "./fault-kinds.ts";
import type { FaultPlan } from "./fault-plan.ts";
import { Faults } from "./faults.ts";
import { StorageInjector } from "./storage-injector.ts";
import type { StorageFaultKind } from "./storage-plan.ts";
import type { Recording } from "../schedule/schedule.ts";

/** What the hunter does to a leader that was just elected, and to one that has committed something. */
const AT_ELECTION: readonly FaultKind[] = [
  "leader-cut",
  "leader-cut",
  "leader-kill",
  "leader-pause",
  "voters-kill",
  "crash-point",
];
const AT_COMMIT: readonly FaultKind[] = ["vanguard-cut", "vanguard-cut", "leader-cut", "leader-kill", "crash-point"];

/** What it does while a change of membership is not committed, and while leadership is handed over. */
const AT_CHANGE: readonly FaultKind[] = [
  "change-cut",
  "change-cut",
  "leader-cut",
  "leader-cut",
  "leader-kill",
  "leader-pause",
  "vanguard-cut",
  "voters-kill",
  "crash-point",
  "crash-point",
];
const AT_TRANSFER: readonly FaultKind[] = [
  "transfer-strike",
  "transfer-strike",
  "leader-cut",
  "vanguard-cut",
  "crash-point",
];

/** Snapshots are many; so much rarer is a strike while one is made or taken over. */
const SNAPSHOT_INTEREST = 0.1;

/** Share of snapshots that are taken over, at whose beginning or end a crash is armed for when the log begins anew. */
const RESET_INTEREST = 0.1;

/** Share of the hunter's strikes that come before anything of what the leader has just sent can arrive. */
const AT_ONCE = 0.5;

/** Commits after a term's first are many; so much rarer is the hunter's interest in them. */
const LATER_COMMIT_INTEREST = 0.01;

/** Who has faults struck, and is told when leaders have most to lose. */
export interface FaultSource {
  /** What was done, and how often. */
  readonly counts: ReadonlyMap<string, number>;
  start(): void;
  /** No more faults; those under way end now, or those of a core do and no others ever. Answers who is in the core; null: everybody is well. */
  stop(): CoreEnd | null;
  onLeader?(): void;
  /** A leader of `term` has committed something. */
  onCommitted?(term: number): void;
  /** A leader has put a change of membership into its log. */
  onChange?(): void;
  /** A leader has begun to hand over. */
  onTransfer?(): void;
  /** A node writes a snapshot. */
  onSnapshot?(node: number): void;
}

export class FaultInjector implements FaultSource {
  readonly counts: Map<FaultKind | StorageFaultKind, number> = new Map();
  readonly #cluster: Cluster;
  readonly #plan: FaultPlan;
  readonly #random: Random;
  /** Of how the run ends. */
  readonly #ending: Random;
  readonly #faults: Faults;
  readonly #storage: StorageInjector | null;
  #active = false;
  #storm = false;
  #hunting = false;
  #lastCommitTerm = 0;

  constructor(
    cluster: Cluster,
    { plan, random, recording }: { readonly plan: FaultPlan; readonly random: Random; readonly recording: Recording },
  ) {
    this.#cluster = cluster;
    this.#plan = plan;
    this.#random = random;
    this.#ending = random.fork();
    this.#faults = new Faults(cluster, { random: random.fork(), lengths: plan.lengths, recording });
    this.#storage =
      plan.storage === undefined
        ? null
        : new StorageInjector(cluster, {
            plan: plan.storage,
            strike: (blow) => this.#faults.strike(blow),
            onStruck: (kind) => this.#count(kind),
          });
  }

  start(): void {
    if (this.#plan.weights.size === 0) return;
    this.#active = true;
    this.#changeWeather(false);
    this.#strikeSoon();
    this.#storage?.start();
  }

  stop(): CoreEnd | null {
    this.#active = false;
    this.#storage?.stop();
    const { core } = this.#plan;
    const isCore = core !== undefined && this.#ending.next() < core.share;
    return this.#faults.stop(isCore ? drawCoreEnding(this.#cluster, this.#ending, core) : null);
  }

  onLeader(): void {
    this.#hunt(AT_ELECTION, this.#plan.hunt);
  }

  onCommitted(term: number): void {
    this.#hunt(AT_COMMIT, this.#plan.hunt * (term === this.#lastCommitTerm ? LATER_COMMIT_INTEREST : 1));
    this.#lastCommitTerm = term;
  }

  onChange(): void {
    this.#hunt(AT_CHANGE, this.#plan.hunt);
  }

  onTransfer(): void {
    this.#hunt(AT_TRANSFER, this.#plan.hunt);
  }

  onSnapshot(node: number): void {
    const { timeline } = this.#cluster;
    const { weights, hunt } = this.#plan;
    if (!this.#active) return;
    if (weights.has("crash-point")) this.#huntReset(node);
    if (!weights.has("kill") || this.#random.next() >= hunt * SNAPSHOT_INTEREST) return;
    timeline.afterAside(this.#random.next() * this.#plan.huntWithinUs, () => {
      if (!this.#active) return;
      this.#faults.crash(this.#cluster.node(node));
      this.counts.set("kill", (this.counts.get("kill") ?? 0) + 1);
    });
  }

  /**
   * A member that takes a snapshot over begins its log anew with it, once: a crash there, aimed at any member at any time, strikes none in ten thousand
   * runs. Drawn by the moment, so that it takes no chance from others.
   */
  #huntReset(node: number): void {
    const { timeline, raft } = this.#cluster;
    const own = createRandom(`reset ${timeline.nowUs} ${node}`);
    if (own.next() >= RESET_INTEREST) return;
    const leader = raft.view(raft.leader() ?? node)?.status();
    if ((raft.view(node)?.status().lastIndex ?? Infinity) >= (leader?.base ?? 0)) return;
    timeline.afterAside(0, () => {
      if (!this.#active || !this.#faults.crashAtReset(this.#cluster.node(node), own)) return;
      this.counts.set("crash-point", (this.counts.get("crash-point") ?? 0) + 1);
    });
  }

  #changeWeather(storm: boolean): void {
    this.#storm = storm;
    const meanUs = storm ? this.#plan.stormUs : this.#plan.calmUs;
    this.#cluster.timeline.afterAside(meanUs * (0.5 + this.#random.next()), () => {
      if (this.#active) this.#changeWeather(!storm);
    });
  }

  #strikeSoon(): void {
    this.#cluster.timeline.afterAside(-Math.log(1 - this.#random.next()) * this.#plan.everyUs, () => {
      if (!this.#active) return;
      if (this.#storm) this.#strike(this.#drawKind());
      this.#strikeSoon();
    });
  }

  #hunt(all: readonly FaultKind[], probability: number): void {
    if (!this.#active || this.#hunting || this.#random.next() >= probability) return;
    const kinds = all.filter((kind) => this.#plan.weights.has(kind));
    if (kinds.length === 0) return;
    this.#hunting = true;
    const atOnce = this.#random.next() < AT_ONCE;
    this.#cluster.timeline.afterAside(atOnce ? 0 : this.#random.next() * this.#plan.huntWithinUs, () => {
      this.#hunting = false;
      if (this.#active) this.#strike(kinds[this.#random.integer(kinds.length)] as FaultKind);
    });
  }

  #strike(kind: FaultKind): void {
    if (this.#faults.inject(kind)) this.#count(kind);
  }

  #count(kind: FaultKind | StorageFaultKind): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }

  #drawKind(): FaultKind {
    let total = 0;
    for (const weight of this.#plan.weights.values()) total += weight;
    let drawn = this.#random.next() * total;
    let last: FaultKind = "kill";
    for (const [kind, weight] of this.#plan.weights) {
      last = kind;
      drawn -= weight;
      if (drawn < 0) break;
    }
    return last;
  }
}
