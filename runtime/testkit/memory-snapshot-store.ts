/**
 * A snapshot store in memory, for tests. As with `memory-log-store.ts`, the `MemorySnapshots` are the disk, which outlives its stores,
 * and a call completes through `later` or at `flush()`, never at once.
 */
import type {
  FinishedSnapshot,
  LoadedSnapshots,
  SnapshotChunk,
  SnapshotEnd,
  SnapshotHead,
  SnapshotStore,
} from "../ports/snapshot-store.ts";
import { StoreError } from "../ports/store-error.ts";
import { crc32 } from "../crc32.ts";

/** How snapshots in memory complete their writes. */
export interface MemorySnapshotsOptions {
  /** Runs what it is given soon, and never at once. Default: nothing completes before `flush()`. */
  readonly later?: (run: () => void) => void;
}

/** What one member has on its disk. */
export interface MemorySnapshots {
  /** What a store that is opened now loads. */
  readonly durable: LoadedSnapshots;
  /** Opens a store; the one before it is dead, and what it had not completed is lost. */
  open(): SnapshotStore;
  /** Completes what waits now, in order. */
  flush(): void;
  /** From now on that chunk of a finished snapshot cannot be read. */
  damage(id: string, number: number): void;
}

/** Snapshots that outlive the stores opened on them, none at first. */
export function createMemorySnapshots(options: MemorySnapshotsOptions = {}): MemorySnapshots {
  return new Memory(options);
}

/** The newest and the one before it. */
const KEPT = 2;
const PATH = "memory";

interface Kept {
  readonly snapshot: FinishedSnapshot;
  readonly chunks: readonly Uint8Array[];
}

class Memory implements MemorySnapshots {
  store: MemorySnapshotStore | null = null;
  readonly later: ((run: () => void) => void) | null;
  /** The newest first. */
  finished: readonly Kept[] = [];
  unfinished: { readonly head: SnapshotHead; readonly chunks: Uint8Array[] } | null = null;
  readonly damaged: Set<Uint8Array> = new Set();

  constructor({ later }: MemorySnapshotsOptions) {
    this.later = later ?? null;
  }

  get durable(): LoadedSnapshots {
    const { finished, unfinished } = this;
    return {
      newest: finished[0]?.snapshot ?? null,
      unfinished: unfinished && { head: unfinished.head, chunks: unfinished.chunks.length },
      repairs: [],
    };
  }

  open(): SnapshotStore {
    this.store = new MemorySnapshotStore(this);
    return this.store;
  }

  flush(): void {
    this.store?.flush();
  }

  damage(id: string, number: number): void {
    const chunk = this.finished.find(({ snapshot }) => snapshot.id === id)?.chunks[number];
    if (chunk === undefined) throw new RangeError(`MemorySnapshots.damage: no chunk ${number} of snapshot "${id}"`);
    this.damaged.add(chunk);
  }

  finish(id: string, end: SnapshotEnd): StoreError | undefined {
    const { unfinished } = this;
    this.unfinished = null;
    if (unfinished === null || unfinished.head.id !== id) return corrupt(`snapshot "${id}" was not begun`);
    const { head, chunks } = unfinished;
    const sizeBytes = chunks.reduce((sum, { length }) => sum + length, 0);
    const checksum = chunks.reduce((sum, chunk) => crc32(chunk, sum), 0);
    if (chunks.length !== end.chunks || sizeBytes !== end.sizeBytes || checksum !== end.checksum) {
      return corrupt(
        `snapshot "${id}" has ${chunks.length} chunks, ${sizeBytes} bytes, checksum ${checksum}, wanted ${end.chunks}, ${end.sizeBytes}, ${end.checksum}`,
      );
    }
    const others = this.finished.filter(({ snapshot }) => snapshot.id !== id);
    this.finished = [{ snapshot: { ...head, ...end }, chunks }, ...others].slice(0, KEPT);
    return undefined;
  }

  read(id: string, number: number): Uint8Array | StoreError {
    const chunk = this.finished.find(({ snapshot }) => snapshot.id === id)?.chunks[number];
    if (chunk === undefined) return corrupt(`chunk ${number} of snapshot "${id}" is not kept`);
    return this.damaged.has(chunk) ? corrupt(`chunk ${number} of snapshot "${id}" fails its checksum`) : chunk;
  }
}

class MemorySnapshotStore implements SnapshotStore {
  readonly #disk: Memory;
  #waiting: (() => void)[] = [];
  #isScheduled = false;
  /** As of what was called: the unfinished one and its chunks. */
  #unfinished: { readonly id: string; chunks: number } | null = null;

  constructor(disk: Memory) {
    this.#disk = disk;
  }

  load(): LoadedSnapshots {
    const loaded = this.#disk.durable;
    if (loaded.unfinished !== null) {
      this.#unfinished = { id: loaded.unfinished.head.id, chunks: loaded.unfinished.chunks };
    }
    return loaded;
  }

  begin(head: SnapshotHead, done: (error?: StoreError) => void): void {
    const goesOn = this.#unfinished?.id === head.id;
    if (!goesOn) this.#unfinished = { id: head.id, chunks: 0 };
    this.#accept(() => {
      if (!goesOn) this.#disk.unfinished = { head, chunks: [] };
      done();
    });
  }

  write({ id, number, bytes }: SnapshotChunk, done: (error?: StoreError) => void): void {
    const unfinished = this.#unfinished;
    if (unfinished?.id !== id || unfinished.chunks !== number) {
      throw new RangeError(`SnapshotStore.write: chunk ${number} of "${id}" is not the next`);
    }
    unfinished.chunks += 1;
    const copy = bytes.slice();
    this.#accept(() => {
      this.#disk.unfinished?.chunks.push(copy);
      done();
    });
  }

  finish(id: string, end: SnapshotEnd, done: (error?: StoreError) => void): void {
    this.#unfinished = null;
    this.#accept(() => done(this.#disk.finish(id, end)));
  }

  read(id: string, number: number, done: (chunk: Uint8Array | StoreError) => void): void {
    this.#accept(() => done(this.#disk.read(id, number)));
  }

  close(done: () => void): void {
    this.flush();
    done();
  }

  flush(): void {
    if (this.#disk.store !== this) return;
    const ready = this.#waiting;
    this.#waiting = [];
    for (const run of ready) run();
  }

  #accept(run: () => void): void {
    this.#waiting.push(run);
    const { later } = this.#disk;
    if (later === null || this.#isScheduled) return;
    this.#isScheduled = true;
    later(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }
}

function corrupt(reason: string): StoreError {
  return new StoreError("store-corrupt", {
    message: `Cannot use the snapshots in memory: ${reason}`,
    path: PATH,
    hint: "begin another snapshot",
  });
}
