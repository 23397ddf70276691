/**
 * One host's disk: what is written and what is synced are kept apart. A member's log; beside it its snapshots (`snapshot-disk.ts`).
 *
 *     append ──▶ room? ──▶ written ──sync delay──▶ durable (`platter.ts`) ──▶ done
 *
 * At a crash a prefix of the unsynced writes is kept and the rest lost: the log store writes batches in order, so a later one
 * never survives an earlier one. How long the prefix is, is drawn; when the power is lost the first that is not whole may be torn, which the
 * next load cuts off and tells. A write that was kept was never acknowledged. A bit may rot at any time in what is durable: the next load tells.
 */
import {
  StoreError,
  type HardState,
  type LogEntry,
  type LogPosition,
  type LogStore,
  type LogWrite,
  type Random,
} from "../../runtime/index.ts";
import { Device, SyncQueue, type DiskWeather } from "./device.ts";
import { Platter } from "./platter.ts";
import { LogBounds } from "./log-bounds.ts";
import type { ProcessLife } from "../timeline/process-life.ts";
import { SnapshotDisk } from "./snapshot-disk.ts";
import type { Timeline } from "../timeline/timeline.ts";

/** Told of what the checkers must know: what a member has on disk. */
export interface DiskWatcher {
  onWrite(node: number, write: LogWrite, disk: Disk): void;
  /** A snapshot is begun, or about to be the newest. */
  onSnapshot?(node: number): void;
  /** The disk was replaced by an empty one; `lost` is what was on it. */
  onWipe?(node: number, lost: Platter): void;
}

type Operation =
  | { readonly type: "write"; readonly write: LogWrite }
  | { readonly type: "compact"; readonly through: LogPosition };

/** A write that is misdirected lands at most so many entries before its place: in the same segment. */
const NEAR = 50;

/** Share of losses of power in which the write that was under way leaves some of its sectors. */
const TORN = 0.7;

export class Disk {
  /** What has become of it so far: torn tails and damage that were found at a start, times without room, disks that were lost. */
  readonly met: { torn: number; damaged: number; full: number; lost: number; misdirected: number; refused: number } = {
    misdirected: 0,
    refused: 0,
    torn: 0,
    damaged: 0,
    full: 0,
    lost: 0,
  };
  readonly snapshots: SnapshotDisk;
  readonly #node: number;
  readonly #device: Device;
  readonly #watcher: DiskWatcher;
  readonly #queue: SyncQueue<Operation>;
  #platter = new Platter();
  /** Tells the process whether there is room. */
  #tellRoom: (hasRoom: boolean) => void = () => {};
  #isRoomTold = true;
  /** The next write fails, and with it the store. */
  #failing = false;
  /** A write whose sync failed: it may be there or not. */
  #doubtful: LogWrite | null = null;
  /** The next write lands elsewhere; tells that it has. */
  #misdirected: (() => void) | null = null;

