/**
 * The half of a journal that every driver has: from the port's calls to the machine's, and from its answers back.
 *
 *     Journal ──▶ CheckedJournal ──▶ JournalBackend: a thread with LMDB | maps in memory | the simulated disk
 */
import {
  JOURNAL_LIMITS,
  type Journal,
  type JournalAppend,
  type JournalDeletion,
  type JournalPage,
  type JournalRange,
  type JournalResult,
  type NewEvent,
  type Snapshot,
  type SnapshotSave,
  type StoredEvent,
  type StreamHead,
  type StreamQuery,
} from "../ports/journal.ts";
import { StoreError, type StoreErrorCode } from "../ports/store-error.ts";
import { checkAppend, checkNumber, checkSnapshot, checkStreamName, type CheckFailure } from "./journal-checks.ts";
import type { JournalAnswer, JournalCall } from "./journal-machine.ts";

/** A snapshot without its place. */
export type SnapshotContent = Omit<Snapshot, "sequence">;

/** What carries the calls out: the part of a driver that differs. */
export interface JournalBackend<EventBody, SnapshotBody> {
  /** Where it keeps everything, for error messages. */
  readonly path: string;
  encodeEvent(event: NewEvent): EventBody;
  decodeEvent(body: EventBody): NewEvent;
  encodeSnapshot(snapshot: SnapshotContent): SnapshotBody;
  decodeSnapshot(body: SnapshotBody): SnapshotContent;
  /** Carries the call out behind all earlier ones; calls `done` when it is durable, or with why nobody knows whether it is. */
  submit(call: JournalCall<EventBody, SnapshotBody>, done: SubmitDone<EventBody, SnapshotBody>): void;
  /** Runs `run` soon, never during this call. */
  later(run: () => void): void;
  close(done: () => void): void;
}

export type SubmitDone<EventBody, SnapshotBody> = (answer: JournalAnswer<EventBody, SnapshotBody> | StoreError) => void;

type Done<Value> = (result: JournalResult<Value>) => void;

const HINTS: Readonly<Partial<Record<StoreErrorCode, string>>> = {
  "store-busy": "repeat it later; nothing of it was written",
  "store-closed": "stop the actors before their journal is closed",
  fenced: "let the younger writer go on; when two take turns, see who starts both",
  "wrong-sequence": "open the stream again and read to its end before appending",
  "events-deleted": "recover from a snapshot, of a version that this program can read",
  "too-large": "write less at once, or keep large values beside the journal",
  "invalid-name": "use 1 to 512 bytes of UTF-8 for a stream, at most 256 for a manifest or a tag",
  "store-corrupt": "restore its folder from a backup, or delete the stream",
};

export class CheckedJournal<EventBody, SnapshotBody> implements Journal {
  readonly #backend: JournalBackend<EventBody, SnapshotBody>;
  #closed = false;

  constructor(backend: JournalBackend<EventBody, SnapshotBody>) {
    this.#backend = backend;
  }

