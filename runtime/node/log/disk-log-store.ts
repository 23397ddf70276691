/**
 * The log store on disk: the log in segments that are only appended to, what else a member must not forget in LMDB.
 *
 *     append ──▶ encoded into the batch that gathers ──▶ state, where it changed ──▶ batch: one write ──▶ done, in order
 *
 * One write is under way; what is appended meanwhile goes together into the next. The write is one call to Node.js's own threads, or in this
 * one (prompt-writer.ts), on a file that is opened with O_DSYNC: when it returns, it is on disk. docs/decisions/0019-log-segments.md and
 * 0022-prompt-writes.md have the measurements.
 *
 * Invariants:
 * - A batch is written when the one before it is durable, and identity, term and vote that came with it before (faults 4, 5, 21).
 * - After an error other than a lack of room nothing more is written (fault 22). A batch that found no room is written again as a whole.
 * - A torn tail is gone from the disk before anything is written behind it (fault 23).
 * - A segment is given up when a base that covers all of it is durable.
 */
import { join, resolve } from "node:path";
import type { LoadedLog, LogPosition, LogStore, LogWrite, MemberIdentity } from "../../ports/log-store.ts";
import type { StoreError } from "../../ports/store-error.ts";
import { lockFolder, PRIVATE_MODE, type FolderLock } from "../folder-lock.ts";
import { Batch, type Done } from "./batch.ts";
import { isNoSpace, readError, writeError } from "./log-errors.ts";
import type { LogState } from "./log-state.ts";
import { LogTail } from "./log-tail.ts";
import { openLog, STATE_FILE } from "./open-log.ts";
import { SHORT_BYTES_MAX } from "./prompt-writer.ts";
import type { SegmentSizes } from "./segment-file.ts";
import { StateFile, type WriteFailure } from "./state-file.ts";

export interface LogStoreOptions {
  /** Made if it is missing. Nothing else may be kept in it. */
  readonly folder: string;
  /** Of the first segment, and of the largest; each has twice the size of the one before it. Default 1 MiB and 16 MiB. */
  readonly segmentSizes?: SegmentSizes;
  /** How long writes that found no room wait for the next attempt. Default 1000 ms. */
  readonly roomRetryMs?: number;
  /**
   * Whether the event loop may stand still for the disk: then a follower's short writes are made in the main thread, and no other thread
   * is woken and waited for. A disk that hangs holds up all that the process does until it answers; a leader's writes, and so its
   * heartbeats, never do. For processes that have nothing else to do. Default false.
   */
  readonly mayBlock?: boolean;
}

/**
 * Locks the folder. Nothing is read before `load`.
 * @throws {StoreError} `store-locked` when a process uses the folder; `store-io` when it cannot be used.
 */
export function openLogStore(options: LogStoreOptions): LogStore {
  return new DiskLogStore(options);
}

const SEGMENT_SIZES: SegmentSizes = { firstBytes: 1_048_576, largestBytes: 16_777_216 };
const ROOM_RETRY_MS = 1000;
/** What gathers in one batch; more goes into the next. A single write may be larger. */
const BATCH_BYTES_MAX = 4_194_304;

type Step = "state" | "segment" | "batch";

class DiskLogStore implements LogStore {
  readonly #folder: string;
  readonly #sizes: SegmentSizes;
  readonly #roomRetryMs: number;
  readonly #mayBlock: boolean;
  readonly #lock: FolderLock;
  readonly #stateFile: StateFile;
  #state: LogState | null = null;
  /** `#state` has what the file has not. */
  #stateChanged = false;
  #tail: LogTail | null = null;
  /** As of what was appended. */
  #commit = 0;
  #baseIndex = 0;
  #lastIndex = 0;
  #sequence = 0;
  #gathering: Batch = new Batch();
  /** Full batches that wait before the one that gathers. */
  #full: Batch[] = [];
  /** The one whose turn has come. */
  #head: Batch | null = null;
  #headIsWritten = false;
  /** Its bytes, while they are not on disk. */
  #sealed: Uint8Array | null = null;
  #unused: Batch | null = null;
  #isBusy = false;
  /** What is appended by whoever is told waits until all are told. */
  #isTelling = false;
  /** What was damaged is gone from the disk. */
  #isCut = false;
  #hasRoom = true;
  /** What found no room, until it is tried again. */
  readonly #retries = new Map<Step, NodeJS.Timeout>();
  #onRoom: (hasRoom: boolean) => void = () => {};
  #failure: StoreError | null = null;
  #onClosed: (() => void)[] = [];
  #isClosed = false;

