/**
 * What becomes of a cluster that has lost a quorum on purpose: an epilogue to a run that was clean and has settled.
 *
 *     all is well ──▶ a majority of the voters is wiped, or rots: said so ──▶ REFUSES_US: whoever is left refuses, by name
 *                 ──▶ the documented way out, one node goes on alone ──▶ it serves, and the others come to it on empty disks
 *
 * Everywhere else a fault that takes more than Raft promises to bear is never struck (`../cluster/fault-atlas.ts`), since it would show nothing but that.
 * Here that is the point: nothing may be acknowledged or read any more, since nobody can know whether it still counts, and what people are told to do
 * then (`blixard cluster recover`, docs/operations.md) must bring the cluster back with all that the one who goes on had.
 *
 * All of it is decided by the seed alone, so a replay ends with the same; rules go on being checked, and begin anew with the one who goes on alone.
 */
import { loadMember } from "../../actors/raft/member-start.ts";
import { readThrough } from "../../actors/raft/transfer/read-through.ts";
import { planRecovery, recoveryWrite, type RecoveryPlan } from "../../actors/raft/recovery.ts";
import {
  createRandom,
  StoreError,
  type FinishedSnapshot,
  type Random,
  type SnapshotStore,
} from "../../runtime/index.ts";
import { votersOf } from "../checkers/quorums.ts";
import type { ProfileName } from "../faults/profile.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { SimNode } from "../cluster/sim-node.ts";
import type { AfterLoss } from "../scenarios/scenario.ts";
import { ProcessLife } from "../timeline/process-life.ts";

const LOSSES = ["wipe", "rot-log", "rot-state"] as const;

/** How it is counted by its marks. */
export const LOSS_MARKS: readonly string[] = LOSSES.map((how) => `quorums lost: ${how}`);

/** A leader that hears no quorum is none any more by then; and for so long after it everybody is asked, each so often. */
const QUIET_US = 4_000_000;
const REFUSES_US = 6_000_000;
const ASK_EVERY_US = 1_000_000;

/** An answer comes within this, or it never does. */
const ANSWER_US = 6_000_000;

/** A look at how far the reading of a snapshot is. */
const READ_US = 10_000;

/** Whoever goes on alone serves within this, and has taken the others in within that. */
const ALONE_US = 10_000_000;
const GROWN_US = 60_000_000;

/** What `docs/errors.md` has for who is asked then. */
const REFUSALS: ReadonlySet<string> = new Set(["not-leader", "unavailable", "unknown", "store-failed"]);

/** Share of runs of consensus that end so where nobody asks for it. */
const SHARE = 0.02;

/** Whether a run ends so; from its seed alone, so that it takes no chance from anything else. */
export function losesQuorum(profile: ProfileName, seed: number): boolean {
  return profile === "lost-quorum" || createRandom(`loses a quorum ${seed}`).next() < SHARE;
}

type Recovery = Extract<RecoveryPlan, { readonly type: "recover" }>;

export class QuorumLoss {
  readonly marks: Record<string, number> = Object.fromEntries(
    [...LOSS_MARKS, "refusals without a quorum", "clusters gone on alone", "recoveries refused"].map((mark) => [
      mark,
      0,
    ]),
  );
  readonly #cluster: Cluster;
  readonly #after: AfterLoss;
  readonly #random: Random;

  constructor(cluster: Cluster, after: AfterLoss, seed: number) {
    this.#cluster = cluster;
    this.#after = after;
    this.#random = createRandom(`quorum loss ${seed}`);
  }

  /** Nothing happens where there are too few voters for anybody to be left. */
  run(): void {
    const { raft, timeline } = this.#cluster;
    const placed = raft.configurations.committed;
    const voters = placed === null ? [] : votersOf(placed.configuration).flatMap((member) => raft.nodeOf(member) ?? []);
    if (voters.length < 3) return;
    const lost = this.#draw(voters);
    const left = voters.filter((node) => !lost.includes(node));
    this.#after.begin();
    this.#lose(lost);
    timeline.run(timeline.nowUs + QUIET_US);
    this.#requireRefusals(raft.committed.lastIndex);
    if (timeline.failure !== null) return;
    const alone = this.#recover(left);
    if (alone !== null) this.#requireService(alone);
  }

