/**
 * From an empty state to the last one: claim the stream, take the youngest snapshot that can be read, apply the events behind it.
 *
 *     open ──▶ snapshot ──▶ older snapshot … ──▶ page of events ──▶ page … ──▶ done
 *
 * Fails, with the stream and the event in its message, rather than leave one event out.
 */
import type { Journal, JournalResult, Snapshot, StoredEvent, StreamHead } from "../ports/journal.ts";
import type { EventFormat } from "./event-format.ts";
import { effectToken } from "./decision.ts";
import { PersistenceError, reasonOf } from "./persistence-error.ts";

/** What is known of an event besides itself. */
export interface EventPlace {
  readonly stream: string;
  readonly sequence: number;
  /** When it was decided, in milliseconds since the epoch; a label. */
  readonly wallMs: number;
  /** Names it for good; see `effectToken`. Of several events that adapters made of one, all have the same. */
  readonly token: string;
}

export interface Recovered<State> {
  readonly state: State;
  readonly epoch: number;
  readonly sequence: number;
  /** Of the snapshot it began with; 0 without one. */
  readonly snapshotSequence: number;
  /** Events that were applied. */
  readonly events: number;
  /** Snapshots that could not be used, and why. */
  readonly skipped: readonly string[];
}

export interface RecoveryOptions<State, Event> {
  readonly actor: string;
  readonly stream: string;
  readonly journal: Journal;
  readonly format: EventFormat<State, Event>;
  empty(): State;
  evolve(state: State, event: Event, place: EventPlace): State;
  /** Makes a callback of the actor out of what comes next; see `Context.callback`. */
  callback<Value>(next: (value: Value) => void): (value: Value) => void;
  done(recovered: Recovered<State>): void;
}

export class Recovery<State, Event> {
  readonly #options: RecoveryOptions<State, Event>;
  readonly #skipped: string[] = [];
  #head: StreamHead = { epoch: 0, firstSequence: 1, lastSequence: 0 };
  #state: State;
  #snapshotSequence = 0;
  #sequence = 0;
  #events = 0;

  constructor(options: RecoveryOptions<State, Event>) {
    this.#options = options;
    this.#state = options.empty();
  }

  start(): void {
    const { journal, stream } = this.#options;
    journal.open(
      stream,
      this.#next((head) => this.#opened(head)),
    );
  }

  #opened(head: StreamHead): void {
    this.#head = head;
    if (head.lastSequence === 0) this.#finish();
    else this.#loadSnapshot(head.lastSequence);
  }

  #loadSnapshot(upTo: number): void {
    const { journal, stream } = this.#options;
    journal.loadSnapshot(
      stream,
      upTo,
      this.#next((snapshot) => this.#loaded(snapshot)),
    );
  }

  #loaded(snapshot: Snapshot | null): void {
    if (snapshot !== null) {
      const decoded = this.#options.format.decodeState(snapshot);
      if ("unusable" in decoded) {
        this.#skipped.push(`snapshot ${snapshot.sequence}: ${decoded.unusable}`);
        if (snapshot.sequence > 0) this.#loadSnapshot(snapshot.sequence - 1);
        else this.#replay();
        return;
      }
      this.#state = decoded.state;
      this.#snapshotSequence = snapshot.sequence;
      this.#sequence = snapshot.sequence;
    }
    this.#replay();
  }

  #replay(): void {
    const { firstSequence, lastSequence } = this.#head;
    const from = this.#sequence + 1;
    if (from > lastSequence) this.#finish();
    else if (from < firstSequence) {
      const skipped = this.#skipped.length === 0 ? "there is no snapshot" : this.#skipped.join("; ");
      throw this.#failure(`its events before ${firstSequence} were deleted, and ${skipped}`);
    } else this.#read(from);
  }

  #read(from: number): void {
    const { journal, stream } = this.#options;
    journal.read(
      { stream, from },
      this.#next(({ events, next }) => {
        for (const stored of events) this.#apply(stored);
        if (next === null || this.#sequence >= this.#head.lastSequence) this.#finish();
        else this.#read(next);
      }),
    );
  }

  #apply(stored: StoredEvent): void {
    const { format, stream } = this.#options;
    const { sequence, wallMs } = stored;
    if (sequence !== this.#sequence + 1)
      throw this.#failure(`event ${this.#sequence + 1} is missing before ${sequence}`);
    try {
      const place = { stream, sequence, wallMs, token: effectToken(stream, sequence) };
      for (const event of format.decode(stored)) this.#state = this.#options.evolve(this.#state, event, place);
    } catch (cause) {
      throw this.#failure(`event ${sequence} ("${stored.manifest}"): ${reasonOf(cause)}`, cause);
    }
    this.#sequence = sequence;
    this.#events += 1;
  }

  #finish(): void {
    const { lastSequence, epoch } = this.#head;
    if (this.#sequence !== lastSequence)
      throw this.#failure(`its events end at ${this.#sequence}, wanted ${lastSequence}`);
    this.#options.done({
      state: this.#state,
      epoch,
      sequence: this.#sequence,
      snapshotSequence: this.#snapshotSequence,
      events: this.#events,
      skipped: this.#skipped,
    });
  }

  #next<Value>(then: (value: Value) => void): (result: JournalResult<Value>) => void {
    return this.#options.callback((result: JournalResult<Value>) => {
      if (!result.ok) throw this.#failure(result.error.message, result.error);
      then(result.value);
    });
  }

  #failure(reason: string, cause?: unknown): PersistenceError {
    const { actor, stream } = this.#options;
    const message = `Cannot recover "${actor}" from stream "${stream}": ${reason}`;
    return new PersistenceError("recovery-failed", { message, stream, cause });
  }
}
