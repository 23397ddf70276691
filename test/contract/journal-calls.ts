/** Short ways to use a journal in a test: promises for callbacks, events by their text. */
import { jsonCodec, type Journal, type JournalResult, type NewEvent, type StoredEvent } from "../../runtime/index.ts";

/** @throws {StoreError} when the journal says so. */
export function called<Value>(call: (done: (result: JournalResult<Value>) => void) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    call((result) => (result.ok ? resolve(result.value) : reject(result.error)));
  });
}

export function event(text: string, details: Partial<NewEvent> = {}): NewEvent {
  return {
    manifest: "said",
    version: 1,
    wallMs: 1_700_000_000_000,
    tags: [],
    payload: jsonCodec.encode(text),
    ...details,
  };
}

export function textOf({ payload }: { readonly payload: Uint8Array }): string {
  return jsonCodec.decode(payload) as string;
}

/** Appends texts to a stream of which this writer knows the end. */
export async function say(
  journal: Journal,
  at: { readonly stream: string; readonly epoch: number; readonly after: number },
  ...words: readonly string[]
): Promise<number> {
  const append = { ...at, events: words.map((text) => event(text)) };
  const { lastSequence } = await called<{ readonly lastSequence: number }>((done) => journal.append(append, done));
  return lastSequence;
}

/** All events from `from` on, page by page. */
export async function readAll(journal: Journal, stream: string, from = 1): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let next: number | null = from; next !== null;) {
    const at: number = next;
    const page = await called<{ readonly events: readonly StoredEvent[]; readonly next: number | null }>((done) =>
      journal.read({ stream, from: at }, done),
    );
    events.push(...page.events);
    next = page.next;
  }
  return events;
}

/** What a stream says, by sequence. */
export async function texts(journal: Journal, stream: string, from = 1): Promise<readonly string[]> {
  return (await readAll(journal, stream, from)).map((one) => `${one.sequence} ${textOf(one)}`);
}

export function closed(journal: Journal): Promise<void> {
  return new Promise((resolve) => journal.close(resolve));
}
