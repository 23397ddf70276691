/**
 * A log store in memory, for tests and for measuring Raft without a disk.
 *
 * A `MemoryLog` is the disk: it outlives the stores that are opened on it. A write becomes durable when it completes, never
 * during the call: through `later`, or at `flush()`. What has not completed when the next store is opened is lost, as in a crash.
 *
 * It keeps the contract of `runtime/ports/log-store.ts` and can be told to fail, to be full, and to be damaged.
 */
import {
  EMPTY_LOG,
  type LoadedLog,
  type LogEntry,
  type LogPosition,
  type LogStore,
  type LogWrite,
} from "../ports/log-store.ts";
import type { StoreError } from "../ports/store-error.ts";

/** How a log in memory completes its writes. */
export interface MemoryLogOptions {
  /** Runs what it is given soon, and never at once. Default: nothing completes before `flush()`. */
  readonly later?: (run: () => void) => void;
}

/** What one member has on its disk. */
export interface MemoryLog {
  /** What is durable: what a store that is opened now loads. */
  readonly durable: LoadedLog;
  /** How many writes were accepted in the life of this log. */
  readonly writes: number;
  /** Opens a store; the one before it is dead, and what it had not completed is lost. */
  open(): LogStore;
  /** Completes what waits now, in order. What the completions append waits for the next one. */
  flush(): void;
  /** Whether the disk has room. Without it writes wait. */
  setRoom(hasRoom: boolean): void;
  /** From the next completion on every write fails. Null: stores that are opened from now on work again. */
  failWith(error: StoreError | null): void;
  /** `load` throws it from now on. */
  failLoadWith(error: StoreError): void;
  /** Entries from `fromIndex` on cannot be read by the next store. */
  damage(fromIndex: number, message?: string): void;
}

/** A log that outlives the stores opened on it, empty at first. */
export function createMemoryLog(options: MemoryLogOptions = {}): MemoryLog {
  return new Memory(options);
}

type Done = (error?: StoreError) => void;

interface Pending {
  readonly write: LogWrite | null;
  readonly compact: LogPosition | null;
  readonly done: Done | null;
}

class Memory implements MemoryLog {
  writes = 0;
  store: MemoryLogStore | null = null;
  hasRoom = true;
  failure: StoreError | null = null;
  loadFailure: StoreError | null = null;
  readonly later: ((run: () => void) => void) | null;
  #state: Omit<LoadedLog, "entries"> = EMPTY_LOG;
  readonly #entries: LogEntry[] = [];

  constructor({ later }: MemoryLogOptions) {
    this.later = later ?? null;
  }

  get durable(): LoadedLog {
    return { ...this.#state, entries: [...this.#entries] };
  }

  get base(): LogPosition {
    return this.#state.base;
  }

  get lastIndex(): number {
    return this.#state.base.index + this.#entries.length;
  }

  open(): LogStore {
    this.store = new MemoryLogStore(this);
    return this.store;
  }

  flush(): void {
    this.store?.flush();
  }

  setRoom(hasRoom: boolean): void {
    if (hasRoom === this.hasRoom) return;
    this.hasRoom = hasRoom;
    this.store?.roomChanged();
  }

  failWith(error: StoreError | null): void {
    this.failure = error;
  }

  failLoadWith(error: StoreError): void {
    this.loadFailure = error;
  }

  damage(fromIndex: number, message: string = `entry ${fromIndex} fails its checksum`): void {
    const kept = fromIndex - 1 - this.#state.base.index;
    if (kept < 0 || kept >= this.#entries.length) {
      throw new RangeError(`MemoryLog.damage: the log has no entry of index ${fromIndex}`);
    }
    this.#entries.length = kept;
    this.#state = { ...this.#state, damage: { fromIndex, message } };
  }

  commit({ identity, hardState, reset, entries }: LogWrite): void {
    const replaces = reset !== undefined || entries.length > 0;
    if (identity !== undefined || hardState !== undefined || reset !== undefined || this.#state.damage !== null) {
      this.#state = {
        identity: identity ?? this.#state.identity,
        hardState: hardState ?? this.#state.hardState,
        base: reset ?? this.#state.base,
        repairs: [],
        damage: replaces ? null : this.#state.damage,
      };
    }
    if (reset !== undefined) this.#entries.length = 0;
    const [first] = entries;
    if (first === undefined) return;
    const kept = first.index - 1 - this.#state.base.index;
    if (kept < this.#entries.length) this.#entries.length = kept;
    for (const entry of entries) this.#entries.push(entry);
  }

  compact(through: LogPosition): void {
    const { base } = this.#state;
    if (through.index <= base.index) return;
    this.#entries.splice(0, through.index - base.index);
    this.#state = { ...this.#state, base: through };
  }
}

class MemoryLogStore implements LogStore {
  readonly #log: Memory;
  #waiting: Pending[] = [];
  #isScheduled = false;
  #failure: StoreError | null = null;
  /** As of what was accepted, which is ahead of what is durable. */
  #baseIndex: number;
  #lastIndex: number;
  #isLoaded = false;
  #onRoom: (hasRoom: boolean) => void = () => {};
  #onClosed: (() => void) | null = null;

