/**
 * Linearizable reads of a replicated state through Raft's read index, many with one question.
 *
 *     queued ──asked──▶ in question ──index──▶ confirmed ──applied──▶ answered
 *
 * A read may only use an index that was asked for after the read began. So while a question is out new reads queue for the
 * next one, and a load of reads costs one question a round trip, however many they are (Ongaro's dissertation, §6.4). Its owner ticks it
 * every `READ_TICK_MS` while anything waits: deadlines are that exact, and a lost question costs a few ticks.
 */

export const READ_TICK_MS = 100;

/** A question without an answer is asked again after so many ticks. */
const PATIENCE_TICKS = 5;

export interface ReadQueueOptions<Read> {
  /** Tells this life of the owner from an earlier one: an answer to that one would be too old. */
  readonly life: string;
  /** Puts the question to Raft; `ready` or `failed` is called with its id, or nothing ever comes. */
  readonly ask: (id: string) => void;
  /** Called once for each read that may be answered from the state as it is now. */
  readonly answer: (read: Read) => void;
}

export class ReadQueue<Read extends { readonly deadlineMs: number }> {
  readonly #options: ReadQueueOptions<Read>;
  #queued: Read[] = [];
  #question: { readonly id: string; readonly reads: Read[]; ticks: number } | null = null;
  #confirmed: { readonly index: number; readonly reads: Read[] }[] = [];
  #questions = 0;
  #size = 0;

  constructor(options: ReadQueueOptions<Read>) {
    this.#options = options;
  }

  /** Reads that wait. */
  get size(): number {
    return this.#size;
  }

  add(read: Read): void {
    this.#size += 1;
    this.#queued.push(read);
    if (this.#question === null) this.#ask();
  }

  ready(id: string, index: number, applied: number): void {
    if (this.#question?.id !== id) return;
    this.#confirmed.push({ index, reads: this.#question.reads });
    this.#question = null;
    this.applied(applied);
    if (this.#queued.length > 0) this.#ask();
  }

  /** Refused: those reads are in the next question, at the next tick or when a leader is found. */
  failed(id: string): void {
    if (this.#question?.id === id) this.#withdraw();
  }

  leaderFound(): void {
    this.#withdraw();
    if (this.#queued.length > 0) this.#ask();
  }

  /** Answers what was waiting for the state to get so far. */
  applied(index: number): void {
    if (this.#confirmed.length === 0) return;
    const due = this.#confirmed.filter((confirmed) => confirmed.index <= index);
    this.#confirmed = this.#confirmed.filter((confirmed) => confirmed.index > index);
    for (const { reads } of due) {
      this.#size -= reads.length;
      for (const read of reads) this.#options.answer(read);
    }
  }

  /** @returns the reads whose time is over; they wait no longer. */
  tick(nowMs: number): readonly Read[] {
    const expired = this.#take(({ deadlineMs }) => deadlineMs <= nowMs);
    if (this.#question !== null && ++this.#question.ticks >= PATIENCE_TICKS) this.#withdraw();
    if (this.#question === null && this.#queued.length > 0) this.#ask();
    return expired;
  }

  takeAll(): readonly Read[] {
    this.#withdraw();
    return this.#take(() => true);
  }

  #ask(): void {
    const id = `${this.#options.life}-${++this.#questions}`;
    this.#question = { id, reads: this.#queued, ticks: 0 };
    this.#queued = [];
    this.#options.ask(id);
  }

  #withdraw(): void {
    if (this.#question === null) return;
    this.#queued = [...this.#question.reads, ...this.#queued];
    this.#question = null;
  }

  /** Takes the reads of all stages out that fit. */
  #take(fits: (read: Read) => boolean): readonly Read[] {
    const stages = [this.#queued, this.#question?.reads ?? [], ...this.#confirmed.map(({ reads }) => reads)];
    const taken: Read[] = [];
    for (const reads of stages) {
      if (!reads.some(fits)) continue;
      const kept = reads.filter((read) => !fits(read));
      taken.push(...reads.filter(fits));
      reads.splice(0, reads.length, ...kept);
    }
    this.#size -= taken.length;
    return taken;
  }
}
