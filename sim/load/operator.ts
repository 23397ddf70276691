/**
 * The one who runs the cluster: adds, promotes, demotes and removes members, hands leadership over, has snapshots made; and replaces
 * members whose disk is lost or whose node is out of service.
 *
 * It sees what an operator sees, the configuration and who runs, and keeps to one rule that no program can keep for it: it changes
 * nothing that would leave a majority to disks that are lost or damaged. Whether a change is carried out at once, later or never is
 * the members' business; it does not wait for one before it asks for the next.
 */
import { createRandom, type Random } from "../../runtime/index.ts";
import type {
  ChangeMembershipResult,
  Configuration,
  MembershipChange,
  RaftActorMessage,
  SnapshotNowReply,
  TransferResult,
} from "../../actors/raft/index.ts";
import { membersOf, votersOf } from "../checkers/quorums.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { askAt } from "./door-actor.ts";
import { CHANCES, type LoadAct } from "../schedule/load-act.ts";
import type { ProcessLife } from "../timeline/process-life.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { SimNode } from "../cluster/sim-node.ts";

export interface OperatorOptions {
  readonly random: Random;
  /** Mean pause between two changes of its own will, in microseconds; null: it only replaces what is lost. */
  readonly everyUs: number | null;
  readonly votersMin: number;
  readonly votersMax: number;
  /** It acts of its own will. */
  onAct(act: OperatorAct): void;
}

/** What it does of its own will. */
export type OperatorAct = Extract<LoadAct, { readonly type: "change" | "transfer" | "snapshot" }>;

/** How often it looks for members to replace. */
const ROUND_US = 700_000;
const TIMEOUT_MS = 4000;

/** An operator who insists asks again this soon, so that a leader is asked the moment it is elected; and gives up after so many attempts. */
const AGAIN_MIN_US = 3000;
const AGAIN_SPREAD_US = 30_000;
const ATTEMPTS_MAX = 60;

/** Share of runs in which the operator insists; and how much sooner it then wants the next change. */
const INSISTS = 0.5;
const HASTE = 0.25;

/** How often one who insists asks the newest leader itself. */
const KNOWS = 0.7;

/** Refusals that another attempt may overcome. */
const PASSING: ReadonlySet<string> = new Set(["not-leader", "term-not-committed", "change-under-way"]);

/** A node that is out of service gets another disk after this. */
const REPLACE_AFTER_US = 2_000_000;

export class Operator {
  changes = 0;
  refusals = 0;
  transfers = 0;
  snapshots = 0;
  replaced = 0;
  readonly #options: OperatorOptions;
  /** Of what it does of its own will, and of its rounds; each of its acts has its own. */
  readonly #random: Random;
  readonly #rounds: Random;
  #cluster!: Cluster;
  #active = false;
  #rests = false;
  /** Asks again for what was refused, as tools do that are told to try again in a moment. */
  readonly #insists: boolean;
  /** Nodes whose member was a voter and lost its disk: their next one is to be a voter too. */
  readonly #wanted = new Set<number>();
  /** By node: the life in which its store failed. */
  readonly #outOfService = new Map<number, ProcessLife | undefined>();

  constructor(options: OperatorOptions) {
    this.#options = options;
    this.#random = options.random;
    this.#rounds = options.random.fork();
    this.#insists = options.everyUs !== null && options.random.next() < INSISTS;
  }

  attach(cluster: Cluster): void {
    this.#cluster = cluster;
  }

