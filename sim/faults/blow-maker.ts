/** Makes single blows: draws their lengths and what else is open about them, has them carried out, and writes them down. */
import type { ExitReason, Random } from "../../runtime/index.ts";
import { FOREVER_US, type BlowAct } from "../schedule/blow.ts";
import type { Directions } from "../schedule/link-blow.ts";
import { logUniform } from "./log-uniform.ts";
import type { BlowExecutor } from "./blow-executor.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { HOST_TROUBLES, type HostTrouble } from "../outside/host-trouble.ts";
import type { Recording } from "../schedule/schedule.ts";
import type { SimNode } from "../cluster/sim-node.ts";
import { SNAPSHOT_TROUBLES, type SnapshotTroubleAt } from "../disk/snapshot-disk.ts";

/** Lengths in microseconds; drawn so that short ones are as frequent as long ones. */
export interface FaultLengths {
  readonly minUs: number;
  readonly maxUs: number;
  readonly restartMinUs: number;
  readonly restartMaxUs: number;
  /** Whether somebody mends every host some day. Default: on one, starts may be refused for good. */
  readonly troublesEnd?: boolean;
}

/** Somebody replaces a broken disk's controller within this. */
const DISK_REPAIR_US = 5_000_000;

/** Writes gather for so long before the power goes, so that there is something to tear. */
const TEAR_WITHIN_US = 50_000;

/** Share of rot that is in the newest entries, which are those that matter most. */
const ROT_AT_END = 0.6;
const ROT_END = 8;

/** Share of rot that is met at once, by a restart. */
const ROT_MET = 0.7;

/** Share of partitions and of one-way cuts after which a link breaks; the others leave it half open until they end. */
const PARTITION_BREAKS = 0.7;
const CUT_BREAKS = 0.5;

/** How many times longer than other faults a snapshot store is in trouble: it is asked now and then. */
const SNAPSHOT_TROUBLE = 6;

/** How many times longer than other faults a host is in trouble, and the share of refusals that never end, on one host of a cluster. */
const TROUBLE = 4;
const LASTING = 0.6;

export class BlowMaker {
  readonly #cluster: Cluster;
  readonly #random: Random;
  readonly #lengths: FaultLengths;
  readonly #executor: BlowExecutor;
  readonly #recording: Recording;
  #hasLastingTrouble = false;

  constructor(
    cluster: Cluster,
    options: {
      readonly random: Random;
      readonly lengths: FaultLengths;
      readonly executor: BlowExecutor;
      readonly recording: Recording;
    },
  ) {
    this.#cluster = cluster;
    this.#random = options.random;
    this.#lengths = options.lengths;
    this.#executor = options.executor;
    this.#recording = options.recording;
  }

  /** Carries a blow out, and writes it down unless it was not possible. */
  strike(act: BlowAct): boolean {
    const leader = this.#cluster.raft.leader();
    const isDone = this.#executor.strike(act);
    if (isDone) this.#recording.add(act, leader);
    return isDone;
  }

  /** As `strike`, for what is done at the end of the run. */
  end(act: BlowAct): boolean {
    const leader = this.#cluster.raft.leader();
    const isDone = this.#executor.strike(act);
    if (isDone) this.#recording.addToEnding(act, leader);
    return isDone;
  }

  crash({ index: node }: SimNode, power: boolean): boolean {
    return this.strike({ type: "crash", node, power, downUs: this.drawDownUs() });
  }

  /** For longer than other faults: a start that fails is tried for a while before anybody gives up. */
  troubleHost({ index: node }: SimNode): boolean {
    const trouble = HOST_TROUBLES[this.#random.integer(HOST_TROUBLES.length)] as HostTrouble;
    const durationUs = TROUBLE * this.drawUs();
    const isLastingKind = trouble === "refused" && this.#lengths.troublesEnd !== true;
    const mayLast = isLastingKind && !this.#hasLastingTrouble && this.#cluster.nodes.length > 2;
    const lasts = mayLast && this.#random.next() < LASTING;
    if (lasts) this.#hasLastingTrouble = true;
    return this.strike({ type: "host-trouble", node, trouble, durationUs: lasts ? FOREVER_US : durationUs });
  }

  pause({ index: node }: SimNode, durationUs: number): boolean {
    return this.strike({ type: "pause", node, durationUs });
  }

  /** Nothing passes between `group` and the rest. */
  partition(group: ReadonlySet<number>, durationUs: number = this.drawUs()): boolean {
    const rest = this.#cluster.nodes.filter(({ index }) => !group.has(index));
    const directions = [...group].flatMap((one) =>
      rest.flatMap(({ index }): Directions => [
        [one, index],
        [index, one],
      ]),
    );
    const breaks = this.#random.next() < PARTITION_BREAKS;
    return this.#cut(`partition ${[...group].join(",")}`, directions, { breaks, durationUs });
  }

  cutOneWay(durationUs: number): boolean {
    const { length } = this.#cluster.nodes;
    if (length < 2) return false;
    const from = this.#random.integer(length);
    const to = (from + 1 + this.#random.integer(length - 1)) % length;
    const breaks = this.#random.next() < CUT_BREAKS;
    return this.#cut(`cut ${from}>${to}`, [[from, to]], { breaks, durationUs });
  }

  /** The node is not heard by anybody, or hears nobody; links may break over it. */
  makeHalfDeaf(node: SimNode, durationUs: number): boolean {
    const breaks = this.#random.next() < CUT_BREAKS;
    const directions = this.#random.next() < 0.5 ? this.#from(node) : this.#to(node);
    return this.#cut(`half-deaf ${node.index}`, directions, { breaks, durationUs });
  }

  /** What the node says is held back. */
  makeMute(node: SimNode, durationUs: number): boolean {
    return this.#cut(`mute ${node.index}`, this.#from(node), { breaks: false, durationUs });
  }

  /** What the node is told is held back. */
  makeDeaf(node: SimNode, durationUs: number): boolean {
    return this.#cut(`deaf ${node.index}`, this.#to(node), { breaks: false, durationUs });
  }

  #from({ index: from }: SimNode): Directions {
    return this.#cluster.nodes.filter(({ index }) => index !== from).map(({ index: to }) => [from, to] as const);
  }

  #to({ index: to }: SimNode): Directions {
    return this.#cluster.nodes.filter(({ index }) => index !== to).map(({ index: from }) => [from, to] as const);
  }

