/** The records of a journal in maps: what the memory driver and the simulated disk keep. Bodies are copied on their way in and out. */
import { JOURNAL_LIMITS, type NewEvent } from "../ports/journal.ts";
import type { JournalBackend, SnapshotContent } from "./checked-journal.ts";
import type { JournalTable, StreamRecord } from "./journal-machine.ts";

export class MemoryTable implements JournalTable<NewEvent, SnapshotContent> {
  readonly #streams = new Map<string, StreamRecord>();
  /** By number of the stream, then by sequence. */
  readonly #events = new Map<number, Map<number, NewEvent>>();
  readonly #snapshots = new Map<number, Map<number, SnapshotContent>>();
  #lastNumber = 0;

  nextNumber(): number {
    return ++this.#lastNumber;
  }

  stream(name: string): StreamRecord | undefined {
    return this.#streams.get(name);
  }

  putStream(name: string, record: StreamRecord): void {
    this.#streams.set(name, record);
  }

  removeStream(name: string): void {
    this.#streams.delete(name);
  }

  streamNames({
    prefix,
    after,
    limit,
  }: {
    readonly prefix: string;
    readonly after: string;
    readonly limit: number;
  }): readonly string[] {
    return [...this.#streams.keys()]
      .filter((name) => name.startsWith(prefix) && compareCodePoints(name, after) > 0)
      .toSorted(compareCodePoints)
      .slice(0, limit);
  }

  putEvent(number: number, sequence: number, body: NewEvent): void {
    let events = this.#events.get(number);
    if (events === undefined) this.#events.set(number, (events = new Map()));
    events.set(sequence, body);
  }

  events(number: number, { from, limit }: { readonly from: number; readonly limit: number }): readonly NewEvent[] {
    const events = this.#events.get(number);
    const page: NewEvent[] = [];
    for (let bytes = 0; page.length < limit && bytes < JOURNAL_LIMITS.pageBytes;) {
      const event = events?.get(from + page.length);
      if (event === undefined) throw new Error(`MemoryTable: stream ${number} has no event ${from + page.length}`);
      bytes += event.payload.length;
      page.push(event);
    }
    return page;
  }

  dropEvents(number: number, { from, to }: { readonly from: number; readonly to: number }): void {
    const events = this.#events.get(number);
    for (let sequence = from; sequence <= to; sequence++) events?.delete(sequence);
    if (events?.size === 0) this.#events.delete(number);
  }

  putSnapshot(number: number, sequence: number, body: SnapshotContent): void {
    let snapshots = this.#snapshots.get(number);
    if (snapshots === undefined) this.#snapshots.set(number, (snapshots = new Map()));
    snapshots.set(sequence, body);
  }

  snapshot(number: number, sequence: number): SnapshotContent {
    const found = this.#snapshots.get(number)?.get(sequence);
    if (found === undefined) throw new Error(`MemoryTable: stream ${number} has no snapshot ${sequence}`);
    return found;
  }

  snapshotSequences(number: number): readonly number[] {
    return [...(this.#snapshots.get(number)?.keys() ?? [])].toSorted((a, b) => a - b);
  }

  dropSnapshot(number: number, sequence: number): void {
    const snapshots = this.#snapshots.get(number);
    snapshots?.delete(sequence);
    if (snapshots?.size === 0) this.#snapshots.delete(number);
  }
}

/** Bodies as they are kept in memory. A caller that changes its bytes afterwards changes nothing here. */
export const memoryBodies: Pick<
  JournalBackend<NewEvent, SnapshotContent>,
  "encodeEvent" | "decodeEvent" | "encodeSnapshot" | "decodeSnapshot"
> = {
  encodeEvent: copyEvent,
  decodeEvent: copyEvent,
  encodeSnapshot: copySnapshot,
  decodeSnapshot: copySnapshot,
};

function copyEvent({ manifest, version, wallMs, tags, payload }: NewEvent): NewEvent {
  return { manifest, version, wallMs, tags: [...tags], payload: payload.slice() };
}

function copySnapshot({ manifest, version, wallMs, payload }: SnapshotContent): SnapshotContent {
  return { manifest, version, wallMs, payload: payload.slice() };
}

/** The order of UTF-8 bytes, which that of UTF-16 units is not: surrogates stand before U+E000. */
function compareCodePoints(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const difference = (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
