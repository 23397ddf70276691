/**
 * The snapshots of one member on its host's disk: as in `disk.ts`, what is called and what is durable are kept apart.
 *
 * A crash keeps a prefix of what was called. When the power is lost the newest chunks of the unfinished snapshot may be torn, which the next
 * load finds by their checksums: they go, and the snapshot goes on behind them. A bit may rot in a chunk; who reads it is told.
 */
import {
  crc32,
  StoreError,
  type FinishedSnapshot,
  type LoadedSnapshots,
  type SnapshotChunk,
  type SnapshotEnd,
  type SnapshotHead,
  type SnapshotStore,
} from "../../runtime/index.ts";
import { SyncQueue, type Device } from "./device.ts";
import type { ProcessLife } from "../timeline/process-life.ts";

/** The newest and the one before it. */
const KEPT = 2;

/** Share of losses of power that tear chunks of an unfinished snapshot. */
const TORN = 0.5;

interface Kept {
  readonly snapshot: FinishedSnapshot;
  readonly chunks: readonly Uint8Array[];
  /** Numbers of the chunks that cannot be read. */
  readonly rotten: Set<number>;
}

type Operation =
  | { readonly type: "begin"; readonly head: SnapshotHead }
  | { readonly type: "write"; readonly chunk: SnapshotChunk }
  | { readonly type: "finish"; readonly id: string; readonly end: SnapshotEnd; failed: StoreError | undefined };

export class SnapshotDisk {
  readonly #node: number;
  readonly #device: Device;
  /** A snapshot is begun or ended. */
  readonly #onStep: () => void;
  readonly #queue: SyncQueue<Operation>;
  /** The newest first. */
  #finished: Kept[] = [];
  #unfinished: { readonly head: SnapshotHead; readonly chunks: Uint8Array[] } | null = null;
  #repairs: string[] = [];

  constructor(node: number, device: Device, onStep: () => void = () => {}) {
    this.#node = node;
    this.#onStep = onStep;
    this.#device = device;
    this.#queue = new SyncQueue(device, (operation) => this.#carryOut(operation));
  }

  /** The newest that is finished, whether all of it can be read or not. */
  get newest(): FinishedSnapshot | null {
    return this.#finished[0]?.snapshot ?? null;
  }