  constructor(options: {
    readonly node: number;
    readonly timeline: Timeline;
    readonly random: Random;
    readonly weather: DiskWeather;
    readonly watcher: DiskWatcher;
  }) {
    this.#node = options.node;
    this.#device = new Device(options);
    this.#watcher = options.watcher;
    this.#queue = new SyncQueue(this.#device, (operation) => this.#carryOut(operation));
    this.snapshots = new SnapshotDisk(options.node, this.#device, () => options.watcher.onSnapshot?.(options.node));
    this.#device.onRoomChange(() => this.#onRoomChange());
  }

  get weather(): DiskWeather {
    return this.#device.weather;
  }

  /** What is durable. */
  get platter(): Platter {
    return this.#platter;
  }

  get durableLastIndex(): number {
    return this.#platter.lastIndex;
  }

  get hardState(): HardState {
    return this.#platter.hardState;
  }

  /** The durable entry at `index`. */
  entryAt(index: number): LogEntry | undefined {
    return this.#platter.entryAt(index);
  }

  /** Opens the store for one life of the node's process. */
  open(life: ProcessLife): LogStore {
    const { timeline } = this.#device;
    let loaded = false;
    let failed: StoreError | null = null;
    const bounds = new LogBounds();
    return {
      load: () => {
        if (loaded) throw new Error("LogStore.load was called twice");
        loaded = true;
        if (this.#platter.isStateRotten) {
          this.met.refused += 1;
          throw unreadable(this.#node);
        }
        const log = this.#platter.load();
        bounds.begin(log);
        for (const repair of log.repairs) timeline.note(`repair ${this.#node} ${repair}`);
        this.met.torn += log.repairs.length;
        this.met.damaged += log.damage === null ? 0 : 1;
        if (log.damage !== null) timeline.note(`damage ${this.#node} ${log.damage.fromIndex}`);
        return log;
      },
      append: (write, done) => {
        if (!life.alive) return;
        bounds.append(write);
        if (this.#failing && this.#device.hasRoom) {
          this.#failing = false;
          this.#doubtful = write;
          this.#watcher.onWrite(this.#node, write, this);
          failed = ioError(this.#node);
        }
        const error = failed;
        if (error === null) this.#append(write, (result) => life.enter(() => done(result)));
        else timeline.after(0, () => life.enter(() => done(error)));
      },
      compact: (through) => {
        if (life.alive && failed === null && bounds.compact(through)) {
          this.#queue.push({ type: "compact", through }, () => {});
        }
      },
      onRoom: (listener) => {
        this.#isRoomTold = true;
        this.#tellRoom = (hasRoom) => life.enter(() => listener(hasRoom));
      },
      close: (done) => {
        timeline.after(this.#queue.syncedUs - timeline.nowUs + 1, () => life.enter(done));
      },
    };
  }

  /** No sync ends within `durationUs`. */
  hang(durationUs: number): void {
    this.#device.hungUntilUs = this.#device.timeline.nowUs + durationUs;
  }

  /** What a slow or hung disk has not synced yet goes on as fast as it now can. */
  hurry(): void {
    this.#queue.hurry();
    this.snapshots.hurry();
  }

  /** Whether anything more can be written. */
  setRoom(hasRoom: boolean): void {
    this.#device.setRoom(hasRoom);
  }

  /**
   * The sync of the next append reports an I/O error, and the store of this life takes nothing more. Whether the write
   * is there when the log is opened again, is drawn (fault 22).
   */
  failNextWrite(): void {
    this.#failing = true;
  }

  /** The next write of entries is confirmed and lands where others stand. `done`: it has, or the process has ended before. */
  misdirectNextWrite(done: () => void): void {
    this.#misdirected?.();
    this.#misdirected = done;
  }

  /** A bit rots in what stands for identity, term and vote. */
  rotState(): void {
    this.#device.timeline.note(`rot ${this.#node} state`);
    this.#platter.isStateRotten = true;
  }

  /** A bit rots in the record of `index`. */
  rot(index: number): void {
    this.#device.timeline.note(`rot ${this.#node} ${index}`);
    this.#platter.rot(index);
  }

  /** An empty disk takes the place of this one. The process that wrote to it must have ended. */
  wipe(): void {
    this.#device.timeline.note(`wipe ${this.#node}`);
    const lost = this.#platter;
    this.#platter = new Platter();
    this.snapshots.wipe();
    this.met.lost += 1;
    this.#watcher.onWipe?.(this.#node, lost);
  }

  /** The process ended: of what was not synced, a prefix is kept. Returns how many writes were lost. */
  crash(power = false): number {
    const { random } = this.#device;
    this.#failing = false;
    this.#tellRoom = () => {};
    this.#misdirected?.();
    this.#misdirected = null;
    const lost = this.#queue.crash();
    this.snapshots.crash(power);
    if (this.#doubtful !== null && lost.length === 0 && random.next() < 0.5) {
      this.#carryOut({ type: "write", write: this.#doubtful });
    }
    this.#doubtful = null;
    const first = lost.find(({ type }) => type === "write");
    if (power && first?.type === "write" && first.write.entries.length > 0 && random.next() < TORN) {
      this.#platter.tear(first.write);
    }
    return lost.filter(({ type }) => type === "write").length;
  }

  #append(write: LogWrite, done: (error?: StoreError) => void): void {
    this.#watcher.onWrite(this.#node, write, this);
    this.#queue.push({ type: "write", write }, () => {
      const { hardState, lastIndex } = this.#platter;
      this.#device.timeline.noteParts("sync", this.#node, "term", hardState.term, "last", lastIndex);
      done();
    });
    this.#onRoomChange();
  }

  #onRoomChange(): void {
    const hasRoom = !this.#queue.isHeld || this.#device.hasRoom;
    if (hasRoom === this.#isRoomTold) return;
    this.#isRoomTold = hasRoom;
    if (!hasRoom) this.met.full += 1;
    this.#device.timeline.note(`room ${this.#node} ${hasRoom}`);
    this.#tellRoom(hasRoom);
  }

  #carryOut(operation: Operation): void {
    const platter = this.#platter;
    const wrong =
      operation.type === "write" ? platter.write(operation.write) : this.#compact(platter, operation.through);
    if (operation.type === "write" && this.#misdirected !== null) this.#misdirect(operation.write, this.#misdirected);
    if (wrong !== null) this.#device.timeline.fail("log-gap", `Node ${this.#node} writes ${wrong}`);
  }

  /** It takes the place of an entry before it, where there is one. */
  #misdirect({ entries }: LogWrite, done: () => void): void {
    const [first] = entries;
    const { base } = this.#platter;
    if (first === undefined) return;
    const before = first.index - 1 - base.index;
    const over = before > 0 ? first.index - 1 - this.#device.random.integer(Math.min(before, NEAR)) : first.index;
    this.#device.timeline.note(`misdirect ${this.#node} ${first.index} over ${over}`);
    this.#platter.misdirect(first.index, over);
    this.met.misdirected += 1;
    this.#misdirected = null;
    done();
  }

  /** What is dropped must be in a snapshot that is durable. */
  #compact(platter: Platter, through: LogPosition): string | null {
    const { newest } = this.snapshots;
    if (through.index > (newest?.index ?? 0)) {
      const has = newest === null ? "none" : `one as of ${newest.index}`;
      const message = `Node ${this.#node} drops its log up to ${through.index}; of snapshots it has ${has}`;
      this.#device.timeline.fail("purged-is-in-snapshot", message);
    }
    const wrong = platter.compact(through);
    this.#device.timeline.note(`compact ${this.#node} ${platter.base.index}`);
    return wrong;
  }
}

function unreadable(node: number): StoreError {
  return new StoreError("store-corrupt", {
    message: `Cannot read the log of node ${node}: its identity, term and vote fail their checksum`,
    path: `disk-${node}`,
    hint: "remove the data folder and add the node as a new member",
  });
}

function ioError(node: number): StoreError {
  return new StoreError("store-io", {
    message: `Cannot write the log of node ${node}: I/O error`,
    path: `disk-${node}`,
    hint: "Replace the disk",
  });
}