  /** `scheduled`: it has no will of its own, and acts when `perform` is told to; what is lost it replaces all the same. */
  start(load: Schedule["load"] = "drawn"): void {
    this.#active = true;
    this.#lookSoon();
    if (load === "drawn" && this.#options.everyUs !== null)
      this.#changeSoon(this.#options.everyUs * (this.#insists ? HASTE : 1));
  }

  /** Does what was recorded. False when it would not be right now. */
  perform(act: OperatorAct): boolean {
    if (!this.#active) return false;
    const random = createRandom(act.chance);
    if (act.type === "snapshot") this.#snapshot(random);
    else if (act.type === "transfer") {
      const to = act.node === null ? null : this.#memberOf(act.node);
      if (to === undefined) return false;
      this.#handOver(to, { force: act.force, random });
    } else {
      const member = this.#memberOf(act.node);
      if (member === undefined || !this.#mayStill({ type: act.change, member })) return false;
      this.#change({ type: act.change, member }, { random, attempts: this.#insists ? ATTEMPTS_MAX : 1 });
    }
    return true;
  }

  /** From now on it changes nothing of its own will, but finishes what it has begun to replace. */
  stop(): void {
    this.#active = false;
  }

  /** From now on it changes nothing at all: who is to be replaced is not there to be, and for what is left no majority can be spared. */
  rest(): void {
    this.#active = false;
    this.#rests = true;
  }

  /** It acts again when it is told to. */
  resume(): void {
    this.#active = true;
  }

  /** The node's store has failed for good: its disk is replaced as soon as the others can do without what was on it. */
  onOutOfService(node: SimNode): void {
    const isKnown = this.#outOfService.has(node.index);
    this.#outOfService.set(node.index, node.process?.life);
    if (!isKnown) this.#replaceSoon(node);
  }

  #replaceSoon(node: SimNode): void {
    this.#cluster.timeline.after(REPLACE_AFTER_US, () => {
      if (this.#rests) return;
      const life = this.#outOfService.get(node.index);
      const isWellAgain = node.process !== null && node.process.life !== life;
      if (!isWellAgain && !this.#cluster.atlas.canMiss(node.index)) return this.#replaceSoon(node);
      this.#outOfService.delete(node.index);
      if (isWellAgain) return;
      node.loseDisk();
      node.start();
    });
  }

  /** What it still has to do; null when nothing. */
  unfinished(): string | null {
    const placed = this.#cluster.raft.configurations.committed;
    if (placed === null) return "no cluster was formed";
    const { configuration } = placed;
    if (configuration.votersOutgoing.length > 0) return "a change of membership is under way";
    const ghost = this.#ghosts(configuration)[0];
    if (ghost !== undefined) return `member "${ghost}" has lost its disk and is not replaced`;
    return this.#outOfService.size > 0 ? "a node is out of service" : null;
  }

  #lookSoon(): void {
    this.#cluster.timeline.after(ROUND_US * (0.5 + this.#rounds.next()), () => {
      if (this.#rests) return;
      this.#look();
      this.#lookSoon();
    });
  }

