/**
 * What the calls of a journal do, once for all drivers: epochs, sequences, pages, retention, over a table of records.
 *
 *     call ──▶ check (journal-checks.ts) ──▶ machine ──▶ table: LMDB | maps
 *
 * A machine decides and changes its table at once; when that is durable is the driver's business. Bodies of events and snapshots
 * are opaque here: encoded bytes in LMDB's thread, the objects themselves in memory.
 *
 * Invariants: the events of a stream are `firstSequence` to `lastSequence` without gaps; epochs and the numbers of streams come from one
 * counter that only grows, so what belonged to a deleted stream is never taken for another's of the same name.
 */
import type { StoreErrorCode } from "../ports/store-error.ts";

/** The head of one stream, as kept. */
export interface StreamRecord {
  /** Names the stream's records; never given out again. */
  readonly number: number;
  readonly epoch: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
}

/** Where records are kept. Names and numbers were checked before. */
export interface JournalTable<EventBody, SnapshotBody> {
  /** One more than the last time, for ever. */
  nextNumber(): number;
  stream(name: string): StreamRecord | undefined;
  putStream(name: string, record: StreamRecord): void;
  removeStream(name: string): void;
  streamNames(query: { readonly prefix: string; readonly after: string; readonly limit: number }): readonly string[];
  putEvent(number: number, sequence: number, body: EventBody): void;
  /** In order from `from`, all there; ends after `limit` events, and after the event with which `bytes` is reached. */
  events(number: number, page: { readonly from: number; readonly limit: number }): readonly EventBody[];
  dropEvents(number: number, range: { readonly from: number; readonly to: number }): void;
  putSnapshot(number: number, sequence: number, body: SnapshotBody): void;
  snapshot(number: number, sequence: number): SnapshotBody;
  /** Ascending. */
  snapshotSequences(number: number): readonly number[];
  dropSnapshot(number: number, sequence: number): void;
}

/** A call, checked and with its bodies encoded. */
export type JournalCall<EventBody, SnapshotBody> =
  | { readonly type: "open"; readonly stream: string }
  | {
      readonly type: "append";
      readonly stream: string;
      readonly epoch: number;
      readonly after: number;
      readonly bodies: readonly EventBody[];
    }
  | { readonly type: "read"; readonly stream: string; readonly from: number; readonly limit: number }
  | {
      readonly type: "save-snapshot";
      readonly stream: string;
      readonly epoch: number;
      readonly sequence: number;
      readonly body: SnapshotBody;
      readonly keep: number;
    }
  | { readonly type: "load-snapshot"; readonly stream: string; readonly upTo: number }
  | { readonly type: "delete-events"; readonly stream: string; readonly epoch: number; readonly upTo: number }
  | { readonly type: "list-streams"; readonly prefix: string; readonly after: string; readonly limit: number }
  | { readonly type: "delete-stream"; readonly stream: string };

/** What a call gives back; `reason` is the end of a sentence that begins with what was tried. */
export type JournalAnswer<EventBody, SnapshotBody> =
  | { readonly type: "opened"; readonly epoch: number; readonly firstSequence: number; readonly lastSequence: number }
  | { readonly type: "appended"; readonly lastSequence: number }
  | { readonly type: "page"; readonly bodies: readonly EventBody[]; readonly next: number | null }
  | { readonly type: "saved"; readonly oldestSequence: number }
  | { readonly type: "snapshot"; readonly found: { readonly sequence: number; readonly body: SnapshotBody } | null }
  | { readonly type: "deleted"; readonly firstSequence: number }
  | { readonly type: "streams"; readonly names: readonly string[] }
  | { readonly type: "forgotten" }
  | { readonly type: "refused"; readonly code: StoreErrorCode; readonly reason: string };

type Refused = Extract<JournalAnswer<never, never>, { readonly type: "refused" }>;

export class JournalMachine<EventBody, SnapshotBody> {
  readonly #table: JournalTable<EventBody, SnapshotBody>;

  constructor(table: JournalTable<EventBody, SnapshotBody>) {
    this.#table = table;
  }

  /** Carries one call out. A refusal has changed nothing. */
  run(call: JournalCall<EventBody, SnapshotBody>): JournalAnswer<EventBody, SnapshotBody> {
    switch (call.type) {
      case "open":
        return this.#open(call.stream);
      case "append":
        return this.#append(call);
      case "read":
        return this.#read(call);
      case "save-snapshot":
        return this.#saveSnapshot(call);
      case "load-snapshot":
        return this.#loadSnapshot(call.stream, call.upTo);
      case "delete-events":
        return this.#deleteEvents(call);
      case "list-streams":
        return { type: "streams", names: this.#table.streamNames(call) };
      case "delete-stream":
        return this.#deleteStream(call.stream);
      default:
        return call satisfies never;
    }
  }

  #open(name: string): JournalAnswer<EventBody, SnapshotBody> {
    const old = this.#table.stream(name);
    const number = old?.number ?? this.#table.nextNumber();
    const { firstSequence, lastSequence } = old ?? { firstSequence: 1, lastSequence: 0 };
    const epoch = this.#table.nextNumber();
    this.#table.putStream(name, { number, epoch, firstSequence, lastSequence });
    return { type: "opened", epoch, firstSequence, lastSequence };
  }

