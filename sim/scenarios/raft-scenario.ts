/**
 * Consensus and a machine on it: in each process a Raft actor and the machine actor of `actors/raft/machine` with a few registers
 * (`register-machine.ts`), outside of them clients that keep a history (`kv-clients.ts`) and an operator (`operator.ts`).
 *
 * Logs are short before they are compacted, and snapshots slow on their way, so that both happen in every run. Some nodes are spare: they run,
 * belong to no cluster, and wait to be added.
 */
import type { Random } from "../../runtime/index.ts";
import {
  brokenRules,
  raftActor,
  RAFT_SPAWN_OPTIONS,
  type RaftActorMessage,
  type RaftLimits,
} from "../../actors/raft/index.ts";
import {
  MACHINE_SPAWN_OPTIONS,
  machineActor,
  type AppliedAt,
  type MachineView,
} from "../../actors/raft/machine/index.ts";
import { checkLinearizability } from "../checkers/linearizability.ts";
import { membersOf } from "../checkers/quorums.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { CoreEnd } from "../faults/core-ending.ts";
import { DOOR, doorActor } from "../load/door-actor.ts";
import type { GuestWatcher } from "../outside/guest.ts";
import { KvClients } from "../load/kv-clients.ts";
import type { LoadAct } from "../schedule/load-act.ts";
import { whyTooLong } from "./log-length.ts";
import { Operator } from "../load/operator.ts";
import type { PlantedFaults } from "../faults/planted-faults.ts";
import { prioritiesFrom } from "./leader-preferences.ts";
import { RegisterMachine, type RegisterCommand } from "../load/register-machine.ts";
import type { Schedule } from "../schedule/schedule.ts";
import { RegistersAfterLoss } from "./registers-after-loss.ts";
import { Scope } from "./scope.ts";
import type { AfterLoss, Scenario } from "./scenario.ts";
import { isSnapshotWriteError } from "../disk/snapshot-disk.ts";
import type { Process, SimNode } from "../cluster/sim-node.ts";

export interface RaftScenarioOptions {
  readonly random: Random;
  readonly planted: PlantedFaults;
  readonly limits: Partial<RaftLimits>;
  /** Mean pause between two operations of clients, in microseconds. */
  readonly everyUs: number;
  /** Nodes that form the cluster; the others are spare. */
  readonly founders: number;
  /** Mean pause between two changes of membership; null: none but to replace what is lost. */
  readonly changeEveryUs: number | null;
  /** Clients or operator act, of which nobody told them. */
  onAct(act: LoadAct): void;
}

/** Voters of a cluster whose membership changes, unless it has fewer from the start. */
const VOTERS_MIN = 3;
const VOTERS_MAX = 7;

const CLIENTS_MAX = 8;
const KEYS_MAX = 4;

/** Fewest and most entries from one snapshot to the next, and behind it; what is drawn lies between, small ones as often as large ones. */
const EVERY_MIN = 15;
const EVERY_MAX = 300;
const TRAILING_MAX = 100;

/**
 * Bytes of a large snapshot, of its chunks, and how many travel in a second where snapshots are slow: three chunks, and 2.4 s. Production's chunks
 * are 16 times as large; what is done with them is the same, and checksums of 16 times as many bytes took a seventh of a run.
 */
const BALLAST_BYTES = 37_500;
const CHUNK_BYTES = 16_384;
const SLOW_BYTES_PER_SECOND = 15_625;

/** Sessions that the machine remembers: few, so that some are forgotten while they are in use. */
const SESSIONS_MAX = 40;

/** Trailing windows that a snapshot under way may hold back. */
const HELD_BACK = 4;

/** The machine of one life of a node. */
interface Machine {
  readonly registers: RegisterMachine;
  applied: number;
  isRestored: boolean;
}

export class RaftScenario implements Scenario {
  readonly guests: GuestWatcher = { onGuestStarted: () => {}, onGuestEnded: () => {} };
  readonly settleWithinUs = 60_000_000;
  readonly standsOnClockRates: boolean;
  readonly #options: RaftScenarioOptions;
  readonly #clients: KvClients;
  readonly #operator: Operator;
  readonly #machines = new Map<number, Machine>();
  /** By number of the operation: where in the log it was carried out. */
  readonly #acted = new Map<number, string>();
  /** By index: what the registers were, and who was there first. */
  readonly #states = new Map<number, { readonly fingerprint: string; readonly node: number }>();
  readonly #snapshotting: { readonly everyEntries: number; readonly bytesPerSecondMax: number };
  readonly #trailingEntries: number;
  readonly #ballastBytes: number;
  readonly #sessionsMax: number;
  /** Reads at a leader by its lease, under clocks that drift. */
  readonly #leaseReads: boolean;
  readonly #priorities: readonly number[];
  #cluster!: Cluster;
  #scope!: Scope;
  #isProbed = false;
  #installs = 0;
  #comparisons = 0;

