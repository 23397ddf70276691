/**
 * Faults of disks: slow, hung, broken, full, torn, rotten, lost.
 *
 * Data is destroyed only where the cluster can do without it: a fault that takes more than Raft promises to bear would show nothing.
 */
import type { Random } from "../runtime/index.ts";
import type { Cluster } from "./cluster.ts";
import type { FaultEndings } from "./fault-endings.ts";
import type { SimNode } from "./sim-node.ts";

/** Somebody replaces a broken disk's controller within this. */
const DISK_REPAIR_US = 5_000_000;

/** Writes gather for so long before the power goes, so that there is something to tear. */
const TEAR_WITHIN_US = 50_000;

/** Share of rot that is in the newest entries, which are those that matter most. */
const ROT_AT_END = 0.6;
const ROT_END = 8;

/** Share of rot that is met at once, by a restart. */
const ROT_MET = 0.7;

export class DiskFaults {
  readonly #cluster: Cluster;
  readonly #random: Random;
  readonly #endings: FaultEndings;

  constructor(cluster: Cluster, random: Random, endings: FaultEndings) {
    this.#cluster = cluster;
    this.#random = random;
    this.#endings = endings;
  }

  hang(node: SimNode, durationUs: number): void {
    this.#cluster.timeline.note(`fault disk-hang ${node.index} ${Math.round(durationUs)}`);
    node.disk.hang(durationUs);
    node.journal.hang(durationUs);
    this.#endings.after(durationUs, () => {
      node.disk.hang(0);
      node.journal.hang(0);
    });
  }

  /** The member is out of service; later somebody restarts it on a disk that works. */
  fail(node: SimNode): void {
    const life = node.process?.life;
    this.#cluster.timeline.note(`fault disk-error ${node.index}`);
    node.disk.failNextWrite();
    node.journal.failNextWrite();
    this.#endings.after(this.#random.integer(DISK_REPAIR_US), () => {
      if (node.process?.life !== life) return;
      node.kill();
      node.start();
    });
  }

  fill(node: SimNode, durationUs: number): void {
    this.#cluster.timeline.note(`fault disk-full ${node.index}`);
    node.disk.setRoom(false);
    this.#endings.after(durationUs, () => node.disk.setRoom(true));
  }

  /** The disk stops, and then the power goes while writes wait for it. */
  tear(node: SimNode, downUs: number): void {
    const life = node.process?.life;
    const withinUs = this.#random.integer(TEAR_WITHIN_US);
    this.#cluster.timeline.note(`fault torn-write ${node.index}`);
    node.disk.hang(withinUs + 1);
    this.#cluster.timeline.after(withinUs, () => {
      if (node.process?.life !== life) return;
      node.losePower();
      this.#endings.after(downUs, () => node.start());
    });
  }

  /** A bit of the log rots. False where there is none, or the others could not do without it. */
  rotLog(node: SimNode, downUs: number): boolean {
    const { base, lastIndex, rottenFrom } = node.disk.platter;
    if (rottenFrom !== null || lastIndex === base.index || !this.#cluster.raft.canMiss(node.index)) return false;
    const length = lastIndex - base.index;
    const range = this.#random.next() < ROT_AT_END ? Math.min(ROT_END, length) : length;
    node.disk.rot(lastIndex - this.#random.integer(range));
    if (this.#random.next() < ROT_MET) this.#restart(node, downUs);
    return true;
  }

  /** A bit of the newest snapshot rots. False where there is none, or the others could not do without it. */
  rotSnapshot(node: SimNode, downUs: number): boolean {
    if (!this.#cluster.raft.canMiss(node.index) || !node.disk.snapshots.rot()) return false;
    if (this.#random.next() < ROT_MET) this.#restart(node, downUs);
    return true;
  }

  /** The disk is gone; the node comes back with an empty one. False where the others could not do without it. */
  lose(node: SimNode, downUs: number): boolean {
    if (!this.#cluster.raft.canMiss(node.index)) return false;
    node.loseDisk();
    this.#endings.after(downUs, () => node.start());
    return true;
  }

  #restart(node: SimNode, downUs: number): void {
    node.kill();
    this.#endings.after(downUs, () => node.start());
  }
}