  /** Whether a chunk of the newest snapshot cannot be read. */
  get isRotten(): boolean {
    return (this.#finished[0]?.rotten.size ?? 0) > 0;
  }

  /** Opens the store for one life of the node's process. */
  open(life: ProcessLife): SnapshotStore {
    /** As of what was called: the unfinished one and its chunks. */
    let unfinished: { readonly id: string; chunks: number } | null = null;
    const { timeline } = this.#device;
    const push = (operation: Operation, done: (error?: StoreError) => void): void => {
      if (!life.alive) return;
      if (operation.type !== "write") this.#onStep();
      this.#queue.push(operation, () => {
        life.enter(() => done(operation.type === "finish" ? operation.failed : undefined));
      });
    };
    return {
      load: () => {
        const loaded = this.#load();
        if (loaded.unfinished) unfinished = { id: loaded.unfinished.head.id, chunks: loaded.unfinished.chunks };
        return loaded;
      },
      begin: (head, done) => {
        if (unfinished?.id !== head.id) unfinished = { id: head.id, chunks: 0 };
        push({ type: "begin", head }, done);
      },
      write: (chunk, done) => {
        if (unfinished?.id !== chunk.id || unfinished.chunks !== chunk.number) {
          throw new RangeError(`SnapshotStore.write: chunk ${chunk.number} of "${chunk.id}" is not the next`);
        }
        unfinished.chunks += 1;
        push({ type: "write", chunk: { ...chunk, bytes: chunk.bytes.slice() } }, done);
      },
      finish: (id, end, done) => {
        unfinished = null;
        push({ type: "finish", id, end, failed: undefined }, done);
      },
      read: (id, number, done) => {
        if (!life.alive) return;
        const readUs = Math.max(this.#queue.syncedUs, this.#device.hungUntilUs) + 1;
        timeline.after(readUs - timeline.nowUs, () => life.enter(() => done(this.#read(id, number))));
      },
      close: (done) => void timeline.after(this.#queue.syncedUs - timeline.nowUs + 1, () => life.enter(done)),
    };
  }

  /** A bit rots in a chunk of the newest snapshot. False when there is none. */
  rot(): boolean {
    const [newest] = this.#finished;
    if (newest === undefined || newest.chunks.length === 0) return false;
    const number = this.#device.random.integer(newest.chunks.length);
    newest.rotten.add(number);
    this.#device.timeline.note(`rot ${this.#node} snapshot ${newest.snapshot.id} ${number}`);
    return true;
  }

  hurry(): void {
    this.#queue.hurry();
  }

  wipe(): void {
    this.#finished = [];
    this.#unfinished = null;
    this.#repairs = [];
  }

  crash(power: boolean): void {
    const { random } = this.#device;
    const lost = this.#queue.crash();
    if (!power || this.#unfinished === null || !lost.some(({ type }) => type === "write")) return;
    if (random.next() < TORN) this.#repairs.push(`dropped a torn chunk of snapshot "${this.#unfinished.head.id}"`);
  }

  #load(): LoadedSnapshots {
    const repairs = this.#repairs;
    this.#repairs = [];
    for (const repair of repairs) this.#device.timeline.note(`repair ${this.#node} ${repair}`);
    const unfinished = this.#unfinished;
    return {
      newest: this.newest,
      unfinished: unfinished && { head: unfinished.head, chunks: unfinished.chunks.length },
      repairs,
    };
  }

  #carryOut(operation: Operation): void {
    switch (operation.type) {
      case "begin":
        if (this.#unfinished?.head.id !== operation.head.id) this.#unfinished = { head: operation.head, chunks: [] };
        return;
      case "write":
        if (this.#unfinished?.head.id === operation.chunk.id) this.#unfinished.chunks.push(operation.chunk.bytes);
        return;
      case "finish":
        operation.failed = this.#finish(operation.id, operation.end);
        return;
      default:
        operation satisfies never;
    }
  }

  #finish(id: string, end: SnapshotEnd): StoreError | undefined {
    const unfinished = this.#unfinished;
    this.#unfinished = null;
    if (unfinished === null || unfinished.head.id !== id) return corrupt(this.#node, `snapshot "${id}" was not begun`);
    const { head, chunks } = unfinished;
    const sizeBytes = chunks.reduce((sum, { length }) => sum + length, 0);
    const checksum = chunks.reduce((sum, chunk) => crc32(chunk, sum), 0);
    if (chunks.length !== end.chunks || sizeBytes !== end.sizeBytes || checksum !== end.checksum) {
      return corrupt(
        this.#node,
        `snapshot "${id}" has ${chunks.length} chunks, ${sizeBytes} bytes, not what its end says`,
      );
    }
    const others = this.#finished.filter(({ snapshot }) => snapshot.id !== id);
    this.#finished = [{ snapshot: { ...head, ...end }, chunks, rotten: new Set<number>() }, ...others].slice(0, KEPT);
    this.#device.timeline.note(`snapshot ${this.#node} ${head.index} ${sizeBytes}`);
    return undefined;
  }

  #read(id: string, number: number): Uint8Array | StoreError {
    const kept = this.#finished.find(({ snapshot }) => snapshot.id === id);
    const chunk = kept?.chunks[number];
    if (chunk === undefined) return corrupt(this.#node, `chunk ${number} of snapshot "${id}" is not kept`);
    return kept?.rotten.has(number) === true
      ? corrupt(this.#node, `chunk ${number} of snapshot "${id}" fails its checksum`)
      : chunk;
  }
}

function corrupt(node: number, reason: string): StoreError {
  return new StoreError("store-corrupt", {
    message: `Cannot use the snapshots of node ${node}: ${reason}`,
    path: `disk-${node}`,
    hint: "begin another snapshot",
  });
}
