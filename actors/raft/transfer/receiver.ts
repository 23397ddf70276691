/**
 * A snapshot on its way to this member: a pure machine. What it wants done it returns; the caller does it, in order.
 *
 *     offer ─▶ begin ─▶ report(next) ─▶ part(next) ─▶ write ─▶ report(next + 1) … ─▶ finish ─▶ received
 *
 * A report says what is on this disk, so the leader may forget where it was. What a break leaves unfinished stays there, and goes
 * on with the next offer of the same snapshot; an offer of another one begins anew. Each part has a checksum, and the whole
 * one more, which the store compares when it finishes; a part that fails its own is asked for again by what the next offer is answered
 * with, and a whole that fails is refused and begun anew. Nothing of the machine or the log changes before all of it is durable (fault 20).
 */
import { crc32 } from "../../../runtime/crc32.ts";
import type { FinishedSnapshot, LoadedSnapshots } from "../../../runtime/ports/snapshot-store.ts";
import type { SnapshotPart, SnapshotReport } from "../core/messages.ts";

/** The port's limit; a larger chunk comes from nobody who keeps it. */
const CHUNK_BYTES_MAX = 1_048_576;

export type ReceiverAction =
  /** Begin it, or go on with it where it is unfinished, then call `onBegun`. */
  | { readonly type: "begin"; readonly snapshot: FinishedSnapshot }
  /** Write it behind those before, then call `onWritten`. */
  | { readonly type: "write"; readonly id: string; readonly number: number; readonly bytes: Uint8Array }
  /** Finish it, then call `onFinished`. */
  | { readonly type: "finish"; readonly snapshot: FinishedSnapshot }
  | {
      readonly type: "report";
      readonly to: string;
      readonly id: string;
      readonly next: number;
      readonly state: SnapshotReport["state"];
    }
  /** It is whole and durable. */
  | { readonly type: "received"; readonly snapshot: FinishedSnapshot };

interface Receiving {
  readonly snapshot: FinishedSnapshot;
  from: string;
  /** Begun on disk. */
  begun: boolean;
  /** Chunks on disk. */
  written: number;
  /** Chunks on disk or being written. */
  taken: number;
  finishing: boolean;
}

export class SnapshotReceiver {
  #receiving: Receiving | null = null;
  #unfinished: { readonly id: string; readonly chunks: number } | null;
  /** The last one that is whole here; the core has it, or has no use for it. */
  #finished: string | null;
  /** Unfinished on disk, nobody knows how far: a write of it has failed. */
  #broken: string | null = null;

  constructor({ newest, unfinished }: Pick<LoadedSnapshots, "newest" | "unfinished">) {
    this.#unfinished = unfinished && { id: unfinished.head.id, chunks: unfinished.chunks };
    this.#finished = newest?.id ?? null;
  }

  get isReceiving(): boolean {
    return this.#receiving !== null;
  }

  /** The store's unfinished snapshot is another one now. */
  forgetUnfinished(): void {
    this.#unfinished = null;
  }

  onOffer(from: string, snapshot: FinishedSnapshot): readonly ReceiverAction[] {
    const { id } = snapshot;
    const current = this.#receiving;
    if (current?.snapshot.id === id) {
      current.from = from;
      return current.begun ? [report(current)] : [];
    }
    // What is being finished is durable in a moment, and the offer comes again.
    if (current?.finishing === true) return [];
    if (id === this.#finished) return [{ type: "received", snapshot }];
    if (!isSane(snapshot)) return [{ type: "report", to: from, id, next: 0, state: "refused" }];
    const written = this.#unfinished?.id === id ? this.#unfinished.chunks : 0;
    const isBroken = this.#broken === id;
    this.#unfinished = null;
    this.#broken = null;
    this.#receiving = { snapshot, from, begun: false, written, taken: written, finishing: false };
    // To begin another one is how the store drops the one that it has.
    const drop: ReceiverAction = { type: "begin", snapshot: { ...snapshot, id: `${id}-dropped` } };
    return isBroken ? [drop, { type: "begin", snapshot }] : [{ type: "begin", snapshot }];
  }

  onBegun(id: string): readonly ReceiverAction[] {
    const current = this.#current(id);
    if (current === null) return [];
    current.begun = true;
    return current.written >= current.snapshot.chunks ? this.#finish(current) : [report(current)];
  }

  /** A part out of its turn is passed over: it is repeated, or one before it was lost, which the next offer finds out. */
  onPart(from: string, { id, number, bytes, checksum }: SnapshotPart): readonly ReceiverAction[] {
    const current = this.#current(id);
    if (current === null || !current.begun || current.finishing || from !== current.from) return [];
    if (number !== current.taken || bytes.length > CHUNK_BYTES_MAX || crc32(bytes) !== checksum) return [];
    current.taken += 1;
    return [{ type: "write", id, number, bytes }];
  }

  onWritten(id: string): readonly ReceiverAction[] {
    const current = this.#current(id);
    if (current === null) return [];
    current.written += 1;
    return current.written < current.snapshot.chunks ? [report(current)] : this.#finish(current);
  }

  /** Whether all of it is as it was offered. */
  onFinished(id: string, whole: boolean): readonly ReceiverAction[] {
    const current = this.#current(id);
    if (current === null) return [];
    this.#receiving = null;
    const { snapshot, from } = current;
    if (!whole) return [{ type: "report", to: from, id, next: 0, state: "refused" }];
    this.#finished = id;
    return [{ type: "received", snapshot }];
  }

  /**
   * Entries up to `index` are committed here: a snapshot of no more than that is of no use any more, and its leader will not go on with it.
   * Whoever waited for it would wait for ever, and make none of its own.
   */
  passed(index: number): void {
    const current = this.#receiving;
    if (current === null || current.finishing || current.snapshot.index > index) return;
    this.#receiving = null;
    this.#broken = current.snapshot.id;
  }

  /** The disk does not take it: it begins anew with the next offer. */
  giveUp(): readonly ReceiverAction[] {
    const current = this.#receiving;
    if (current === null) return [];
    this.#receiving = null;
    const { snapshot, from } = current;
    this.#broken = snapshot.id;
    return [{ type: "report", to: from, id: snapshot.id, next: 0, state: "refused" }];
  }

  #finish(current: Receiving): readonly ReceiverAction[] {
    current.finishing = true;
    return [report(current), { type: "finish", snapshot: current.snapshot }];
  }

  #current(id: string): Receiving | null {
    return this.#receiving?.snapshot.id === id ? this.#receiving : null;
  }
}

function report({ snapshot, from, written }: Receiving): ReceiverAction {
  return { type: "report", to: from, id: snapshot.id, next: written, state: "receiving" };
}

/** What no store could keep, or no core install, is not begun. */
function isSane({ id, index, chunks, sizeBytes, configuration }: FinishedSnapshot): boolean {
  return (
    typeof id === "string" &&
    index > 0 &&
    Number.isSafeInteger(chunks) &&
    chunks > 0 &&
    Number.isSafeInteger(sizeBytes) &&
    sizeBytes >= 0 &&
    sizeBytes <= chunks * CHUNK_BYTES_MAX &&
    configuration instanceof Uint8Array
  );
}
