/**
 * One host's disk: what is written and what is synced are kept apart.
 *
 *     append ──▶ written ──sync delay──▶ durable ──▶ done
 *
 * At a crash a prefix of the unsynced writes is kept and the rest lost: the log store writes transactions in order, so a
 * later one never survives an earlier one. How long the prefix is, is drawn. A write that was kept was never acknowledged.
 */
import {
  StoreError,
  type HardState,
  type LogEntry,
  type LogStore,
  type LogWrite,
  type Random,
} from "../runtime/index.ts";
import type { ProcessLife } from "./process-life.ts";
import type { Timeline } from "./timeline.ts";

/** How the disk is doing. Times in microseconds. */
export interface DiskWeather {
  syncMinUs: number;
  /** Mean of the exponential part on top. */
  syncMeanUs: number;
  /** Multiplies both; above 1 while the disk is slow. */
  slowness: number;
}

/** Told of what the checkers must know: what a member has on disk. */
export interface DiskWatcher {
  onWrite(node: number, write: LogWrite, disk: Disk): void;
}

interface Pending {
  readonly write: LogWrite;
  readonly done: (error?: StoreError) => void;
}

const EMPTY_HARD_STATE: HardState = { term: 0, vote: null, commit: 0 };

export class Disk {
  readonly weather: DiskWeather;
  readonly #node: number;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #watcher: DiskWatcher;
  #hardState: HardState = EMPTY_HARD_STATE;
  readonly #entries: LogEntry[] = [];
  #pending: Pending[] = [];
  #syncedUs = 0;
  #hungUntilUs = 0;
  /** The next write fails, and with it the store. */
  #failing = false;

  constructor(options: {
    readonly node: number;
    readonly timeline: Timeline;
    readonly random: Random;
    readonly weather: DiskWeather;
    readonly watcher: DiskWatcher;
  }) {
    this.#node = options.node;
    this.#timeline = options.timeline;
    this.#random = options.random;
    this.weather = options.weather;
    this.#watcher = options.watcher;
  }

  get durableLastIndex(): number {
    return this.#entries.length;
  }

  get hardState(): HardState {
    return this.#hardState;
  }

  /** The durable entry at `index`. */
  entryAt(index: number): LogEntry | undefined {
    return this.#entries[index - 1];
  }

  /** Opens the store for one life of the node's process. */
  open(life: ProcessLife): LogStore {
    let loaded = false;
    let failed: StoreError | null = null;
    return {
      load: () => {
        if (loaded) throw new Error("LogStore.load was called twice");
        loaded = true;
        return { hardState: this.#hardState, entries: [...this.#entries], repairs: [] };
      },
      append: (write, done) => {
        if (!life.alive) return;
        if (this.#failing) {
          this.#failing = false;
          failed = ioError(this.#node);
        }
        const error = failed;
        if (error === null) this.#append(write, (result) => life.enter(() => done(result)));
        else this.#timeline.after(0, () => life.enter(() => done(error)));
      },
      close: (done) => {
        const delayUs = Math.max(0, this.#syncedUs - this.#timeline.nowUs);
        this.#timeline.after(delayUs + 1, () => life.enter(done));
      },
    };
  }

  /** No sync ends within `durationUs`. */
  hang(durationUs: number): void {
    this.#hungUntilUs = this.#timeline.nowUs + durationUs;
  }

  /** The next append reports an I/O error, and the store of this life takes nothing more. */
  failNextWrite(): void {
    this.#failing = true;
  }

  /** The process ended: of what was not synced, a prefix is kept. Returns how many writes were lost. */
  crash(): number {
    const pending = this.#pending;
    this.#pending = [];
    this.#failing = false;
    const kept = pending.length === 0 ? 0 : this.#random.integer(pending.length + 1);
    for (const { write } of pending.slice(0, kept)) this.#makeDurable(write);
    return pending.length - kept;
  }

  #append(write: LogWrite, done: (error?: StoreError) => void): void {
    this.#watcher.onWrite(this.#node, write, this);
    const pending: Pending = { write, done };
    this.#pending.push(pending);
    const { syncMinUs, syncMeanUs, slowness } = this.weather;
    const syncUs = slowness * (syncMinUs - Math.log(1 - this.#random.next()) * syncMeanUs);
    const startUs = Math.max(this.#timeline.nowUs, this.#syncedUs, this.#hungUntilUs);
    this.#syncedUs = startUs + Math.ceil(syncUs);
    this.#timeline.after(this.#syncedUs - this.#timeline.nowUs, () => this.#syncOldest(pending));
  }

  /** Syncs end in order, whatever the order of events that are due at once. */
  #syncOldest(due: Pending): void {
    if (!this.#pending.includes(due)) return;
    const oldest = this.#pending.shift() as Pending;
    this.#makeDurable(oldest.write);
    this.#timeline.note(`sync ${this.#node} term ${this.#hardState.term} last ${this.#entries.length}`);
    oldest.done();
  }

  #makeDurable({ hardState, entries }: LogWrite): void {
    if (hardState !== undefined) this.#hardState = hardState;
    const first = entries[0];
    if (first === undefined) return;
    if (first.index > this.#entries.length + 1) {
      this.#timeline.fail("log-gap", `Node ${this.#node} writes index ${first.index} after ${this.#entries.length}`);
    }
    this.#entries.length = first.index - 1;
    this.#entries.push(...entries);
  }
}

function ioError(node: number): StoreError {
  return new StoreError("store-io", {
    message: `Cannot write the log of node ${node}: I/O error`,
    path: `disk-${node}`,
    hint: "Replace the disk",
  });
}
