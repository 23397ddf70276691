/**
 * Faults of disks: hung, broken, full, torn, rotten, lost.
 *
 * Data is destroyed only where the cluster can do without it: a fault that takes more than Raft promises to bear would show nothing.
 */
import type { Cluster } from "../cluster/cluster.ts";
import type { FaultEndings } from "./fault-endings.ts";
import type { SimNode } from "../cluster/sim-node.ts";
import type { SnapshotTrouble } from "../disk/snapshot-disk.ts";

export class DiskFaults {
  readonly #cluster: Cluster;
  readonly #endings: FaultEndings;

  constructor(cluster: Cluster, endings: FaultEndings) {
    this.#cluster = cluster;
    this.#endings = endings;
  }

  hang(node: SimNode, durationUs: number): void {
    this.#cluster.timeline.note(`fault disk-hang ${node.index} ${Math.round(durationUs)}`);
    node.disk.hang(durationUs);
    node.journal.hang(durationUs);
    this.#endings.afterAt(node.index, durationUs, () => {
      node.disk.hang(0);
      node.journal.hang(0);
    });
  }

  /** The member is out of service; later somebody restarts it on a disk that works. */
  fail(node: SimNode, repairUs: number): void {
    const life = node.process?.life;
    this.#cluster.timeline.note(`fault disk-error ${node.index}`);
    node.disk.failNextWrite();
    node.journal.failNextWrite();
    this.#endings.afterAt(node.index, repairUs, () => {
      if (node.process?.life !== life) return;
      node.kill();
      node.start();
    });
  }

  /** The log beside it is well: the member is to go on. In the end somebody replaces what is broken, and restarts whom it has failed for good. */
  failSnapshots(node: SimNode, { fails, isKept, durationUs }: SnapshotTrouble & { readonly durationUs: number }): void {
    const { snapshots } = node.disk;
    this.#cluster.timeline.note(`fault snapshot-error ${node.index} ${fails}${isKept ? " kept" : ""}`);
    const trouble = { fails, isKept };
    snapshots.trouble = trouble;
    this.#endings.afterAt(node.index, durationUs, () => {
      if (snapshots.trouble === trouble) snapshots.trouble = null;
      if (node.process === null || !snapshots.hasFailedIn(node.process.life)) return;
      node.kill();
      node.start();
    });
  }

  fill(node: SimNode, durationUs: number): void {
    this.#cluster.timeline.note(`fault disk-full ${node.index}`);
    node.disk.setRoom(false);
    this.#endings.afterAt(node.index, durationUs, () => node.disk.setRoom(true));
  }

  /** The disk stops, and then the power goes while writes wait for it; at the latest when the node is healed. */
  tear(node: SimNode, { withinUs, downUs }: { readonly withinUs: number; readonly downUs: number }): void {
    const life = node.process?.life;
    this.#cluster.timeline.note(`fault torn-write ${node.index}`);
    node.disk.hang(withinUs + 1);
    this.#endings.afterAt(node.index, withinUs, () => {
      if (node.process?.life !== life) return;
      node.losePower();
      this.#endings.afterAt(node.index, downUs, () => node.start());
    });
  }

  /** How many entries of the log may rot; none where the others could not do without them. */
  rottable({ index, disk }: SimNode): number {
    const { base, lastIndex, rottenFrom } = disk.platter;
    return rottenFrom === null && this.#cluster.atlas.canMiss(index) ? lastIndex - base.index : 0;
  }

  /** A bit of the log rots. False where there is no such entry, or the others could not do without it. */
  rotLog(node: SimNode, beforeLast: number): boolean {
    if (beforeLast >= this.rottable(node)) return false;
    node.disk.rot(node.disk.platter.lastIndex - beforeLast);
    return true;
  }

  /** The next write of entries lands at another place. False where the others could not do without what is lost by it. */
  misdirect({ index, disk }: SimNode): boolean {
    const { atlas, timeline } = this.#cluster;
    if (!atlas.canMiss(index)) return false;
    timeline.note(`fault misdirected-write ${index}`);
    // In this order: one that was on its way already gives its place up, and with it its doom.
    disk.misdirectNextWrite(() => atlas.spare(index));
    atlas.doom(index);
    return true;
  }

  /** A bit rots in identity, term and vote. False where the others could not do without the member. */
  rotState({ index, disk }: SimNode): boolean {
    if (disk.platter.isStateRotten || !this.#cluster.atlas.canMiss(index)) return false;
    disk.rotState();
    return true;
  }

  /** A bit of the newest snapshot rots. False where there is none, or the others could not do without it. */
  rotSnapshot(node: SimNode): boolean {
    return this.#cluster.atlas.canMiss(node.index) && node.disk.snapshots.rot();
  }

  /** The disk is gone; the node comes back with an empty one. False where the others could not do without it. */
  lose(node: SimNode, downUs: number): boolean {
    if (!this.#cluster.atlas.canMiss(node.index)) return false;
    node.loseDisk();
    this.#endings.afterAt(node.index, downUs, () => node.start());
    return true;
  }
}