  /** Takes out who is lost, and makes voters of those who come in their place. */
  #look(): void {
    const random = this.#rounds.fork();
    const configuration = this.#cluster.raft.configurations.committed?.configuration;
    if (configuration === undefined || configuration.votersOutgoing.length > 0) return;
    const [ghost] = this.#ghosts(configuration);
    if (ghost !== undefined) {
      const node = this.#cluster.nodes.find(({ name }) => ghost.startsWith(`${name}@`));
      if (node !== undefined && configuration.voters.includes(ghost)) this.#wanted.add(node.index);
      if (this.#cluster.atlas.canLeave(configuration, ghost)) {
        this.#change({ type: "remove", member: ghost }, { random, attempts: 1 });
      }
      return;
    }
    const [wanted] = this.#wanted;
    if (wanted !== undefined) this.#bringIn(wanted, configuration, random);
  }

  #bringIn(index: number, { voters, learners }: Configuration, random: Random): void {
    const member = this.#memberOf(index);
    if (member === undefined) return;
    if (voters.includes(member) || voters.length >= this.#options.votersMax) {
      this.#wanted.delete(index);
      if (voters.includes(member)) this.replaced += 1;
      return;
    }
    const change: MembershipChange = { type: learners.includes(member) ? "promote" : "add-learner", member };
    if (this.#mayStill(change)) this.#change(change, { random, attempts: 1 });
  }

  #changeSoon(everyUs: number): void {
    this.#cluster.timeline.afterAside(
      -Math.log(1 - this.#random.next()) * everyUs,
      () => {
        if (!this.#active) return;
        this.#actAtWill();
        this.#changeSoon(everyUs);
      },
      "load",
    );
  }

  #actAtWill(): void {
    const configuration = this.#cluster.raft.configurations.committed?.configuration;
    if (configuration === undefined) return;
    const drawn = this.#random.next();
    const chance = this.#random.integer(CHANCES);
    const random = createRandom(chance);
    if (drawn < 0.2) return this.#transfer(configuration, chance, random);
    if (drawn < 0.3) {
      this.#options.onAct({ type: "snapshot", chance });
      return this.#snapshot(random);
    }
    const change = this.#drawChange(configuration);
    if (change === null) return;
    const node = this.#nodeOf(change.member);
    if (node !== null) this.#options.onAct({ type: "change", change: change.type, node, chance });
    this.#change(change, { random, attempts: this.#insists ? ATTEMPTS_MAX : 1 });
  }

  #drawChange(configuration: Configuration): MembershipChange | null {
    const { voters, learners } = configuration;
    const { votersMin, votersMax } = this.#options;
    const spares = this.#cluster.nodes.flatMap(({ index }) => this.#memberOf(index) ?? []);
    const outside = spares.filter((member) => !votersOf(configuration).includes(member) && !learners.includes(member));
    const drawn = this.#random.next();
    if (drawn < 0.3) return this.#drawn(outside, (member) => ({ type: "add-learner", member }));
    if (drawn < 0.6) {
      if (voters.length >= votersMax) return null;
      const joining = learners.filter((one) => this.#cluster.atlas.canJoin(configuration, one));
      return this.#drawn(joining, (member) => ({ type: "promote", member }));
    }
    const leaving =
      voters.length > votersMin ? voters.filter((one) => this.#cluster.atlas.canLeave(configuration, one)) : [];
    if (drawn < 0.75) return this.#drawn(leaving, (member) => ({ type: "demote", member }));
    return this.#drawn([...leaving, ...learners], (member) => ({ type: "remove", member }));
  }

  #drawn(members: readonly string[], make: (member: string) => MembershipChange): MembershipChange | null {
    const member = members[this.#random.integer(Math.max(1, members.length))];
    return member === undefined ? null : make(member);
  }

  #change(
    change: MembershipChange,
    { random, attempts }: { readonly random: Random; readonly attempts: number },
  ): void {
    this.#cluster.timeline.note(`operator ${change.type} ${change.member}`);
    this.#ask<ChangeMembershipResult>(
      random,
      (replyTo) => ({ type: "change-membership", change, replyTo }),
      (result) => {
        if (result?.ok === true) {
          this.changes += 1;
          return;
        }
        this.refusals += 1;
        if (attempts <= 1 || result === null || !PASSING.has(result.code)) return;
        this.#cluster.timeline.after(AGAIN_MIN_US + random.integer(AGAIN_SPREAD_US), () => {
          if (this.#active && this.#mayStill(change)) this.#change(change, { random, attempts: attempts - 1 });
        });
      },
    );
  }

  /** Whether what it wanted is still right: voters may have gone meanwhile, or lost their disks. */
  #mayStill({ type, member }: MembershipChange): boolean {
    const configuration = this.#cluster.raft.configurations.committed?.configuration;
    if (configuration === undefined) return false;
    const { voters } = configuration;
    if (type === "promote")
      return voters.length < this.#options.votersMax && this.#cluster.atlas.canJoin(configuration, member);
    if (type === "add-learner" || !votersOf(configuration).includes(member)) return true;
    return voters.length > this.#options.votersMin && this.#cluster.atlas.canLeave(configuration, member);
  }

  #transfer({ voters }: Configuration, chance: number, random: Random): void {
    const [to, force] = [this.#drawn(voters, (member) => ({ type: "promote", member })), this.#random.next() < 0.2];
    const target = to === null || this.#random.next() < 0.3 ? null : to.member;
    this.#options.onAct({ type: "transfer", node: target === null ? null : this.#nodeOf(target), force, chance });
    this.#handOver(target, { force, random });
  }

  #handOver(target: string | null, { force, random }: { readonly force: boolean; readonly random: Random }): void {
    this.#cluster.timeline.note(`operator transfer ${target ?? "anybody"}`);
    this.#ask<TransferResult>(
      random,
      (replyTo) => ({ type: "transfer", to: target, force, replyTo }),
      (result) => void (this.transfers += result?.ok === true ? 1 : 0),
    );
  }

  #snapshot(random: Random): void {
    this.#ask<SnapshotNowReply>(
      random,
      (replyTo) => ({ type: "snapshot-now", replyTo }),
      (result) => void (this.snapshots += result?.ok === true ? 1 : 0),
    );
  }

  /** At any node; those that do not lead take it to the one that does. */
  #ask<Answer>(
    random: Random,
    make: Parameters<typeof askAt<RaftActorMessage, Answer>>[2]["make"],
    done: (answer: Answer | null) => void,
  ): void {
    const node = this.#drawNode(random);
    if (node !== undefined) askAt<RaftActorMessage, Answer>(node, "raft", { make, timeoutMs: TIMEOUT_MS, done });
  }

  /** Who insists knows where to ask. */
  #drawNode(random: Random): SimNode | undefined {
    const { nodes, raft } = this.#cluster;
    const running = nodes.filter((node) => node.running);
    const drawn = running[random.integer(Math.max(1, running.length))];
    const leader = raft.leader();
    return this.#insists && leader !== undefined && random.next() < KNOWS ? this.#cluster.node(leader) : drawn;
  }

  /** Members whose disk does not exist any more. */
  #ghosts(configuration: Configuration): readonly string[] {
    return membersOf(configuration).filter((member) => this.#cluster.raft.nodeOf(member) === undefined);
  }

  /** The id that a node has minted. */
  #memberOf(index: number): string | undefined {
    return this.#cluster.nodes[index]?.disk.platter.identity?.member;
  }

  /** Null where its disk does not exist any more. */
  #nodeOf(member: string): number | null {
    return this.#cluster.raft.nodeOf(member) ?? null;
  }
}