  #draw(voters: readonly number[]): readonly number[] {
    const from = [...voters];
    const count = Math.floor(voters.length / 2) + 1;
    return Array.from({ length: count }, () => from.splice(this.#random.integer(from.length), 1)[0] as number);
  }

  #lose(nodes: readonly number[]): void {
    const { timeline, atlas } = this.#cluster;
    const how = LOSSES[this.#random.integer(LOSSES.length)] as (typeof LOSSES)[number];
    timeline.note(`fault quorum-loss ${how} ${nodes.join(",")}: on purpose`);
    this.#count(`quorums lost: ${how}`);
    for (const index of nodes) {
      const node = this.#cluster.node(index);
      atlas.doom(index);
      if (how === "wipe") node.loseDisk();
      else node.kill();
      if (how === "rot-state") node.disk.rotState();
      if (how === "rot-log") node.disk.rot(node.disk.platter.lastIndex);
      node.start();
    }
  }

  /** Nobody leads, commits or answers as if all were well; and each is told why not. */
  #requireRefusals(committed: number): void {
    const { timeline, nodes, raft } = this.#cluster;
    const untilUs = timeline.nowUs + REFUSES_US;
    let open = 0;
    const ask = (node: SimNode, how: "read" | "write"): void => {
      open += 1;
      this.#after.ask(node, how, (answer) => {
        open -= 1;
        this.#count("refusals without a quorum");
        if (REFUSALS.has(answer)) return;
        const message = `A majority is lost, and node ${node.index} answers a ${how} with "${answer}"`;
        timeline.fail("lost-quorum-refuses", message);
      });
    };
    while (timeline.nowUs < untilUs && timeline.failure === null) {
      for (const node of nodes) for (const how of ["read", "write"] as const) if (node.running) ask(node, how);
      timeline.run(timeline.nowUs + ASK_EVERY_US);
    }
    timeline.run(timeline.nowUs + ANSWER_US);
    if (timeline.failure !== null) return;
    const leader = raft.leader();
    const wrong =
      open > 0
        ? `${open} questions are not answered`
        : leader !== undefined
          ? `node ${leader} leads`
          : raft.committed.lastIndex > committed
            ? `index ${raft.committed.lastIndex} is committed, ${committed} was`
            : null;
    if (wrong !== null) timeline.fail("lost-quorum-refuses", `A majority is lost, and ${wrong}`);
  }

  /**
   * Stops everybody; the one with the best log of those that are left, and can be read through, is written what it needs to be alone. Null: a rule has
   * failed, or a fault of before has left nobody whose state can be read.
   */
  #recover(left: readonly number[]): SimNode | null {
    const { nodes, timeline, raft } = this.#cluster;
    for (const node of nodes) node.kill();
    const plans = left.flatMap((index) => {
      const node = this.#cluster.node(index);
      const plan = this.#planOf(node);
      return plan === null ? [] : [{ node, plan }];
    });
    if (plans.length === 0 || timeline.failure !== null) return null;
    const [best] = plans.toSorted(({ plan: one }, { plan: other }) => {
      return rankOf(other, "term") - rankOf(one, "term") || rankOf(other, "index") - rankOf(one, "index");
    });
    if (best?.plan.type !== "recover") {
      timeline.fail("goes-on-alone", `Nobody can go on alone: the plan is "${best?.plan.type}"`);
      return null;
    }
    const { node, plan } = best;
    timeline.note(`recover ${node.index} from ${plan.findings.last.index}`);
    this.#write(node, plan);
    const through = plan.findings.last.index;
    raft.beginAnew(node.index, through);
    this.#after.forget(through);
    node.start();
    return node;
  }

  /**
   * As the command does it, which reads through what is there before it shows a plan. Null: it refuses, since that cannot be read, or since damage before
   * a first snapshot has taken the only configuration.
   */
  #planOf(node: SimNode): RecoveryPlan | null {
    const life = new ProcessLife(0, () => {});
    try {
      const snapshots = node.disk.snapshots.open(life);
      const start = loadMember(node.name, node.disk.open(life), snapshots);
      const { newest } = start.snapshots;
      const fault = newest === null ? undefined : this.#read(node, snapshots, newest);
      const plan = fault === undefined ? planRecovery(start, this.#random) : null;
      if (plan !== null && (plan.type !== "impossible" || start.loaded.damage === null)) return plan;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    } finally {
      life.end();
    }
    this.#cluster.timeline.note(`recover ${node.index} refused`);
    this.#count("recoveries refused");
    return null;
  }

  /** What is wrong with a snapshot. Undefined: nothing. */
  #read({ index, disk }: SimNode, snapshots: SnapshotStore, snapshot: FinishedSnapshot): string | undefined {
    const { timeline } = this.#cluster;
    const faults: (string | undefined)[] = [];
    readThrough({ snapshots, snapshot, done: (fault) => faults.push(fault) });
    const untilUs = timeline.nowUs + ALONE_US;
    while (faults.length === 0 && timeline.nowUs < untilUs) timeline.run(timeline.nowUs + READ_US);
    const [fault] = faults;
    if (faults.length === 1 && (fault !== undefined || !disk.snapshots.isRotten)) return fault;
    const what =
      faults.length === 0 ? "is not read to its end" : "is taken for whole, and a chunk of it cannot be read";
    timeline.fail("goes-on-alone", `The snapshot of node ${index} ${what}`);
    return what;
  }

  #write(node: SimNode, plan: Recovery): void {
    const { timeline } = this.#cluster;
    const life = new ProcessLife(0, () => {});
    const store = node.disk.open(life);
    store.load();
    let isDone = false;
    store.append(recoveryWrite(plan, this.#after.note()), () => (isDone = true));
    timeline.run(timeline.nowUs + ALONE_US);
    life.end();
    if (!isDone) timeline.fail("goes-on-alone", `Node ${node.index} cannot be written what it needs to go on alone`);
  }

  /** It serves alone, and takes the others in. */
  #requireService(alone: SimNode): void {
    const { nodes, timeline, raft, atlas } = this.#cluster;
    this.#requireAnswers(alone, "alone");
    if (timeline.failure !== null) return;
    this.#count("clusters gone on alone");
    for (const node of nodes) {
      atlas.spare(node.index);
      if (node === alone) continue;
      node.loseDisk();
      node.start();
    }
    const untilUs = timeline.nowUs + GROWN_US;
    const voters = (): number => raft.configurations.committed?.configuration.voters.length ?? 0;
    while (voters() < Math.min(3, nodes.length) && timeline.nowUs < untilUs && timeline.failure === null) {
      this.#after.grow();
      timeline.run(timeline.nowUs + ASK_EVERY_US);
    }
    if (timeline.failure !== null) return;
    if (voters() < Math.min(3, nodes.length)) {
      return timeline.fail(
        "goes-on-alone",
        `Node ${alone.index} has gone on alone, and has ${voters()} voters, wanted 3`,
      );
    }
    const taken =
      raft.configurations.committed?.configuration.voters.flatMap((member) => raft.nodeOf(member) ?? []) ?? [];
    for (const node of taken) this.#requireAnswers(this.#cluster.node(node), "with others");
  }

  #requireAnswers(node: SimNode, how: string): void {
    const { timeline } = this.#cluster;
    const untilUs = timeline.nowUs + ALONE_US;
    for (const what of ["write", "read"] as const) {
      let answer: string | null = null;
      while (answer !== "ok" && timeline.nowUs < untilUs && timeline.failure === null) {
        this.#after.ask(node, what, (said) => (answer = said));
        timeline.run(timeline.nowUs + ASK_EVERY_US);
      }
      if (answer === "ok") continue;
      const message = `Node ${node.index}, which has gone on ${how}, answers a ${what} with "${answer ?? "nothing"}"`;
      return timeline.fail("goes-on-alone", message);
    }
  }

  #count(mark: string): void {
    this.marks[mark] = (this.marks[mark] ?? 0) + 1;
  }
}

function rankOf(plan: RecoveryPlan, by: "term" | "index"): number {
  return plan.type === "recover" ? plan.findings.last[by] : -1;
}
