/**
 * The snapshots of one member on its host's disk: as in `disk.ts`, what is called and what is durable are kept apart.
 *
 * A crash keeps a prefix of what was called. When the power is lost the newest chunks of the unfinished snapshot may be torn, which the next
 * load finds by their checksums: they go, and the snapshot goes on behind them. A bit may rot in a chunk; who reads it is told.
 *
 * The store may be in trouble while the log beside it is well (`SnapshotTrouble`): as the store of production does, it then takes nothing more
 * in this life after an I/O error, and goes on when there is room.
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

/** What fails: writes of chunks, the sync that makes a snapshot the newest, reads; or there is no room for another. */
export type SnapshotTroubleAt = "write" | "sync" | "read" | "room";

export const SNAPSHOT_TROUBLES: readonly SnapshotTroubleAt[] = ["write", "sync", "read", "room"];

/** What is wrong with a snapshot store. */
export interface SnapshotTrouble {
  readonly fails: SnapshotTroubleAt;
  /** Whether a snapshot is there all the same whose sync has failed. */
  readonly isKept: boolean;
}

/** Where an error says that it comes from that ends no member. */
const WRITE_PATH = "snapshots-";

/** Whether the store has refused to write a snapshot, and has not failed to read one. */
export function isSnapshotWriteError({ path }: StoreError): boolean {
  return path.startsWith(WRITE_PATH);
}

interface Kept {
  readonly snapshot: FinishedSnapshot;
  readonly chunks: readonly Uint8Array[];
  /** Numbers of the chunks that cannot be read. */
  readonly rotten: Set<number>;
}

type Operation =
  | { readonly type: "begin"; readonly head: SnapshotHead }
  | { readonly type: "write"; readonly chunk: SnapshotChunk }
  | { readonly type: "finish"; readonly id: string; readonly end: SnapshotEnd; failed: StoreError | undefined }
  /** There was no room for a part of it. */
  | { readonly type: "drop"; readonly id: string };

export class SnapshotDisk {
  /** Null: it works. */
  trouble: SnapshotTrouble | null = null;
  /** How often it has refused something for a trouble. */
  refused = 0;
  /** The last life whose store has failed for good. */
  #failedIn: ProcessLife | null = null;
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

  /** Whether that life's store takes nothing more. */
  hasFailedIn(life: ProcessLife): boolean {
    return this.#failedIn === life;
  }

  /** Opens the store for one life of the node's process. */
  open(life: ProcessLife): SnapshotStore {
    /** As of what was called: the unfinished one and its chunks. */
    let unfinished: { readonly id: string; chunks: number } | null = null;
    /** There was no room for a part of it: it can only be begun anew. */
    let spoiled: string | null = null;
    const { timeline } = this.#device;
    /** False: the store works. */
    const refuses = (type: Operation["type"], id: string, done: (error: StoreError) => void): boolean => {
      const error = this.#refusal(life, type) ?? (id === spoiled ? noRoom(this.#node) : null);
      if (error === null) return false;
      if (error.code === "store-full") {
        spoiled = id;
        unfinished = null;
        this.#queue.push({ type: "drop", id }, () => life.enter(() => done(error)));
      } else timeline.after(0, () => life.enter(() => done(error)));
      return true;
    };
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
        if (spoiled === head.id) spoiled = null;
        if (refuses("begin", head.id, done)) return;
        if (unfinished?.id !== head.id) unfinished = { id: head.id, chunks: 0 };
        push({ type: "begin", head }, done);
      },
      write: (chunk, done) => {
        if (refuses("write", chunk.id, done)) return;
        if (unfinished?.id !== chunk.id || unfinished.chunks !== chunk.number) {
          throw new RangeError(`SnapshotStore.write: chunk ${chunk.number} of "${chunk.id}" is not the next`);
        }
        unfinished.chunks += 1;
        push({ type: "write", chunk: { ...chunk, bytes: chunk.bytes.slice() } }, done);
      },
      finish: (id, end, done) => {
        if (this.trouble?.fails === "sync" && this.trouble.isKept && !this.hasFailedIn(life)) {
          this.#queue.push({ type: "finish", id, end, failed: undefined }, () => {});
        }
        if (refuses("finish", id, done)) return;
        unfinished = null;
        push({ type: "finish", id, end, failed: undefined }, done);
      },
      read: (id, number, done) => {
        if (!life.alive) return;
        const error = this.#readError(life);
        if (error !== null) return void timeline.after(1, () => life.enter(() => done(error)));
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
    this.trouble = null;
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

  /** Null: it takes it. */
  #refusal(life: ProcessLife, type: Operation["type"]): StoreError | null {
    if (!life.alive) return null;
    const fails = this.trouble?.fails;
    const isRoom = fails === "room" && !this.hasFailedIn(life);
    const strikes = fails === "write" ? type !== "finish" : fails === "sync" ? type === "finish" : fails === "room";
    if (!strikes && !this.hasFailedIn(life)) return null;
    this.refused += 1;
    if (isRoom) return noRoom(this.#node);
    this.#failedIn = life;
    return ioError(this.#node, "write", `${WRITE_PATH}${this.#node}`);
  }

  #readError(life: ProcessLife): StoreError | null {
    if (this.trouble?.fails !== "read" && !this.hasFailedIn(life)) return null;
    this.refused += 1;
    this.#failedIn = life;
    return ioError(this.#node, "read", `disk-${this.#node}`);
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
      case "drop":
        if (this.#unfinished?.head.id === operation.id) this.#unfinished = null;
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

function ioError(node: number, verb: "read" | "write", path: string): StoreError {
  const message = `Cannot ${verb} the snapshots of node ${node}: I/O error`;
  return new StoreError("store-io", { message, path, hint: "replace the disk, then start the node again" });
}

function noRoom(node: number): StoreError {
  const message = `Cannot write the snapshots of node ${node}: no space left`;
  return new StoreError("store-full", { message, path: `${WRITE_PATH}${node}`, hint: "free space" });
}

function corrupt(node: number, reason: string): StoreError {
  return new StoreError("store-corrupt", {
    message: `Cannot use the snapshots of node ${node}: ${reason}`,
    path: `disk-${node}`,
    hint: "begin another snapshot",
  });
}
