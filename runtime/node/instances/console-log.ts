/**
 * An instance's console log: two files that hold its last output, read from the end and followed.
 *
 * The instance appends to console.log by itself, also while its node is dead. When the file passes half of the limit, its
 * content moves to console.log.1 and it is cut to nothing; the writer has it open for appending and goes on at 0. So a
 * chatty guest keeps its last 50 to 100 % of the limit, and fills the disk no further than it can write in one tick of
 * its node, or in one lease without a node; of a burst beyond the limit only the end is kept. Output that arrives in the
 * instant between copy and cut is lost, and on a full disk what would have been copied: rather that than a log that keeps
 * the disk full.
 */
import {
  closeSync,
  openSync,
  readSync,
  type FSWatcher,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  watch,
  writeFileSync,
} from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { LogRequest, LogSubscription } from "../../ports/hypervisor.ts";
import { LineSplitter } from "./line-splitter.ts";

export const CONSOLE_LOG = "console.log";
export const PREVIOUS_LOG = "console.log.1";

/** Per instance, both files together. Large enough for a boot and a crash, small enough for a hundred instances. */
const LOG_BYTES_MAX = 8 * 1024 * 1024;
const BLOCK_BYTES = 64 * 1024;
/** What a follower gets at once when the log is cut; of a guest that wrote more within milliseconds it misses some. */
const CATCH_UP_BYTES_MAX = 8 * 1024 * 1024;
const NEWLINE = 0x0a;

interface Follower {
  readonly lines: LineSplitter;
  position: number;
  end(error?: string): void;
}

export class ConsoleLog {
  readonly #current: string;
  readonly #previous: string;
  readonly #sizeBytesMax: number;
  readonly #followers = new Set<Follower>();
  #watcher: FSWatcher | undefined;
  #pumpQueued = false;
  /** Reads and cuts take turns, so that no follower's position is moved under it. */
  #turn: Promise<void> = Promise.resolve();

  constructor(folder: string, sizeBytesMax: number = LOG_BYTES_MAX) {
    this.#current = join(folder, CONSOLE_LOG);
    this.#previous = join(folder, PREVIOUS_LOG);
    this.#sizeBytesMax = sizeBytesMax;
  }