  constructor(log: Memory) {
    this.#log = log;
    this.#baseIndex = log.base.index;
    this.#lastIndex = log.lastIndex;
  }

  load(): LoadedLog {
    if (this.#isLoaded) throw new Error("LogStore.load: called twice");
    if (this.#log.loadFailure !== null) throw this.#log.loadFailure;
    this.#isLoaded = true;
    return this.#log.durable;
  }

  append(write: LogWrite, done: Done): void {
    if (!this.#isLoaded || this.#onClosed !== null) throw new Error("LogStore.append: the store is not open");
    const { reset, entries } = write;
    if (reset !== undefined) this.#baseIndex = this.#lastIndex = reset.index;
    const [first] = entries;
    if (first !== undefined) {
      if (first.index <= this.#baseIndex || first.index > this.#lastIndex + 1) {
        throw new RangeError(
          `LogStore.append: index ${first.index} is not one of ${this.#baseIndex + 1} to ${this.#lastIndex + 1}`,
        );
      }
      this.#lastIndex = first.index + entries.length - 1;
    }
    this.#log.writes += 1;
    this.#accept({ write, compact: null, done });
    if (!this.#log.hasRoom && this.#waiting.length === 1) this.#onRoom(false);
  }

  compact(through: LogPosition): void {
    if (through.index <= this.#baseIndex) return;
    if (through.index > this.#lastIndex) {
      throw new RangeError(`LogStore.compact: index ${through.index} is behind the last, ${this.#lastIndex}`);
    }
    this.#baseIndex = through.index;
    this.#accept({ write: null, compact: through, done: null });
  }

  onRoom(listener: (hasRoom: boolean) => void): void {
    this.#onRoom = listener;
  }

  close(done: () => void): void {
    this.#onClosed = done;
    this.#log.hasRoom = true;
    this.flush();
    done();
  }

  roomChanged(): void {
    if (this.#waiting.length > 0) this.#onRoom(this.#log.hasRoom);
    this.#schedule();
  }

  flush(): void {
    if (this.#log.store !== this || !this.#log.hasRoom) return;
    const ready = this.#waiting;
    this.#waiting = [];
    for (const { write, compact, done } of ready) {
      this.#failure ??= this.#log.failure;
      if (this.#failure !== null) done?.(this.#failure);
      else {
        if (write !== null) this.#log.commit(write);
        if (compact !== null) this.#log.compact(compact);
        done?.();
      }
    }
  }

  #accept(pending: Pending): void {
    this.#waiting.push(pending);
    this.#schedule();
  }

  #schedule(): void {
    const { later } = this.#log;
    if (later === null || this.#isScheduled) return;
    this.#isScheduled = true;
    later(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }
}
