/**
 * The journal port: what event-sourced actors must not forget.
 *
 * A journal holds streams. A stream is a row of events, numbered from 1 without gaps, and snapshots of what they add up to.
 * It has one writer at a time: whoever opens it last. Every call answers through `done`, exactly once, never during the call,
 * and calls take effect in the order they were made in, so a `read` sees every `append` called before it. What was answered with
 * `ok` is durable. A refusal (`fenced`, `too-large`, …) changes nothing; after a failure (`store-io`, `store-full`) a journal answers
 * every later call with that failure, until it is opened again: a failed sync may have dropped what was written before it.
 *
 * Drivers: LMDB (`runtime/node/lmdb-journal.ts`), memory (`runtime/persistence/memory-journal.ts`), the simulated disk
 * (`sim/disk/journal.ts`). Contract: `test/contract/journal.ts`. Why so: docs/decisions/0014-journal.md.
 */
import type { StoreError } from "./store-error.ts";

/** Streams of events and their snapshots, kept durably. */
export interface Journal {
  /**
   * Claims a stream for a new writer, and makes it if need be. From then on every older writer is `fenced`. Epochs only grow, over all
   * streams of the journal and over restarts, so an epoch serves as a fence elsewhere too.
   */
  open(stream: string, done: Done<StreamHead>): void;
  /**
   * Appends all of the events or none. Fails with `fenced` when `epoch` is not the last one that `open` gave out, with
   * `wrong-sequence` when the stream does not end at `after`.
   */
  append(append: JournalAppend, done: Done<{ readonly lastSequence: number }>): void;
  /**
   * One page of events, in order; empty for a stream that does not exist. Needs no claim: anybody may read.
   * Fails with `events-deleted` when events from `from` on were deleted.
   */
  read(range: JournalRange, done: Done<JournalPage>): void;
  /** Keeps a snapshot, and of the older ones the youngest, so that `keep` remain. Replaces one of the same sequence. */
  saveSnapshot(save: SnapshotSave, done: Done<{ readonly oldestSequence: number }>): void;
  /** The youngest snapshot of at most sequence `upTo`; null when there is none. */
  loadSnapshot(stream: string, upTo: number, done: Done<Snapshot | null>): void;
  /** Deletes the events up to a sequence, which goes no further than the last event. Numbers are not given out again. */
  deleteEvents(range: JournalDeletion, done: Done<{ readonly firstSequence: number }>): void;
  /** Names of streams, in order of their UTF-8 bytes, of those after `after` that begin with `prefix`; at most `limit` of them. */
  listStreams(query: StreamQuery, done: Done<readonly string[]>): void;
  /** Forgets a stream with all it has, and fences its writer. Does nothing when it does not exist. */
  deleteStream(stream: string, done: Done<null>): void;
  /** Waits for what was called, then releases the files. Later calls fail with `store-closed`. */
  close(done: () => void): void;
}

/** How a call of a journal went. */
export type JournalResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: StoreError };

type Done<Value> = (result: JournalResult<Value>) => void;

/** What a new writer must know of its stream. */
export interface StreamHead {
  /** This writer's right to append. */
  readonly epoch: number;
  /** The first event that was not deleted; one above `lastSequence` when there is none. */
  readonly firstSequence: number;
  /** 0 when nothing was ever appended. */
  readonly lastSequence: number;
}

/** An event on its way into a journal. */
export interface NewEvent {
  /** The type of the event, by a name that lasts: what an adapter goes by years later. */
  readonly manifest: string;
  /** The version of that type's shape. A whole number from 0. */
  readonly version: number;
  /** Milliseconds since the epoch; a label for people, never compared. */
  readonly wallMs: number;
  readonly tags: readonly string[];
  readonly payload: Uint8Array;
}

/** An event out of a journal. */
export interface StoredEvent extends NewEvent {
  readonly sequence: number;
}

/** Events for the end of a stream, by the writer that has it. */
export interface JournalAppend {
  readonly stream: string;
  readonly epoch: number;
  /** The last sequence that the writer knows of. */
  readonly after: number;
  /** At least one. */
  readonly events: readonly NewEvent[];
}

/** Which events of a stream are wanted. */
export interface JournalRange {
  readonly stream: string;
  /** The first sequence wanted, from 1. */
  readonly from: number;
  /** The most events wanted; a page may hold fewer. Default and highest: `JOURNAL_LIMITS.pageEvents`. */
  readonly limit?: number;
}

/** Some events of a stream, in order. */
export interface JournalPage {
  readonly events: readonly StoredEvent[];
  /** Where to read on, or null when the page reaches the end of the stream. */
  readonly next: number | null;
}

/** The state of a stream behind the event `sequence`. */
export interface Snapshot {
  readonly sequence: number;
  /** The type of the state and the version of its shape, as an event's. */
  readonly manifest: string;
  readonly version: number;
  readonly wallMs: number;
  readonly payload: Uint8Array;
}

/** A snapshot to be kept, by the writer that has the stream. */
export interface SnapshotSave {
  readonly stream: string;
  readonly epoch: number;
  /** Of an event that was appended; `wrong-sequence` otherwise. */
  readonly snapshot: Snapshot;
  /** How many snapshots remain, this one included; at least 1. */
  readonly keep: number;
}

/** Which events of a stream are to go. */
export interface JournalDeletion {
  readonly stream: string;
  readonly epoch: number;
  readonly upTo: number;
}

/** Which names of streams are wanted. */
export interface StreamQuery {
  readonly prefix?: string;
  readonly after?: string;
  /** Default and highest: `JOURNAL_LIMITS.pageStreams`. */
  readonly limit?: number;
}

/** Beyond these, a call is refused with `too-large` or `invalid-name`, or a page ends earlier. */
export const JOURNAL_LIMITS = {
  /** Of a stream's name, in bytes of UTF-8: it is a key of LMDB, whose keys end at 1,978 bytes. */
  streamNameBytes: 512,
  /** Of one event's payload, 16 MiB: what a message between nodes may have. Larger things belong beside the journal. */
  eventBytes: 16_777_216,
  /** Of all payloads of one append, 32 MiB, which is one piece in memory and in the transaction. */
  appendBytes: 33_554_432,
  appendEvents: 10_000,
  /** 64 MiB. */
  snapshotBytes: 67_108_864,
  /** Of a manifest and of a tag. */
  labelBytes: 256,
  tags: 16,
  /** A page of events ends with the event that reaches `pageBytes`, 1 MiB. */
  pageEvents: 1000,
  pageBytes: 1_048_576,
  pageStreams: 1000,
} as const;