  constructor({ folder, segmentSizes, roomRetryMs, mayBlock }: LogStoreOptions) {
    this.#folder = resolve(folder);
    this.#sizes = segmentSizes ?? SEGMENT_SIZES;
    this.#roomRetryMs = roomRetryMs ?? ROOM_RETRY_MS;
    this.#mayBlock = mayBlock ?? false;
    this.#lock = lockFolder(this.#folder, PRIVATE_MODE);
    this.#stateFile = new StateFile(join(this.#folder, STATE_FILE));
  }

  load(): LoadedLog {
    if (this.#state !== null) throw new Error("LogStore.load: called twice");
    try {
      const { loaded, scan, state, stateChanged } = openLog(this.#folder);
      const { salt, lastSegment } = state;
      this.#tail = new LogTail(this.#folder, { salt, scan, lastNumber: lastSegment, sizes: this.#sizes });
      this.#state = state;
      this.#stateChanged = stateChanged;
      this.#commit = loaded.hardState.commit;
      this.#baseIndex = loaded.base.index;
      this.#lastIndex = loaded.base.index + loaded.entries.length;
      this.#sequence = scan.lastSequence;
      this.#stateFile.open();
      this.#pump();
      return loaded;
    } catch (cause) {
      throw readError(this.#folder, cause);
    }
  }

  append(write: LogWrite, done: Done): void {
    const { state } = this.#opened("append");
    if (this.#failure !== null) return this.#refuse([done], this.#failure);
    const { identity, hardState, reset, entries } = write;
    this.#checkOrder(write);
    const batch = this.#gathering;
    batch.dones.push(done);
    if (identity !== undefined) batch.identity = identity;
    if (hardState !== undefined) {
      batch.hardState = hardState;
      this.#commit = hardState.commit;
    }
    batch.commit = this.#commit;
    batch.fromFollower &&= write.fromFollower === true;
    if (batch.stamp === null && (reset !== undefined || entries.length > 0)) {
      this.#sequence += 1;
      batch.begin({ salt: state.salt, sequence: this.#sequence });
    }
    if (reset !== undefined) {
      batch.addReset(reset);
      this.#baseIndex = this.#lastIndex = reset.index;
    }
    for (const entry of entries) batch.addEntry(entry);
    this.#lastIndex = entries.at(-1)?.index ?? this.#lastIndex;
    if (batch.length > BATCH_BYTES_MAX) this.#gather();
    // Nothing to write, and so nothing to wait for, must not become a call of `done` during this one.
    if (batch.stamp === null) setImmediate(() => this.#pump());
    // Behind what the caller sends in this turn, so that the disks of the others work at the same time.
    else if (batch.length <= SHORT_BYTES_MAX) queueMicrotask(() => this.#pump());
    else this.#pump();
  }

  compact(through: LogPosition): void {
    const { state } = this.#opened("compact");
    if (through.index <= this.#baseIndex || this.#failure !== null) return;
    if (through.index > this.#lastIndex) {
      throw new RangeError(`LogStore.compact: index ${through.index} is behind the last, ${this.#lastIndex}`);
    }
    this.#baseIndex = through.index;
    this.#change({ ...state, base: { index: through.index, term: through.term, sequence: this.#sequence } });
    this.#pump();
  }

  onRoom(listener: (hasRoom: boolean) => void): void {
    this.#onRoom = listener;
  }

  close(done: () => void): void {
    this.#onClosed.push(done);
    if (this.#isClosed) return void setImmediate(() => this.#closed());
    if (this.#onClosed.length > 1) return;
    if (!this.#hasRoom) this.#fail({ full: true, message: "" });
    else if (this.#state === null || this.#failure !== null) setImmediate(() => this.#rest());
    else this.#pump();
  }

  #opened(call: string): { readonly state: LogState; readonly tail: LogTail } {
    if (this.#state === null || this.#tail === null || this.#onClosed.length > 0) {
      throw new Error(`LogStore.${call}: the store is not open`);
    }
    return { state: this.#state, tail: this.#tail };
  }

  #checkOrder({ reset, entries }: LogWrite): void {
    const [first] = entries;
    if (first === undefined) return;
    const [base, last] = reset === undefined ? [this.#baseIndex, this.#lastIndex] : [reset.index, reset.index];
    if (first.index > base && first.index <= last + 1) return;
    throw new RangeError(`LogStore.append: index ${first.index} is not one of ${base + 1} to ${last + 1}`);
  }

  /** Begins another batch. */
  #gather(): void {
    this.#full.push(this.#gathering);
    this.#gathering = this.#unused ?? new Batch();
    this.#unused = null;
  }

  /** Takes the next step, if none is under way. */
  #pump(): void {
    const state = this.#state;
    const tail = this.#tail;
    if (state === null || tail === null || this.#isBusy || this.#isTelling) return;
    if (this.#failure !== null) return this.#rest();
    this.#head ??= this.#takeHead(state);
    const head = this.#head;
    if (this.#stateChanged) this.#tryUnlessHeld("state", () => this.#writeState(tail));
    else if (head === null) this.#rest();
    else if (head.stamp === null || this.#headIsWritten) this.#complete(head);
    else if (this.#sealed === null && state.damage !== null && !this.#isCut) this.#cutOff(state, tail);
    else if (this.#sealed === null && !tail.makePlace(head.sectors)) {
      this.#tryUnlessHeld("segment", () => this.#prepare(tail, head.sectors));
    } else this.#tryUnlessHeld("batch", () => this.#write(head, tail));
  }

  /** The batch whose turn it is; what its calls want in the state is in it from here on. */
  #takeHead(state: LogState): Batch | null {
    if (this.#full.length === 0) {
      if (this.#gathering.dones.length === 0) return null;
      this.#gather();
    }
    const head = this.#full.shift() as Batch;
    const { hardState, identity, stamp } = head;
    let next = state;
    if (hardState !== null && (hardState.term !== state.term || hardState.vote !== state.vote)) {
      next = { ...next, term: hardState.term, vote: hardState.vote };
    }
    if (identity !== null && !isSame(identity, state.identity)) {
      const { member, cluster } = identity;
      const before = stamp === null ? null : { identity: state.identity, sequence: stamp.sequence };
      next = { ...next, identity: { member, cluster }, before };
    }
    if (next !== state) this.#change(next);
    return head;
  }

  #change(state: LogState): void {
    this.#state = state;
    this.#stateChanged = true;
  }

  #writeState(tail: LogTail): void {
    const state = this.#state as LogState;
    const needed = tail.firstNeeded(state.base.index, this.#sequence + 1);
    const written = needed === null ? state : { ...state, ...needed };
    this.#state = written;
    this.#stateChanged = false;
    this.#isBusy = true;
    this.#stateFile.write(written, (failure) => {
      this.#isBusy = false;
      if (failure !== undefined) {
        this.#stateChanged = true;
        return this.#notWritten("state", failure);
      }
      if (needed !== null) tail.giveUpBefore(needed.firstSegment);
      this.#pump();
    });
  }

  #write(head: Batch, tail: LogTail): void {
    this.#sealed ??= tail.seal(head);
    this.#isBusy = true;
    const isPrompt = this.#mayBlock && head.fromFollower && head.length <= SHORT_BYTES_MAX;
    tail.write(this.#sealed, isPrompt, (error) => {
      this.#isBusy = false;
      if (error !== null) return this.#notWritten("batch", { full: isNoSpace(error), message: error.message });
      tail.advance(head);
      this.#sealed = null;
      this.#headIsWritten = true;
      this.#prepareAhead(tail);
      const state = this.#state as LogState;
      const { reset, stamp } = head;
      if (reset !== null) this.#change({ ...state, base: { ...reset, sequence: stamp?.sequence ?? 0 }, damage: null });
      else if (state.damage !== null) this.#change({ ...state, damage: null });
      this.#pump();
    });
  }

  #complete(head: Batch): void {
    const { dones } = head;
    this.#head = null;
    this.#headIsWritten = false;
    head.clear();
    this.#unused ??= head;
    if (!this.#hasRoom) {
      this.#hasRoom = true;
      this.#onRoom(true);
    }
    this.#isTelling = true;
    try {
      for (const done of dones) done();
    } finally {
      this.#isTelling = false;
    }
    this.#pump();
  }

  /** What is damaged goes, since it is about to be replaced; that it was damaged is on disk until it is. */
  #cutOff(state: LogState, tail: LogTail): void {
    const firstSequence = this.#head?.stamp?.sequence ?? state.firstSequence;
    try {
      const last = tail.cutOff() ?? state.firstSegment - 1;
      tail.resumeAfter(last);
      this.#change({ ...state, lastSegment: last, ...(last < state.firstSegment && { firstSequence }) });
      this.#isCut = true;
    } catch (error) {
      return this.#fail({ full: false, message: (error as Error).message });
    }
    this.#pump();
  }

  #prepare(tail: LogTail, sectors: number): void {
    if (tail.isPreparing) return;
    tail.prepare(sectors, (result) => {
      if (result instanceof Error) {
        return this.#notWritten("segment", { full: isNoSpace(result), message: result.message });
      }
      this.#change({ ...(this.#state as LogState), lastSegment: result });
      this.#pump();
    });
  }

  #prepareAhead(tail: LogTail): void {
    if (tail.wantsNext && !this.#retries.has("segment")) this.#prepare(tail, 1);
  }

  /** Takes a step, unless it found no room a moment ago: then what waits for it is held back. */
  #tryUnlessHeld(step: Step, take: () => void): void {
    if (!this.#retries.has(step)) return take();
    if (this.#onClosed.length > 0) return this.#fail({ full: true, message: "" });
    if (this.#head === null || !this.#hasRoom) return;
    this.#hasRoom = false;
    this.#onRoom(false);
  }

  /** Without room it is tried again in a while; any other failure is the end. */
  #notWritten(step: Step, failure: WriteFailure): void {
    if (!failure.full) return this.#fail(failure);
    const again = setTimeout(() => {
      this.#retries.delete(step);
      this.#pump();
    }, this.#roomRetryMs);
    if (this.#failure === null) this.#retries.set(step, again);
    else clearTimeout(again);
    this.#pump();
  }

  #fail(failure: WriteFailure): void {
    if (this.#failure !== null) return;
    this.#failure = writeError(this.#folder, failure);
    for (const retry of this.#retries.values()) clearTimeout(retry);
    this.#retries.clear();
    const unfinished = [...(this.#head === null ? [] : [this.#head]), ...this.#full, this.#gathering];
    this.#head = null;
    this.#full = [];
    this.#gathering = new Batch();
    this.#refuse(
      unfinished.flatMap(({ dones }) => dones),
      this.#failure,
    );
    setImmediate(() => this.#pump());
  }

  #refuse(dones: readonly Done[], error: StoreError): void {
    setImmediate(() => {
      for (const done of dones) done(error);
    });
  }

  /** Nothing is left to do: time for what is needed soon, or to end. */
  #rest(): void {
    const tail = this.#tail;
    if (this.#isBusy || tail?.isPreparing === true) return;
    if (this.#onClosed.length === 0) {
      if (tail !== null && this.#failure === null) this.#prepareAhead(tail);
      return;
    }
    if (this.#isClosed) return;
    this.#isClosed = true;
    tail?.close();
    this.#stateFile.close(() => {
      this.#lock.release();
      this.#closed();
    });
  }

  #closed(): void {
    for (const done of this.#onClosed.splice(0)) done();
  }
}

function isSame(one: MemberIdentity, other: MemberIdentity | null): boolean {
  return other !== null && one.member === other.member && one.cluster === other.cluster;
}