  open(stream: string, done: Done<StreamHead>): void {
    this.#run(
      { type: "open", stream },
      { what: `open stream "${stream}"`, failure: checkStreamName(stream) },
      (answer) => {
        if (answer.type !== "opened") return undefined;
        const { epoch, firstSequence, lastSequence } = answer;
        return { epoch, firstSequence, lastSequence };
      },
      done,
    );
  }

  append(append: JournalAppend, done: Done<{ readonly lastSequence: number }>): void {
    const { stream, epoch, after, events } = append;
    const failure = checkAppend(append);
    const bodies = failure === undefined ? events.map((event) => this.#backend.encodeEvent(event)) : [];
    const what = `append ${events.length} ${events.length === 1 ? "event" : "events"} to stream "${stream}"`;
    this.#run(
      { type: "append", stream, epoch, after, bodies },
      { what, failure },
      (answer) => {
        return answer.type === "appended" ? { lastSequence: answer.lastSequence } : undefined;
      },
      done,
    );
  }

  read({ stream, from, limit = JOURNAL_LIMITS.pageEvents }: JournalRange, done: Done<JournalPage>): void {
    checkNumber("from", from, 1);
    checkNumber("limit", limit, 1);
    const call = { type: "read", stream, from, limit: Math.min(limit, JOURNAL_LIMITS.pageEvents) } as const;
    this.#run(
      call,
      { what: `read stream "${stream}" from ${from}`, failure: checkStreamName(stream) },
      (answer) => {
        if (answer.type !== "page") return undefined;
        const events = answer.bodies.map((body, at): StoredEvent => ({
          sequence: from + at,
          ...this.#backend.decodeEvent(body),
        }));
        return { events, next: answer.next };
      },
      done,
    );
  }

  saveSnapshot({ stream, epoch, snapshot, keep }: SnapshotSave, done: Done<{ readonly oldestSequence: number }>): void {
    checkNumber("epoch", epoch);
    checkNumber("keep", keep, 1);
    const { sequence } = snapshot;
    const failure = checkSnapshot(stream, snapshot);
    const what = `keep a snapshot of stream "${stream}" at ${sequence}`;
    if (failure !== undefined) {
      // What is over a limit may be beyond what a body can be made of.
      this.#refuse(what, failure, done);
      return;
    }
    const body = this.#backend.encodeSnapshot(snapshot);
    this.#run(
      { type: "save-snapshot", stream, epoch, sequence, body, keep },
      { what, failure },
      (answer) => {
        return answer.type === "saved" ? { oldestSequence: answer.oldestSequence } : undefined;
      },
      done,
    );
  }

  loadSnapshot(stream: string, upTo: number, done: Done<Snapshot | null>): void {
    checkNumber("upTo", upTo);
    const subject = { what: `read a snapshot of stream "${stream}"`, failure: checkStreamName(stream) };
    this.#run(
      { type: "load-snapshot", stream, upTo },
      subject,
      (answer) => {
        if (answer.type !== "snapshot") return undefined;
        const { found } = answer;
        return found === null ? null : { sequence: found.sequence, ...this.#backend.decodeSnapshot(found.body) };
      },
      done,
    );
  }

  deleteEvents({ stream, epoch, upTo }: JournalDeletion, done: Done<{ readonly firstSequence: number }>): void {
    checkNumber("epoch", epoch);
    checkNumber("upTo", upTo);
    const subject = { what: `delete events of stream "${stream}" up to ${upTo}`, failure: checkStreamName(stream) };
    this.#run(
      { type: "delete-events", stream, epoch, upTo },
      subject,
      (answer) => {
        return answer.type === "deleted" ? { firstSequence: answer.firstSequence } : undefined;
      },
      done,
    );
  }

  listStreams(query: StreamQuery, done: Done<readonly string[]>): void {
    const { prefix = "", after = "", limit = JOURNAL_LIMITS.pageStreams } = query;
    checkNumber("limit", limit, 1);
    const call = { type: "list-streams", prefix, after, limit: Math.min(limit, JOURNAL_LIMITS.pageStreams) } as const;
    const failure =
      (prefix === "" ? undefined : checkStreamName(prefix)) ?? (after === "" ? undefined : checkStreamName(after));
    this.#run(
      call,
      { what: "list streams", failure },
      (answer) => (answer.type === "streams" ? answer.names : undefined),
      done,
    );
  }

  deleteStream(stream: string, done: Done<null>): void {
    const subject = { what: `delete stream "${stream}"`, failure: checkStreamName(stream) };
    this.#run(
      { type: "delete-stream", stream },
      subject,
      (answer) => (answer.type === "forgotten" ? null : undefined),
      done,
    );
  }

  close(done: () => void): void {
    this.#closed = true;
    this.#backend.close(done);
  }

  /** `value` takes out of the answer what the caller wants; undefined for an answer to another call. */
  #run<Value>(
    call: JournalCall<EventBody, SnapshotBody>,
    subject: { readonly what: string; readonly failure: CheckFailure | undefined },
    value: (answer: JournalAnswer<EventBody, SnapshotBody>) => Value | undefined,
    done: Done<Value>,
  ): void {
    const failure = this.#closed ? ({ code: "store-closed", reason: "it is closed" } as const) : subject.failure;
    if (failure !== undefined) {
      this.#refuse(subject.what, failure, done);
      return;
    }
    this.#backend.submit(call, (answer) => {
      if (answer instanceof StoreError) done({ ok: false, error: answer });
      else if (answer.type === "refused") done({ ok: false, error: this.#error(subject.what, answer) });
      else {
        const found = value(answer);
        if (found === undefined) throw new Error(`The journal answered "${call.type}" with "${answer.type}"`);
        done({ ok: true, value: found });
      }
    });
  }

  #refuse<Value>(what: string, failure: CheckFailure, done: Done<Value>): void {
    this.#backend.later(() => done({ ok: false, error: this.#error(what, failure) }));
  }

  #error(what: string, { code, reason }: CheckFailure): StoreError {
    const { path } = this.#backend;
    const message = `Cannot ${what} of journal "${path}": ${reason}`;
    return new StoreError(code, { message, path, hint: HINTS[code] ?? "see docs/errors.md" });
  }
}