  #cut(
    what: string,
    directions: Directions,
    { breaks, durationUs }: { readonly breaks: boolean; readonly durationUs: number },
  ): boolean {
    return this.strike({ type: "cut", what, directions, breaks, durationUs });
  }

  reset(): boolean {
    const up = this.#cluster.network.links().filter((link) => link.up);
    const link = up.length === 0 ? undefined : up[this.#random.integer(up.length)];
    return link !== undefined && this.strike({ type: "reset", between: [link.a, link.b] });
  }

  raise(key: Extract<BlowAct, { readonly type: "weather" }>["key"], value: number): boolean {
    return this.strike({ type: "weather", key, value, durationUs: this.drawUs() });
  }

  slow({ index: node }: SimNode, slowness: number): boolean {
    return this.strike({ type: "disk-slow", node, slowness, durationUs: this.drawUs() });
  }

  breakDisk({ index: node }: SimNode): boolean {
    return this.strike({ type: "disk-error", node, repairUs: this.#random.integer(DISK_REPAIR_US) });
  }

  /** What cannot be read shows when the process begins anew. */
  failSnapshots({ index: node }: SimNode): boolean {
    const fails = SNAPSHOT_TROUBLES[this.#random.integer(SNAPSHOT_TROUBLES.length)] as SnapshotTroubleAt;
    const isKept = fails === "sync" && this.#random.next() < 0.5;
    const durationUs = SNAPSHOT_TROUBLE * this.drawUs();
    if (!this.strike({ type: "snapshot-error", node, fails, isKept, durationUs })) return false;
    return fails !== "read" || this.#meetRot({ index: node }, this.drawDownUs());
  }

  tear({ index: node }: SimNode, downUs: number): boolean {
    return this.strike({ type: "torn-write", node, withinUs: this.#random.integer(TEAR_WITHIN_US), downUs });
  }

  rotLog(node: SimNode, downUs: number): boolean {
    const length = this.#executor.disks.rottable(node);
    if (length === 0) return false;
    const range = this.#random.next() < ROT_AT_END ? Math.min(ROT_END, length) : length;
    this.strike({ type: "log-rot", node: node.index, beforeLast: this.#random.integer(range) });
    return this.#meetRot(node, downUs);
  }

  rotSnapshot(node: SimNode, downUs: number): boolean {
    return this.strike({ type: "snapshot-rot", node: node.index }) && this.#meetRot(node, downUs);
  }

  rotState(node: SimNode, downUs: number): boolean {
    return this.strike({ type: "state-rot", node: node.index }) && this.#meetRot(node, downUs);
  }

  #meetRot({ index: node }: Pick<SimNode, "index">, downUs: number): true {
    if (this.#random.next() < ROT_MET) this.strike({ type: "crash", node, power: false, downUs });
    return true;
  }

  endGuest(how: ExitReason | "hang"): boolean {
    const guests = this.#cluster.nodes.flatMap(({ index: node, host }) =>
      Array.from({ length: host.guests.size }, (_, place) => ({ node, place })),
    );
    const victim = guests.length === 0 ? undefined : guests[this.#random.integer(guests.length)];
    if (victim === undefined) return false;
    return this.strike(
      how === "hang" ? { type: "guest-hang", ...victim } : { type: "guest-end", ...victim, reason: how },
    );
  }

  drawUs(): number {
    return logUniform(this.#random, this.#lengths.minUs, this.#lengths.maxUs);
  }

  drawDownUs(random: Random = this.#random): number {
    const { restartMinUs, restartMaxUs } = this.#lengths;
    return logUniform(random, restartMinUs, restartMaxUs);
  }
}
