/**
 * A delivery store in a journal: one stream of events a sender, the event `seq + 1` is the message `seq`.
 *
 * The first event says the name of the numbering; a snapshot of it stays when the event is deleted with what was confirmed. A
 * second sender on the same stream fences the first one, whose next `append` fails.
 */
import type { Journal, JournalResult, NewEvent, StoredEvent } from "../ports/journal.ts";
import type { PayloadCodec } from "../ports/payload-codec.ts";
import { plainJson } from "../persistence/plain-json.ts";
import type { DeliveryStore, DeliveryStoreResult, StoredDelivery } from "./delivery-store.ts";

/** Where a reliable sender keeps what is not confirmed. */
export interface JournalDeliveryStoreOptions {
  readonly journal: Journal;
  /** The journal's stream, for this sender alone. */
  readonly stream: string;
  /** Default: JSON, which refuses what it would not give back as it was; the sender crashes on such a message. */
  readonly codec?: PayloadCodec;
}

const BEGIN = "delivery-begin";
const MESSAGE = "delivery-message";

/** Messages of one append, and their bytes: within the journal's own limits, 10,000 and 32 MiB. */
const APPEND_MAX = 1000;
const APPEND_BYTES_MAX = 16 * 1024 * 1024;

/** Keeps a reliable sender's messages in a journal (`ctx.journal`); what is confirmed is deleted. */
export function journalDeliveryStore<M>(options: JournalDeliveryStoreOptions): DeliveryStore<M> {
  return new JournalDeliveryStore<M>(options);
}

class JournalDeliveryStore<M> implements DeliveryStore<M> {
  readonly #journal: Journal;
  readonly #stream: string;
  readonly #codec: PayloadCodec;
  #epoch = 0;
  /** What is confirmed, what of it is deleted or being deleted. */
  #confirmed = 0;
  #deleting: number | null = null;

  constructor({ journal, stream, codec = plainJson }: JournalDeliveryStoreOptions) {
    this.#journal = journal;
    this.#stream = stream;
    this.#codec = codec;
  }

  load(fresh: string, done: (result: DeliveryStoreResult<StoredDelivery<M>>) => void): void {
    this.#journal.open(this.#stream, (opened) => {
      if (!opened.ok) {
        done(opened);
        return;
      }
      const { epoch, firstSequence, lastSequence } = opened.value;
      this.#epoch = epoch;
      this.#confirmed = 0;
      this.#deleting = null;
      const named = (name: DeliveryStoreResult<string>): void => {
        if (name.ok) this.#readAll({ name: name.value, from: Math.max(2, firstSequence) }, done);
        else done(name);
      };
      if (lastSequence === 0) this.#begin(fresh, named);
      else this.#readName(lastSequence, named);
    });
  }

  append(after: number, messages: readonly M[], done: (result: DeliveryStoreResult<null>) => void): void {
    let sequence = after + 1;
    let events: NewEvent[] = [];
    let sizeBytes = 0;
    const flush = (answer: (result: JournalResult<unknown>) => void): void => {
      this.#journal.append({ stream: this.#stream, epoch: this.#epoch, after: sequence, events }, answer);
      sequence += events.length;
      events = [];
      sizeBytes = 0;
    };
    for (const message of messages) {
      const event = this.#event(MESSAGE, message);
      const isFull = events.length === APPEND_MAX || sizeBytes + event.payload.length > APPEND_BYTES_MAX;
      // When it fails, those behind it do not fit the end of the stream and fail too, and the last one says so.
      if (isFull && events.length > 0) flush(() => {});
      events.push(event);
      sizeBytes += event.payload.length;
    }
    flush((result) => done(result.ok ? { ok: true, value: null } : result));
  }

  /** One deletion at a time; what is confirmed meanwhile goes with the next one. */
  confirm(seq: number): void {
    this.#confirmed = Math.max(this.#confirmed, seq);
    if (this.#deleting !== null) return;
    const deleting = this.#confirmed;
    this.#deleting = deleting;
    this.#journal.deleteEvents({ stream: this.#stream, epoch: this.#epoch, upTo: deleting + 1 }, (result) => {
      if (this.#deleting !== deleting) return;
      this.#deleting = null;
      if (result.ok && this.#confirmed > deleting) this.confirm(this.#confirmed);
    });
  }

  #begin(fresh: string, named: (name: DeliveryStoreResult<string>) => void): void {
    const events = [this.#event(BEGIN, fresh)];
    this.#journal.append({ stream: this.#stream, epoch: this.#epoch, after: 0, events }, (result) => {
      if (result.ok) this.#keepName(fresh, named);
      else named(result);
    });
  }

  #keepName(name: string, named: (name: DeliveryStoreResult<string>) => void): void {
    const snapshot = { ...this.#event(BEGIN, name), sequence: 1 };
    this.#journal.saveSnapshot({ stream: this.#stream, epoch: this.#epoch, snapshot, keep: 1 }, (result) => {
      named(result.ok ? { ok: true, value: name } : result);
    });
  }

  #readName(lastSequence: number, named: (name: DeliveryStoreResult<string>) => void): void {
    this.#journal.loadSnapshot(this.#stream, lastSequence, (found) => {
      if (!found.ok) named(found);
      else if (found.value !== null) named(this.#decode(found.value.payload));
      else this.#readFirst(named);
    });
  }

  /** A crash came between the first event and its snapshot. */
  #readFirst(named: (name: DeliveryStoreResult<string>) => void): void {
    this.#journal.read({ stream: this.#stream, from: 1, limit: 1 }, (read) => {
      if (!read.ok) {
        named(read);
        return;
      }
      const [first] = read.value.events;
      const name = first === undefined ? undefined : this.#decode<string>(first.payload);
      if (name === undefined) named({ ok: false, error: new Error(`stream "${this.#stream}" has no beginning`) });
      else if (name.ok) this.#keepName(name.value, named);
      else named(name);
    });
  }

  #readAll(
    start: { readonly name: string; readonly from: number },
    done: (result: DeliveryStoreResult<StoredDelivery<M>>) => void,
  ): void {
    const messages: M[] = [];
    const readPage = (from: number): void => {
      this.#journal.read({ stream: this.#stream, from }, (read) => {
        const page = this.#decodePage(read);
        if (!page.ok) {
          done(page);
          return;
        }
        messages.push(...page.value.messages);
        if (page.value.next !== null) readPage(page.value.next);
        else done({ ok: true, value: { stream: start.name, base: start.from - 1, messages } });
      });
    };
    readPage(start.from);
  }

  #decodePage(
    read: JournalResult<{ readonly events: readonly StoredEvent[]; readonly next: number | null }>,
  ): DeliveryStoreResult<{ readonly messages: readonly M[]; readonly next: number | null }> {
    if (!read.ok) return read;
    const messages: M[] = [];
    for (const { payload } of read.value.events) {
      const message = this.#decode<M>(payload);
      if (!message.ok) return message;
      messages.push(message.value);
    }
    return { ok: true, value: { messages, next: read.value.next } };
  }

  /** What stands in the journal may be of another codec. */
  #decode<Value>(payload: Uint8Array): DeliveryStoreResult<Value> {
    try {
      return { ok: true, value: this.#codec.decode(payload) as Value };
    } catch (cause) {
      return { ok: false, error: new Error(`stream "${this.#stream}" holds what its codec cannot read`, { cause }) };
    }
  }

  /** Deliveries have no time of their own, so none is kept. */
  #event(manifest: string, value: unknown): NewEvent {
    return { manifest, version: 1, wallMs: 0, tags: [], payload: this.#codec.encode(value) };
  }
}
