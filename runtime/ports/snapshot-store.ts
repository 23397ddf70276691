/**
 * The snapshot store port: states of a machine as of an index, in chunks, each with a checksum.
 *
 * A snapshot is written chunk by chunk and counts only when it is finished; one that is received from a leader goes on after
 * a break where it stopped. The newest finished one and the one before are kept, so that a transfer under way can end.
 * Contract: `test/contract/snapshot-store.ts`.
 */
import type { StoreError } from "./store-error.ts";

/** Where a member keeps its snapshots. Calls are answered in their order; one may be made before the one before is answered. */
export interface SnapshotStore {
  /** What is there, verified as far as heads go; a chunk is verified when it is read. Called once, first. @throws {StoreError} */
  load(): LoadedSnapshots;
  /** Begins an unfinished snapshot; another unfinished one is dropped. Beginning the one that is there goes on with it. */
  begin(head: SnapshotHead, done: (error?: StoreError) => void): void;
  /** Adds the next chunk, counted from 0, durably. */
  write(chunk: SnapshotChunk, done: (error?: StoreError) => void): void;
  /** Makes the unfinished snapshot the newest, at once and durably. @throws nothing; `store-corrupt` when it lacks what `end` says. */
  finish(id: string, end: SnapshotEnd, done: (error?: StoreError) => void): void;
  /** Reads one chunk of a finished snapshot. `store-corrupt` when it is damaged or no longer kept. */
  read(id: string, number: number, done: (chunk: Uint8Array | StoreError) => void): void;
  close(done: () => void): void;
}

/** What is known of a snapshot when it begins. */
export interface SnapshotHead {
  /** Unique: `INDEX-TERM-` and a number drawn by its maker. */
  readonly id: string;
  /** The last entry whose effect is in it. */
  readonly index: number;
  readonly term: number;
  /** Opaque to the store: the Raft configuration as of `index`. */
  readonly configuration: Uint8Array;
}

/** A part of a snapshot. */
export interface SnapshotChunk {
  readonly id: string;
  /** From 0, without gaps. */
  readonly number: number;
  /** Default size 256 KiB, at most 1 MiB. */
  readonly bytes: Uint8Array;
}

/** What a whole snapshot amounts to. */
export interface SnapshotEnd {
  readonly chunks: number;
  readonly sizeBytes: number;
  /** CRC-32 over all its bytes. */
  readonly checksum: number;
}

/** A snapshot that counts. */
export interface FinishedSnapshot extends SnapshotHead, SnapshotEnd {}

/** What a store held when it was opened. */
export interface LoadedSnapshots {
  readonly newest: FinishedSnapshot | null;
  readonly unfinished: { readonly head: SnapshotHead; readonly chunks: number } | null;
  /** What was dropped or found damaged, for the operator. */
  readonly repairs: readonly string[];
}