  #append(
    call: Extract<JournalCall<EventBody, SnapshotBody>, { readonly type: "append" }>,
  ): JournalAnswer<EventBody, SnapshotBody> {
    const record = this.#claimed(call);
    if ("type" in record) return record;
    if (record.lastSequence !== call.after) {
      return refused("wrong-sequence", `its last event is ${record.lastSequence}, not ${call.after}`);
    }
    let { lastSequence } = record;
    for (const body of call.bodies) this.#table.putEvent(record.number, ++lastSequence, body);
    this.#table.putStream(call.stream, { ...record, lastSequence });
    return { type: "appended", lastSequence };
  }

  #read(call: {
    readonly stream: string;
    readonly from: number;
    readonly limit: number;
  }): JournalAnswer<EventBody, SnapshotBody> {
    const record = this.#table.stream(call.stream);
    if (record === undefined) return { type: "page", bodies: [], next: null };
    if (call.from < record.firstSequence) {
      return refused("events-deleted", `its events before ${record.firstSequence} were deleted`);
    }
    if (call.from > record.lastSequence) return { type: "page", bodies: [], next: null };
    const limit = Math.min(call.limit, record.lastSequence - call.from + 1);
    const bodies = this.#table.events(record.number, { from: call.from, limit });
    const next = call.from + bodies.length;
    return { type: "page", bodies, next: next > record.lastSequence ? null : next };
  }

  #saveSnapshot(
    call: Extract<JournalCall<EventBody, SnapshotBody>, { readonly type: "save-snapshot" }>,
  ): JournalAnswer<EventBody, SnapshotBody> {
    const record = this.#claimed(call);
    if ("type" in record) return record;
    if (call.sequence > record.lastSequence) {
      return refused("wrong-sequence", `its last event is ${record.lastSequence}, before ${call.sequence}`);
    }
    this.#table.putSnapshot(record.number, call.sequence, call.body);
    const sequences = this.#table.snapshotSequences(record.number);
    const kept = sequences.slice(-call.keep);
    for (const old of sequences.slice(0, -call.keep)) this.#table.dropSnapshot(record.number, old);
    return { type: "saved", oldestSequence: kept[0] ?? call.sequence };
  }

  #loadSnapshot(name: string, upTo: number): JournalAnswer<EventBody, SnapshotBody> {
    const record = this.#table.stream(name);
    if (record === undefined) return { type: "snapshot", found: null };
    const sequence = this.#table.snapshotSequences(record.number).findLast((at) => at <= upTo);
    if (sequence === undefined) return { type: "snapshot", found: null };
    return { type: "snapshot", found: { sequence, body: this.#table.snapshot(record.number, sequence) } };
  }

  #deleteEvents(call: {
    readonly stream: string;
    readonly epoch: number;
    readonly upTo: number;
  }): JournalAnswer<EventBody, SnapshotBody> {
    const record = this.#claimed(call);
    if ("type" in record) return record;
    const firstSequence = Math.max(record.firstSequence, Math.min(call.upTo, record.lastSequence) + 1);
    if (firstSequence > record.firstSequence) {
      this.#table.dropEvents(record.number, { from: record.firstSequence, to: firstSequence - 1 });
      this.#table.putStream(call.stream, { ...record, firstSequence });
    }
    return { type: "deleted", firstSequence };
  }

  #deleteStream(name: string): JournalAnswer<EventBody, SnapshotBody> {
    const record = this.#table.stream(name);
    if (record !== undefined) {
      for (const sequence of this.#table.snapshotSequences(record.number))
        this.#table.dropSnapshot(record.number, sequence);
      this.#table.dropEvents(record.number, { from: record.firstSequence, to: record.lastSequence });
      this.#table.removeStream(name);
    }
    return { type: "forgotten" };
  }

  /** The stream's record if the caller is its last writer. */
  #claimed({ stream, epoch }: { readonly stream: string; readonly epoch: number }): StreamRecord | Refused {
    const record = this.#table.stream(stream);
    if (record === undefined) return refused("fenced", "it was deleted");
    if (record.epoch === epoch) return record;
    return refused("fenced", `epoch ${record.epoch} has it, this writer is of epoch ${epoch}`);
  }
}

function refused(code: StoreErrorCode, reason: string): Refused {
  return { type: "refused", code, reason };
}
