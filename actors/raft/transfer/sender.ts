/**
 * One snapshot on its way to one member, at the leader: a pure machine. What it wants done it returns; the caller does it.
 *
 *     offer ──report(next)──▶ parts from `next`, at most WINDOW unacknowledged ──report(all)──▶ wait ──installed──▶ done
 *       ▲                              │
 *       └──── nothing arrived for a while: offer again, the report says where to go on ──┘
 *
 * The receiver keeps what it has on disk, so a break costs the parts that were under way. A transfer ends with the snapshot it
 * began with, though newer ones are made meanwhile: beginning anew with each would never end. After `OFFERS_MAX` offers in a row
 * without progress it has failed; the core asks for another when the member is heard again, so one that cannot be reached costs a
 * message a second for some seconds and holds up nobody (fault 42).
 */
import type { FinishedSnapshot } from "../../../runtime/ports/snapshot-store.ts";
import type { SnapshotReport } from "../core/messages.ts";

/** Parts under way that are not on the receiver's disk: at 256 KiB each, 1 MiB covers 30 ms at 32 MiB a second. */
export const PARTS_IN_FLIGHT_MAX = 4;

/** Nothing arrived for so long: what was under way is lost. A chunk is on disk in well under a second. */
export const PROGRESS_MS = 1000;

/** Offers in a row without progress. */
export const OFFERS_MAX = 8;

export type SenderAction =
  | { readonly type: "offer" }
  /** Read that chunk and give it to `onChunk`. */
  | { readonly type: "read"; readonly number: number }
  | { readonly type: "send"; readonly number: number; readonly bytes: Uint8Array }
  | { readonly type: "done" }
  | { readonly type: "failed" };

export class SnapshotSender {
  readonly snapshot: FinishedSnapshot;
  /** What the receiver wants next; null until it has answered the offer. */
  #wanted: number | null = null;
  /** The next chunk to send. */
  #next = 0;
  /** The chunk that is being read; null when none is. */
  #reading: number | null = null;
  /** A chunk that was read and waits for its turn to leave. */
  #read: { readonly number: number; readonly bytes: Uint8Array } | null = null;
  #offers = 0;
  /** The most that it ever had on disk: only more is progress. */
  #best = -1;
  #offerAtMs: number;
  /** What the receiver has said last, where that ends the transfer. */
  #outcome: "done" | "failed" | null = null;
  #ended = false;

  constructor(snapshot: FinishedSnapshot, nowMs: number) {
    this.snapshot = snapshot;
    this.#offerAtMs = nowMs;
  }

  /** When `next` must be called though nothing has come. */
  nextDeadlineMs(): number {
    return this.#ended ? Infinity : this.#offerAtMs;
  }

  /** Whether a part is ready to leave. */
  get hasPart(): boolean {
    return this.#read !== null;
  }

  onReport({ id, next, state }: SnapshotReport, nowMs: number): void {
    if (id !== this.snapshot.id || next > this.snapshot.chunks) return;
    if (state !== "receiving") {
      this.#outcome = state === "installed" ? "done" : "failed";
      return;
    }
    const answersOffer = this.#wanted === null;
    if (this.#wanted !== null && next <= this.#wanted) return;
    this.#wanted = next;
    if (next > this.#best) this.#offers = 0;
    this.#best = Math.max(this.#best, next);
    // After an offer it goes on where the receiver stands; else parts beyond are under way.
    if (answersOffer || this.#next < next) {
      this.#next = next;
      this.#read = null;
    }
    this.#offerAtMs = nowMs + PROGRESS_MS;
  }

  /** The chunk that a `read` asked for. */
  onChunk(number: number, bytes: Uint8Array): void {
    if (number !== this.#reading) return;
    this.#reading = null;
    if (number === this.#next && this.#wanted !== null) this.#read = { number, bytes };
  }

  /** What is to be done now; `mayPart` says whether the throttle lets a part go. At most one part a call; empty when nothing is. */
  next(nowMs: number, mayPart: boolean): readonly SenderAction[] {
    if (this.#ended) return [];
    if (this.#outcome !== null) return this.#end(this.#outcome);
    if (nowMs >= this.#offerAtMs) return this.#offers >= OFFERS_MAX ? this.#end("failed") : this.#offer(nowMs);
    const actions: SenderAction[] = [];
    if (mayPart && this.#read !== null) {
      const { number, bytes } = this.#read;
      this.#read = null;
      this.#next = number + 1;
      actions.push({ type: "send", number, bytes });
    }
    if (this.#mayRead()) {
      this.#reading = this.#next;
      actions.push({ type: "read", number: this.#next });
    }
    return actions;
  }

  #offer(nowMs: number): readonly SenderAction[] {
    this.#offers += 1;
    this.#wanted = null;
    this.#read = null;
    this.#offerAtMs = nowMs + PROGRESS_MS;
    return [{ type: "offer" }];
  }

  #mayRead(): boolean {
    if (this.#wanted === null || this.#reading !== null || this.#read !== null) return false;
    return this.#next < Math.min(this.snapshot.chunks, this.#wanted + PARTS_IN_FLIGHT_MAX);
  }

  #end(type: "done" | "failed"): readonly SenderAction[] {
    this.#ended = true;
    this.#read = null;
    return [{ type }];
  }
}
