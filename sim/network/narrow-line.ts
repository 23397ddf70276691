/**
 * A line of few bytes a second: messages stand in it one behind the other, in order, and pass when their bytes have.
 *
 *     push ──▶ waiting ── bytes / bytesPerSecond ──▶ pass ──▶ the way as ever
 *
 * As a link of the transport it takes 32 MiB and then drops the newest (`transport/node/link-writer.ts`), but for what kernels say.
 */
import { KERNEL_PATH, type Envelope } from "../../runtime/index.ts";
import type { Timeline } from "../timeline/timeline.ts";
import { sizeOfMessage } from "./message-size.ts";

const WAITING_BYTES_MAX = 32 * 1024 * 1024;

interface Waiting {
  readonly envelope: Envelope;
  /** What is drawn for it. */
  readonly word: number;
  readonly bytes: number;
}

export type Pass = (envelope: Envelope, word: number) => void;

export class NarrowLine {
  readonly #timeline: Timeline;
  readonly #pass: Pass;
  /** Of all that narrow it the narrowest counts. */
  readonly #bytesPerSecond: number[] = [];
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** Counts the messages that were begun and the times that all was dropped, so that nothing passes twice. */
  #turn = 0;

  constructor(timeline: Timeline, pass: Pass) {
    this.#timeline = timeline;
    this.#pass = pass;
  }

  get isNarrow(): boolean {
    return this.#bytesPerSecond.length > 0;
  }

  /** False when it is full: the message is dropped. */
  push(envelope: Envelope, word: number): boolean {
    const bytes = sizeOfMessage(envelope.message);
    if (this.#waitingBytes > WAITING_BYTES_MAX && envelope.from.path !== KERNEL_PATH) return false;
    this.#waiting.push({ envelope, word, bytes });
    this.#waitingBytes += bytes;
    if (this.#waiting.length === 1) this.#begin(bytes);
    return true;
  }

  narrow(bytesPerSecond: number): void {
    this.#bytesPerSecond.push(bytesPerSecond);
  }

  /** Takes one of its limits away; with the last one all that waits passes. */
  widen(bytesPerSecond: number): void {
    this.#bytesPerSecond.splice(this.#bytesPerSecond.indexOf(bytesPerSecond), 1);
    if (this.isNarrow) return;
    for (const { envelope, word } of this.#clear()) this.#pass(envelope, word);
  }

  /** The connection is gone; returns how many messages went with it. */
  drop(): number {
    return this.#clear().length;
  }

  #clear(): readonly Waiting[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#turn += 1;
    return waiting;
  }

  #begin(bytes: number): void {
    const turn = ++this.#turn;
    this.#timeline.after((bytes * 1_000_000) / Math.min(...this.#bytesPerSecond), () => {
      const first = this.#turn === turn ? this.#waiting.shift() : undefined;
      if (first === undefined) return;
      this.#waitingBytes -= first.bytes;
      this.#pass(first.envelope, first.word);
      const [next] = this.#waiting;
      if (next !== undefined) this.#begin(next.bytes);
    });
  }
}
