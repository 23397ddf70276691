/**
 * nact's persistence engine on a journal: nact's persistent actors and queries run unchanged, and their events can be read from both sides.
 *
 *     nact                                   journal
 *     persistence key                        stream
 *     event: data, tags, createdAt           event: payload, tags, wallMs; manifest is `data.type` or "nact", version 1
 *     snapshot: data, sequenceNumber         snapshot: payload, sequence; manifest "state", version 1
 *     snapshot of a query, of another key    the last event of stream "nact-query/KEY"
 *
 * So an `eventSourced` actor on the same stream goes on where a nact actor has ended, and the other way round, where both have the same codec
 * and the same shape of events and state.
 *
 * Written against nact 7.6.2 (lib/persistence/): it needs `reduce` of what `events` gives, and promises of the rest.
 */
import type { Journal, JournalPage, JournalResult, Snapshot, StoredEvent, StreamHead } from "../ports/journal.ts";
import type { PayloadCodec } from "../ports/payload-codec.ts";
import { StoreError } from "../ports/store-error.ts";
import { plainJson } from "./plain-json.ts";

/** nact's `PersistedEvent`. */
export interface NactEvent {
  readonly data: unknown;
  readonly sequenceNumber: number;
  readonly key: string;
  readonly tags: string[];
  readonly createdAt: number;
  readonly isDeleted: boolean;
}

/** nact's `PersistedSnapshot`. */
export interface NactSnapshot {
  readonly data: unknown;
  readonly sequenceNumber: number;
  readonly key: string;
  readonly createdAt: number;
}

/** Events of one key, read a page at a time when they are asked for. */
export interface NactEventStream extends PromiseLike<NactEvent[]> {
  reduce<U>(next: (before: U, event: NactEvent, index: number) => U, first: U): Promise<Awaited<U>>;
}

/** nact's `PersistenceEngine`; give it to nact's `configurePersistence`. */
export interface NactPersistenceEngine {
  /** Those after sequence number `offset`, at most `limit`, that have all of `tags`. */
  events(key: string, offset?: number, limit?: number, tags?: readonly string[]): NactEventStream;
  latestSnapshot(key: string): Promise<NactSnapshot | undefined>;
  takeSnapshot(snapshot: NactSnapshot): Promise<void>;
  persist(event: NactEvent): Promise<void>;
}

/** On which journal nact's persistence engine stands. */
export interface NactPersistenceOptions {
  /** What data becomes bytes by. Default: JSON, which refuses what it would not give back as it was. */
  readonly codec?: PayloadCodec;
}

/** Claims that are kept; a key beyond is claimed anew at its next write, which costs one write more. */
const CLAIMS_MAX = 10_000;
const SNAPSHOTS_KEPT = 2;
const MANIFEST = "nact";
/** A longer `type` is data, no name of a kind. */
const MANIFEST_LENGTH_MAX = 64;

/**
 * A persistence engine for nact on a journal.
 *
 * A key is claimed at the first write after its recovery began (`latestSnapshot`), so a second process or system that writes it is fenced,
 * and the promise of its `persist` rejects with a `StoreError`. Does not delete events, as nact does not.
 */
export function createNactPersistenceEngine(
  journal: Journal,
  { codec = plainJson }: NactPersistenceOptions = {},
): NactPersistenceEngine {
  return new JournalEngine(journal, codec);
}

class JournalEngine implements NactPersistenceEngine {
  readonly #journal: Journal;
  readonly #codec: PayloadCodec;
  readonly #claims = new Map<string, Promise<StreamHead>>();

  constructor(journal: Journal, codec: PayloadCodec) {
    this.#journal = journal;
    this.#codec = codec;
  }

  events(key: string, offset = 0, limit = Number.POSITIVE_INFINITY, tags: readonly string[] = []): NactEventStream {
    const all = (): AsyncGenerator<readonly NactEvent[]> => this.#pages(key, { offset, limit, tags });
    return new EventStream(all);
  }

