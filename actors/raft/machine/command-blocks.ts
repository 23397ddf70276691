/**
 * Commands on their way into the log: queued, then gathered into blocks, each one entry of the log, until they are applied here.
 *
 *     queue of parts ──next──▶ block, pending ──applied──▶ answered
 *          ▲                        └──refused: certainly not in the log──┘ (again, or answered so)
 *
 * A part is what one batch of requests has in one block, so nothing is kept a command: its commands stand in the block in order, and
 * its results are a run of the block's. A block is known by its number, which it carries (`machine-entry.ts`).
 */
import type { Ref } from "../../../runtime/index.ts";
import { BLOCK_COMMANDS_MAX, encodeCommands } from "./machine-entry.ts";
import type { MachineCommand, MachineFailure, MachineReplies } from "./machine-protocol.ts";

/** Commands of one batch of requests that stand together in a block. */
export interface Part {
  readonly commands: readonly MachineCommand[];
  readonly replyTo: Ref<MachineReplies>;
  /** Whether it may go to a leader elsewhere, and wait for one. */
  readonly forward: boolean;
  readonly deadlineMs: number;
  /**
   * Why it came back to the queue; null when it never did. `unknown` for good once it is sent again though an earlier attempt may
   * have been carried out: from then on no refusal is certain.
   */
  refusal: MachineFailure | null;
  /** Nobody waits for it any more. */
  answered: boolean;
}

export interface Block {
  readonly number: number;
  readonly parts: readonly Part[];
  readonly payload: Uint8Array;
  /** Where the leader put it; null before it has said so. */
  index: number | null;
}

export class CommandBlocks {
  readonly #life: number;
  readonly #blockBytes: number;
  #queue: Part[] = [];
  readonly #pending = new Map<number, Block>();
  #blocks = 0;
  #size = 0;

  /** @param options `life` tells the blocks of this life of the actor from all others; `blockBytes` is what a block should have at most. */
  constructor(options: { readonly life: number; readonly blockBytes: number }) {
    this.#life = options.life;
    this.#blockBytes = options.blockBytes;
  }

  /** Commands that wait, in the queue or in the log. */
  get size(): number {
    return this.#size;
  }

  /** Whether a block was handed out that is not applied, refused or given up. */
  get isUnderWay(): boolean {
    return this.#pending.size > 0;
  }

  get hasQueued(): boolean {
    return this.#queue.length > 0;
  }

  isOwn(life: number, number: number): boolean {
    return life === this.#life && this.#pending.has(number);
  }

  add(part: Part): void {
    this.#size += part.commands.length;
    this.#queue.push(part);
  }

  /** The next block of what is queued, pending from now on; null when nothing is. */
  next(): Block | null {
    const parts: Part[] = [];
    let commands = 0;
    let bytes = 0;
    let taken = 0;
    while (taken < this.#queue.length) {
      const part = this.#queue[taken] as Part;
      let fits = 0;
      while (fits < part.commands.length) {
        const size = part.commands[fits]?.bytes.length ?? 0;
        const isFull = commands + fits >= BLOCK_COMMANDS_MAX || bytes + size > this.#blockBytes;
        // What is larger than a block makes one of its own.
        if (isFull && commands + fits > 0) break;
        bytes += size;
        fits += 1;
      }
      if (fits === part.commands.length) {
        parts.push(part);
        taken += 1;
        commands += fits;
        continue;
      }
      if (fits > 0) {
        parts.push({ ...part, commands: part.commands.slice(0, fits) });
        this.#queue[taken] = { ...part, commands: part.commands.slice(fits) };
      }
      break;
    }
    if (parts.length === 0) return null;
    this.#queue.splice(0, taken);
    return this.#make(parts);
  }

  /** A block that the log takes no longer, as it is, as one block a command. */
  split(block: Block): readonly Block[] {
    this.#pending.delete(block.number);
    return block.parts.flatMap((part) =>
      part.commands.map((command) => this.#make([{ ...part, commands: [command] }])),
    );
  }

  get(number: number): Block | undefined {
    return this.#pending.get(number);
  }

  /** The block is not pending any more; its commands are whoever's who takes it. */
  take(number: number): Block | undefined {
    const block = this.#pending.get(number);
    if (block === undefined) return undefined;
    this.#pending.delete(number);
    for (const part of block.parts) if (!part.answered) this.#size -= part.commands.length;
    return block;
  }

  /** Blocks that stood at or before `index` in their leader's log and were not applied: another entry was committed there. */
  takeOvertaken(index: number): readonly Block[] {
    const overtaken: Block[] = [];
    for (const block of this.#pending.values()) if (block.index !== null && block.index <= index) overtaken.push(block);
    for (const { number } of overtaken) this.take(number);
    return overtaken;
  }

  /**
   * Parts of a block, or of all, that may be sent again though nobody knows what became of them: all of their commands have sessions, so
   * that whichever comes first acts and the other one is a repetition. Their place in the old block is nobody's any more.
   */
  takeRepeatable(only?: Block): readonly Part[] {
    const repeatable: Part[] = [];
    for (const block of only === undefined ? this.#pending.values() : [only]) {
      for (const part of block.parts) {
        if (part.answered || !part.forward || !part.commands.every(({ session }) => session !== undefined)) continue;
        repeatable.push({ ...part, refusal: "unknown" });
        part.answered = true;
        this.#size -= part.commands.length;
      }
      if (block.parts.every(({ answered }) => answered)) this.#pending.delete(block.number);
    }
    return repeatable;
  }

  takePending(): readonly Block[] {
    const blocks = [...this.#pending.values()];
    for (const { number } of blocks) this.take(number);
    return blocks;
  }

  takeQueued(): readonly Part[] {
    const parts = this.#queue;
    this.#queue = [];
    for (const { commands } of parts) this.#size -= commands.length;
    return parts;
  }

  /** Parts whose time is over: those that never left, and those that may be applied yet. */
  takeExpired(nowMs: number): { readonly queued: readonly Part[]; readonly pending: readonly Part[] } {
    const queued = this.#queue.filter(({ deadlineMs }) => deadlineMs <= nowMs);
    if (queued.length > 0) this.#queue = this.#queue.filter(({ deadlineMs }) => deadlineMs > nowMs);
    const pending: Part[] = [];
    for (const block of this.#pending.values()) {
      for (const part of block.parts) {
        if (part.answered || part.deadlineMs > nowMs) continue;
        part.answered = true;
        pending.push(part);
      }
      if (block.parts.every(({ answered }) => answered)) this.#pending.delete(block.number);
    }
    for (const { commands } of [...queued, ...pending]) this.#size -= commands.length;
    return { queued, pending };
  }

  #make(parts: readonly Part[]): Block {
    const number = ++this.#blocks;
    const only = parts.length === 1 ? parts[0] : undefined;
    const commands = only ? only.commands : parts.flatMap((part) => part.commands);
    const payload = encodeCommands({ life: this.#life, number }, commands);
    const block: Block = { number, parts, payload, index: null };
    this.#pending.set(number, block);
    return block;
  }
}
