/**
 * What the subscriber is given: snapshots to restore from, and committed entries, in one order without gaps.
 *
 *     restore(0) … restore(last) ─▶ committed(index + 1 …) ─▶ committed …
 *
 * While a restore is under way no entry is handed out; what commits meanwhile stays in the log and follows it. So the state and
 * the index as of which it stands move together, and a snapshot that comes during an apply cannot mix with it (faults 20, 26).
 */
import type { LogEntry } from "../../../runtime/ports/log-store.ts";
import type { FinishedSnapshot, SnapshotStore } from "../../../runtime/ports/snapshot-store.ts";
import type { StoreError } from "../../../runtime/ports/store-error.ts";
import type { RaftView } from "../core/raft-core.ts";
import type { RaftEvent } from "../raft-actor-protocol.ts";

export interface HandoverOptions {
  readonly snapshots: SnapshotStore;
  readonly view: RaftView;
  readonly tell: (event: RaftEvent) => void;
  /** Makes a function for a store to call, which runs `then` as a turn of the actor. */
  readonly turn: <Value>(then: (value: Value) => void) => (value: Value) => void;
  /** The snapshot cannot be read: nothing can be served from it. */
  readonly fail: (error: StoreError) => void;
}

export class Handover {
  readonly #options: HandoverOptions;
  /** The subscriber has, or is being given, everything up to here. */
  #handed = 0;
  #restoring: FinishedSnapshot | null = null;
  /** Tells the restore under way from one that it has replaced. */
  #run = 0;

  constructor(options: HandoverOptions) {
    this.#options = options;
  }

  get handed(): number {
    return this.#handed;
  }

  get isRestoring(): boolean {
    return this.#restoring !== null;
  }

  /** Replaces the subscriber's state; a restore under way is given up. */
  restore(snapshot: FinishedSnapshot): void {
    this.#restoring = snapshot;
    this.#handed = snapshot.index;
    this.#run += 1;
    this.#readNext(snapshot, 0, this.#run);
  }

  /** Entries that have become committed. Returns those that the subscriber is given now. */
  committed(entries: readonly LogEntry[]): readonly LogEntry[] {
    if (this.#restoring !== null) return [];
    const [first] = entries;
    const news =
      first === undefined || first.index > this.#handed ? entries : entries.filter(({ index }) => index > this.#handed);
    const last = news.at(-1);
    if (last === undefined) return [];
    this.#handed = last.index;
    this.#options.tell({ type: "committed", entries: news });
    return news;
  }

  /** The subscriber has lost its state from `fromIndex` on. What is compacted comes from the newest snapshot. */
  replay(fromIndex: number, newest: FinishedSnapshot | null): void {
    // What it has lost may be a part of what it is being given.
    if (this.#restoring !== null) return this.restore(this.#restoring);
    const { view, tell } = this.#options;
    if (fromIndex <= view.status().base && newest !== null) return this.restore(newest);
    const entries = view.entries(fromIndex, this.#handed);
    if (entries.length > 0) tell({ type: "committed", entries });
  }

  #readNext(snapshot: FinishedSnapshot, number: number, run: number): void {
    const { snapshots, turn } = this.#options;
    snapshots.read(
      snapshot.id,
      number,
      turn((chunk) => {
        if (run === this.#run) this.#onChunk(snapshot, number, chunk);
      }),
    );
  }

  #onChunk(snapshot: FinishedSnapshot, number: number, chunk: Uint8Array | StoreError): void {
    const { view, tell, fail } = this.#options;
    if (!(chunk instanceof Uint8Array)) return fail(chunk);
    const last = number + 1 >= snapshot.chunks;
    tell({ type: "restore", index: snapshot.index, number, bytes: chunk, last });
    if (!last) return this.#readNext(snapshot, number + 1, this.#run);
    this.#restoring = null;
    this.committed(view.entries(snapshot.index + 1, view.status().applied));
  }
}