  read(request: LogRequest): LogSubscription {
    let isOpen = true;
    const end = (error?: string): void => {
      if (!isOpen) return;
      isOpen = false;
      this.#followers.delete(follower);
      if (this.#followers.size === 0) this.#unwatch();
      request.onEnd(error);
    };
    const lines = new LineSplitter((line) => isOpen && request.onLine(line));
    const follower: Follower = { lines, position: 0, end };
    this.#take(async () => {
      try {
        follower.position = await this.#tail(request.tail, lines);
      } catch (error) {
        return end(`cannot read the log of instance "${request.instance}": ${(error as Error).message}`);
      }
      if (request.follow && isOpen) this.#follow(follower);
      else {
        lines.flush();
        end();
      }
    });
    return { cancel: () => queueMicrotask(() => end()) };
  }

  /** Called once in a while by the owner: keeps the size and helps followers where no change was reported. */
  tick(): void {
    this.#take(async () => {
      await this.#pump();
      this.#cutIfLarge();
    });
  }

  /** Nothing more will be written: gives the followers the rest and ends them. */
  async finish(): Promise<void> {
    this.#take(async () => {
      await this.#pump();
      for (const follower of [...this.#followers]) {
        follower.lines.flush();
        follower.end();
      }
    });
    await this.#turn;
  }

  #take(run: () => Promise<void>): void {
    this.#turn = this.#turn.then(run).catch((error: unknown) => {
      for (const follower of [...this.#followers]) follower.end((error as Error).message);
    });
  }

  #follow(follower: Follower): void {
    this.#followers.add(follower);
    if (this.#watcher !== undefined) return;
    try {
      this.#watcher = watch(this.#current, { persistent: false }, () => this.#queuePump());
      this.#watcher.on("error", () => this.#unwatch());
    } catch {
      // Out of inotify watches: ticks go on feeding the followers, only later.
    }
    // What was written between the tail and the watch.
    this.#queuePump();
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #queuePump(): void {
    if (this.#pumpQueued) return;
    this.#pumpQueued = true;
    this.#take(async () => {
      this.#pumpQueued = false;
      await this.#pump();
    });
  }

  async #pump(): Promise<void> {
    if (this.#followers.size === 0) return;
    const file = await open(this.#current, "r");
    try {
      for (const follower of [...this.#followers]) await feed(file, follower);
    } finally {
      await file.close();
    }
  }

  /** Gives `lines` the last `count` lines and returns the position behind them. */
  async #tail(count: number, lines: LineSplitter): Promise<number> {
    const file = await open(this.#current, "r");
    const previous = await open(this.#previous, "r").catch(() => undefined);
    try {
      const { size } = await file.stat();
      if (count <= 0) return size;
      const blocks: Buffer[] = [];
      let wanted = count;
      // The two files are one stream. The stream's own last line end belongs to the last line.
      for (const part of previous === undefined ? [file] : [file, previous]) {
        wanted = await readBackward(part, part === file ? size : (await part.stat()).size, wanted, blocks);
        if (wanted < 0) break;
      }
      for (const block of blocks.toReversed()) lines.push(block);
      return size;
    } finally {
      await file.close();
      await previous?.close();
    }
  }

  #cutIfLarge(): void {
    const size = sizeOf(this.#current);
    if (size <= this.#sizeBytesMax / 2) return;
    this.#keep(readSlice(this.#current, Math.max(0, size - this.#sizeBytesMax), size));
    // Followers have been fed a moment ago; what came since would be gone with the cut.
    for (const follower of this.#followers) {
      const start = Math.max(follower.position, size - CATCH_UP_BYTES_MAX);
      follower.lines.push(readSlice(this.#current, start, size));
      follower.position = 0;
    }
    truncateSync(this.#current, 0);
  }

  #keep(end: Buffer): void {
    const copy = `${this.#previous}.new`;
    try {
      writeFileSync(copy, end, { mode: 0o600 });
      renameSync(copy, this.#previous);
    } catch {
      rmSync(copy, { force: true });
    }
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function readSlice(path: string, start: number, end: number): Buffer {
  const slice = Buffer.alloc(Math.max(0, end - start));
  const file = openSync(path, "r");
  try {
    return slice.subarray(0, readSync(file, slice, 0, slice.length, start));
  } finally {
    closeSync(file);
  }
}

/** To where the file ends now, no further: a guest that writes faster than this reads would never let the log be cut. */
async function feed(file: FileHandle, follower: Follower): Promise<void> {
  const block = Buffer.alloc(BLOCK_BYTES);
  const { size } = await file.stat();
  while (follower.position < size) {
    const { bytesRead } = await file.read(block, 0, BLOCK_BYTES, follower.position);
    if (bytesRead === 0) return;
    follower.position += bytesRead;
    follower.lines.push(block.subarray(0, bytesRead));
  }
}

/**
 * Collects blocks from the end until `wanted` line starts were passed; the last block is cut at the first wanted line.
 * Returns how many lines are still wanted, or -1 when the first of them was found.
 */
async function readBackward(file: FileHandle, size: number, wanted: number, blocks: Buffer[]): Promise<number> {
  let left = wanted;
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const block = Buffer.alloc(end - start);
    await file.read(block, 0, block.length, start);
    const isLast = blocks.length === 0;
    for (let at = block.length - (isLast ? 2 : 1); at >= 0; at--) {
      if (block[at] !== NEWLINE || --left > 0) continue;
      blocks.push(block.subarray(at + 1));
      return -1;
    }
    blocks.push(block);
    end = start;
  }
  return left;
}