  async latestSnapshot(key: string): Promise<NactSnapshot | undefined> {
    // nact recovers: a new life of the actor, which claims the key anew.
    this.#claims.delete(key);
    const upTo = Number.MAX_SAFE_INTEGER;
    const snapshot = await settled<Snapshot | null>((done) => this.#journal.loadSnapshot(key, upTo, done));
    if (snapshot === null) return this.#queriedSnapshot(key);
    const { payload, sequence, wallMs } = snapshot;
    return { data: this.#codec.decode(payload), sequenceNumber: sequence, key, createdAt: wallMs };
  }

  async takeSnapshot({ data, sequenceNumber, key, createdAt }: NactSnapshot): Promise<void> {
    const { epoch } = await this.#claim(key);
    const payload = this.#codec.encode(data);
    const snapshot = { sequence: sequenceNumber, manifest: "state", version: 1, wallMs: createdAt, payload };
    try {
      await settled((done) => this.#journal.saveSnapshot({ stream: key, epoch, snapshot, keep: SNAPSHOTS_KEPT }, done));
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== "wrong-sequence") throw error;
      this.#claims.delete(key);
      const { lastSequence } = await this.#claim(key);
      if (lastSequence > 0) throw error;
      await this.#keepQueried({ data, sequenceNumber, key, createdAt });
    }
  }

  async persist({ data, sequenceNumber, key, tags, createdAt, isDeleted }: NactEvent): Promise<void> {
    if (isDeleted) throw new Error(`Cannot keep event ${sequenceNumber} of "${key}": it says that it is deleted`);
    const payload = this.#codec.encode(data);
    const { epoch } = await this.#claim(key);
    const event = { manifest: manifestOf(data), version: 1, wallMs: createdAt, tags, payload };
    const append = { stream: key, epoch, after: sequenceNumber - 1, events: [event] };
    await settled((done) => this.#journal.append(append, done));
  }

  async *#pages(
    key: string,
    { offset, limit, tags }: { readonly offset: number; readonly limit: number; readonly tags: readonly string[] },
  ): AsyncGenerator<readonly NactEvent[]> {
    let left = limit;
    for (let next: number | null = offset + 1; next !== null && left > 0;) {
      const from: number = next;
      const page = await settled<JournalPage>((done) => this.#journal.read({ stream: key, from }, done));
      const events = page.events
        .filter((event) => tags.every((tag) => event.tags.includes(tag)))
        .slice(0, left)
        .map((event) => this.#nactEvent(key, event));
      left -= events.length;
      next = page.next;
      yield events;
    }
  }

  #nactEvent(key: string, { payload, sequence, tags, wallMs }: StoredEvent): NactEvent {
    const data = this.#codec.decode(payload);
    return { data, sequenceNumber: sequence, key, tags: [...tags], createdAt: wallMs, isDeleted: false };
  }

  /** A query's snapshot is of the events of another key, so its own stream has none to which the snapshot could belong. */
  async #keepQueried({ data, sequenceNumber, key, createdAt }: NactSnapshot): Promise<void> {
    const stream = queryStream(key);
    const { epoch, lastSequence } = await this.#claim(stream);
    const payload = this.#codec.encode({ data, sequenceNumber });
    const event = { manifest: MANIFEST, version: 1, wallMs: createdAt, tags: [], payload };
    await settled((done) => this.#journal.append({ stream, epoch, after: lastSequence, events: [event] }, done));
    this.#claims.delete(stream);
    if (lastSequence > 0) {
      await settled((done) => this.#journal.deleteEvents({ stream, epoch, upTo: lastSequence }, done));
    }
  }

  async #queriedSnapshot(key: string): Promise<NactSnapshot | undefined> {
    const stream = queryStream(key);
    const [name] = await settled<readonly string[]>((done) =>
      this.#journal.listStreams({ prefix: stream, limit: 1 }, done),
    );
    if (name !== stream) return undefined;
    const { lastSequence } = await this.#claim(stream);
    this.#claims.delete(stream);
    if (lastSequence === 0) return undefined;
    const { events } = await settled<JournalPage>((done) => this.#journal.read({ stream, from: lastSequence }, done));
    const [last] = events;
    if (last === undefined) return undefined;
    const { data, sequenceNumber } = this.#codec.decode(last.payload) as Pick<NactSnapshot, "data" | "sequenceNumber">;
    return { data, sequenceNumber, key, createdAt: last.wallMs };
  }

  #claim(key: string): Promise<StreamHead> {
    const known = this.#claims.get(key);
    if (known !== undefined) return known;
    const claim = settled<StreamHead>((done) => this.#journal.open(key, done));
    this.#claims.set(key, claim);
    claim.catch(() => this.#claims.delete(key));
    const [oldest] = this.#claims.keys();
    if (this.#claims.size > CLAIMS_MAX && oldest !== undefined) this.#claims.delete(oldest);
    return claim;
  }
}

class EventStream implements NactEventStream {
  readonly #pages: () => AsyncGenerator<readonly NactEvent[]>;

  constructor(pages: () => AsyncGenerator<readonly NactEvent[]>) {
    this.#pages = pages;
  }

  async reduce<U>(next: (before: U, event: NactEvent, index: number) => U, first: U): Promise<Awaited<U>> {
    let before = first;
    let index = 0;
    for await (const page of this.#pages()) {
      for (const event of page) before = next(before, event, index++);
      // nact hands promises from call to call; those of one page at a time.
      await before;
    }
    return await before;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- nact's interface has events awaited as well as reduced.
  then<A = NactEvent[], B = never>(
    onFulfilled?: ((events: NactEvent[]) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#collect().then(onFulfilled, onRejected);
  }

  async #collect(): Promise<NactEvent[]> {
    const events: NactEvent[] = [];
    for await (const page of this.#pages()) events.push(...page);
    return events;
  }
}

function settled<Value>(call: (done: (result: JournalResult<Value>) => void) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    call((result) => (result.ok ? resolve(result.value) : reject(result.error)));
  });
}

function queryStream(key: string): string {
  return `nact-query/${key}`;
}

function manifestOf(data: unknown): string {
  const type = typeof data === "object" && data !== null && "type" in data ? data.type : undefined;
  const isName =
    typeof type === "string" && type.length > 0 && type.length <= MANIFEST_LENGTH_MAX && type.isWellFormed();
  return isName ? type : MANIFEST;
}