  constructor(options: RaftScenarioOptions) {
    const { random, everyUs, changeEveryUs, founders } = options;
    this.#options = options;
    this.#clients = new KvClients({
      random: random.fork(),
      clients: 1 + random.integer(CLIENTS_MAX),
      keys: 1 + random.integer(KEYS_MAX),
      everyUs,
      path: "machine",
      onCall: (call) => options.onAct(call),
    });
    this.#operator = new Operator({
      random: random.fork(),
      everyUs: changeEveryUs,
      votersMin: Math.min(VOTERS_MIN, founders),
      votersMax: Math.max(VOTERS_MAX, founders),
      onAct: (act) => options.onAct(act),
    });
    const isLarge = random.next() < 0.3;
    this.#ballastBytes = isLarge ? BALLAST_BYTES : 0;
    this.#snapshotting = {
      everyEntries: Math.round(EVERY_MIN * (EVERY_MAX / EVERY_MIN) ** random.next()),
      bytesPerSecondMax: isLarge && random.next() < 0.7 ? SLOW_BYTES_PER_SECOND : 10_000_000,
    };
    this.#trailingEntries = random.next() < 0.3 ? 0 : random.integer(TRAILING_MAX);
    this.#leaseReads = random.next() < 0.35;
    this.standsOnClockRates = this.#leaseReads;
    this.#priorities = prioritiesFrom(random.next());
    this.#sessionsMax = random.next() < 0.3 ? SESSIONS_MAX : 32_768;
  }

  attach(cluster: Cluster): void {
    this.#cluster = cluster;
    this.#scope = new Scope(cluster, null);
    this.#clients.attach(cluster);
    this.#operator.attach(cluster);
  }

  compose(process: Process): void {
    const { node, life, system, store, snapshots } = process;
    const machine: Machine = { registers: this.#registers(node.index), applied: 0, isRestored: false };
    this.#machines.set(node.index, machine);
    system.spawn(doorActor(), { name: DOOR });
    const subscriber = system.spawn(
      machineActor({
        raft: system.refAt<RaftActorMessage>({ node: node.name, path: "raft" }),
        machine: machine.registers,
        sessions: { max: this.#sessionsMax },
        snapshotChunkBytes: CHUNK_BYTES,
        onApply: (view) => this.#onApply(node.index, machine, view),
        onLeadership: ({ isLeader }) => {
          if (isLeader && this.#isPlanted(28)) machine.registers.forget();
        },
        onEvent: (event) => {
          if (!life.alive) return;
          this.#cluster.timeline.note(`event ${node.index} ${event.type}`);
          if (event.type !== "store-failed") return;
          if (event.error.code === "store-corrupt") this.#operator.onOutOfService(node);
          if (!isSnapshotWriteError(event.error)) return;
          this.#cluster.timeline.fail("log-is-enough", `Node ${node.index} ends its member: ${event.error.message}`);
        },
      }),
      MACHINE_SPAWN_OPTIONS,
    );
    system.spawn(
      raftActor({
        voters: this.#listFor(node),
        store,
        snapshots,
        subscriber,
        preferences: {
          leaseReads: this.#leaseReads,
          priority: this.#priorities[node.index % this.#priorities.length] ?? 0,
        },
        limits: { ...this.#options.limits, trailingEntries: this.#trailingEntries, promotionLagMax: 50 },
        snapshotting: this.#snapshotting,
        rules: brokenRules(this.#options.planted.raft ?? []),
        onStart: (view) => this.#cluster.raft.onStart(node.index, view),
      }),
      RAFT_SPAWN_OPTIONS,
    );
  }

  /** Of whom the cluster is to be made; once it is, who starts a node without a member gives it a list of those that belong (formation). */
  #listFor({ disk }: SimNode): readonly string[] {
    const { names, raft } = this.#cluster;
    const placed = raft.configurations.committed;
    if (placed === null || (disk.platter.identity?.cluster ?? null) !== null) {
      return names.slice(0, this.#options.founders);
    }
    return membersOf(placed.configuration).flatMap((member) => names[raft.nodeOf(member) ?? -1] ?? []);
  }

  check(): void {}

  onEnd(node: SimNode): void {
    this.#machines.delete(node.index);
  }

  load(load: Schedule["load"] = "drawn"): void {
    this.#clients.start(load);
    this.#operator.start(load);
  }

  perform(act: LoadAct): boolean {
    switch (act.type) {
      case "call":
        return this.#clients.call(act);
      case "change":
      case "transfer":
      case "snapshot":
        return this.#operator.perform(act);
      default:
        return false;
    }
  }

  unload(): void {
    this.#clients.stop();
    this.#operator.stop();
  }

  keepTo(end: CoreEnd): void {
    this.#scope = new Scope(this.#cluster, end);
    this.#clients.keepTo(end.core);
    this.#operator.rest();
  }

  term(): number {
    return this.#scope.term();
  }

  behind(): number {
    return Math.ceil(this.#scope.lag() / (this.#options.limits.entriesPerMessageMax ?? Infinity));
  }

  probe(untilUs: number): void {
    this.#clients.probe(() => {
      this.#isProbed = true;
    }, untilUs);
  }

  halted(): string | null {
    return this.#isProbed ? null : "no write was acknowledged, or not every key could be read";
  }

  unsettled(): string | null {
    const { raft } = this.#cluster;
    const leader = this.#scope.leader();
    const asked = this.#scope.asked();
    if (asked !== null) this.#clients.keepTo(asked);
    const placed = raft.configurations.committed;
    if (leader === undefined || placed === null) return "no member leads";
    if (!this.#isProbed) return "the last write is not acknowledged, or not every key was read";
    if (this.#clients.open > 0) return `${this.#clients.open} clients wait for an answer`;
    const last = raft.view(leader)?.status().lastIndex ?? 0;
    const { lastIndex } = raft.committed;
    if (lastIndex < last) return `the leader's log ends at ${last}, ${lastIndex} is committed`;
    const unfinished = this.#scope.isWhole ? this.#operator.unfinished() : null;
    if (unfinished !== null) return unfinished;
    const served = new Set(this.#scope.served(leader).map(({ index }) => index));
    for (const member of membersOf(placed.configuration)) {
      const node = raft.nodeOf(member);
      if (!this.#scope.isWhole && (node === undefined || !served.has(node))) continue;
      const wrong = this.#unsettledMember(member, lastIndex);
      if (wrong !== null) return `${member} ${wrong}`;
    }
    return null;
  }

  get afterLoss(): AfterLoss {
    return new RegistersAfterLoss(this.#cluster, this.#operator, (through) => {
      for (const index of this.#states.keys()) if (index > through) this.#states.delete(index);
      this.#acted.clear();
    });
  }

  checkEnd(): void {
    const { timeline } = this.#cluster;
    const result = checkLinearizability(this.#clients.history);
    if (result.ok === false) timeline.fail("history-is-linearizable", result.message);
    else if (result.ok === "undecided") timeline.fail("history-is-judged", result.message);
  }

  marks(): Readonly<Record<string, number>> {
    const { acknowledged, reads, refused, unknown, repeated } = this.#clients;
    const { changes, transfers, replaced } = this.#operator;
    return {
      ...{ acknowledged, reads, refused, unknown, "writes repeated": repeated },
      ...{ "members changed": changes, "leaders handed over": transfers, "members replaced": replaced },
      "snapshots asked for": this.#operator.snapshots,
      "snapshots restored": this.#installs,
      "states compared": this.#comparisons,
    };
  }

  #unsettledMember(member: string, lastIndex: number): string | null {
    const { raft } = this.#cluster;
    const node = raft.nodeOf(member);
    const status = node === undefined ? undefined : raft.view(node)?.status();
    const applied = node === undefined ? undefined : this.#machines.get(node)?.applied;
    if (status === undefined || applied === undefined) return "does not take part";
    if (applied !== lastIndex) return `has applied ${applied} of ${lastIndex} entries`;
    if (status.recovering) return "does not vote, as its disk was damaged";
    // A snapshot that is under way, here to somebody whom it never reaches, holds back more (`RaftLimits.trailingEntries`).
    const trailingEntries = this.#trailingEntries * (this.#scope.isWhole ? 1 : HELD_BACK);
    return whyTooLong(status, { everyEntries: this.#snapshotting.everyEntries, trailingEntries });
  }

  #isPlanted(fault: number): boolean {
    return this.#options.planted.raft?.includes(fault) === true;
  }

  #registers(node: number): RegisterMachine {
    return new RegisterMachine({
      onAct: (command, at) => this.#onAct(node, command, at),
      onRestored: () => {
        this.#installs += 1;
        const machine = this.#machines.get(node);
        if (machine !== undefined) machine.isRestored = true;
      },
      ballastBytes: this.#ballastBytes,
      isLate: this.#isPlanted(20),
    });
  }

  /** Each operation is carried out at one place of the log only, whoever carries it out and however often. */
  #onAct(node: number, { operation }: RegisterCommand, { index, position }: AppliedAt): void {
    const place = `${index}/${position}`;
    const before = this.#acted.get(operation);
    if (before === undefined) this.#acted.set(operation, place);
    else if (before !== place) {
      const message = `Node ${node} carries out operation ${operation} at ${place}; it was carried out at ${before}`;
      this.#cluster.timeline.fail("acts-at-most-once", message);
    }
  }

  #onApply(node: number, machine: Machine, { applied, timeMs, sessions }: MachineView): void {
    const { timeline } = this.#cluster;
    if (this.#machines.get(node) !== machine) return;
    if (applied !== machine.applied + 1 && !(machine.isRestored && applied > machine.applied)) {
      timeline.fail("applied-in-order", `Node ${node} applied ${applied} after ${machine.applied}`);
    }
    machine.applied = applied;
    machine.isRestored = false;
    timeline.note(`apply ${node} ${applied}`);
    const fingerprint = `${machine.registers.fingerprint} ${timeMs} ${sessions}`;
    const first = this.#states.get(applied);
    if (first === undefined) this.#states.set(applied, { fingerprint, node });
    else {
      this.#comparisons += 1;
      if (first.fingerprint === fingerprint) return;
      const message = `At index ${applied} node ${node} has "${fingerprint}", node ${first.node} had "${first.fingerprint}"`;
      timeline.fail("state-machine-safety", message);
    }
  }
}
