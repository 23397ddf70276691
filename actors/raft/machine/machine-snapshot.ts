/**
 * The records of a machine's snapshot and back. The first is the head, then one for each session in order of last use, then the
 * parts of the embedder's machine. They are cut into chunks by `record-stream.ts`.
 *
 *     head     format, 1 │ applied, 6 │ replicated time, 6 │ forgotten through, 6 │ sessions, 6
 *     session  sequence, 6 │ used at, 6 │ used at ms, 6 │ index of the reply, 6 │ length of the name, 1 │ name │ reply
 */
import { crc32, StoreError } from "../../../runtime/index.ts";
import type { Session, SessionsView } from "../sessions/session-table.ts";
import { readAscii } from "./machine-entry.ts";
import { RecordReader } from "./record-stream.ts";
import type { MachineRestore, MachineSnapshot } from "./state-machine.ts";
import { readUint48, UINT48_BYTES, writeUint48 } from "./uint48.ts";

/** The reply to a command the first time, and where it stood. */
export interface FirstReply {
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** Of what is written here. A later version reads this one too, or says so in its changelog. */
const FORMAT = 1;

const HEAD_FIELDS = 4;
const SESSION_FIELDS = 4;

interface Head {
  readonly applied: number;
  readonly timeMs: number;
  readonly forgotten: number;
  /** How many session records follow. */
  readonly sessions: number;
}

/** Gives the records one by one, null after the last; each is made when it is asked for. */
export function snapshotRecords(
  head: { readonly applied: number; readonly timeMs: number },
  view: SessionsView<FirstReply>,
  machine: MachineSnapshot,
): () => Uint8Array | null {
  let given = -1;
  return () => {
    if (given < 0) {
      given = 0;
      return headRecord([head.applied, head.timeMs, view.forgottenThrough, view.sessions.length]);
    }
    const session = view.sessions[given];
    if (session === undefined) return machine.next();
    given += 1;
    return sessionRecord(session[0], session[1]);
  };
}

/** A digest of all that is not the embedder's: equal at equal index, or a member is broken. Costs a pass over the sessions. */
export function digest(
  head: { readonly applied: number; readonly timeMs: number },
  view: SessionsView<FirstReply>,
): string {
  const next = snapshotRecords(head, view, { next: () => null });
  let sum = 0;
  for (let record = next(); record !== null; record = next()) sum = crc32(record, sum);
  return sum.toString(16).padStart(8, "0");
}

/** Reads a snapshot chunk by chunk; nothing is replaced before `finish`. */
export class MachineRestoring {
  readonly #machine: MachineRestore;
  readonly #reader = new RecordReader();
  readonly #sessions: [string, Session<FirstReply>][] = [];
  #head: Head | null = null;

  constructor(machine: MachineRestore) {
    this.#machine = machine;
  }

  /** @throws {StoreError} `store-version` for a format that this version does not know. */
  add(chunk: Uint8Array): void {
    for (const record of this.#reader.add(chunk)) {
      if (this.#head === null) this.#head = readHead(record);
      else if (this.#sessions.length < this.#head.sessions) this.#sessions.push(readSession(record));
      else this.#machine.add(record);
    }
  }

  /** Makes the machine's part the present state. @throws {StoreError} `store-corrupt` when something is missing. */
  finish(): { readonly applied: number; readonly timeMs: number; readonly sessions: SessionsView<FirstReply> } {
    const head = this.#head;
    if (head === null || this.#sessions.length < head.sessions || !this.#reader.isAtEnd) {
      throw incomplete(`it ends inside a record, after ${this.#sessions.length} sessions`);
    }
    this.#machine.finish();
    const sessions = { forgottenThrough: head.forgotten, sessions: this.#sessions };
    return { applied: head.applied, timeMs: head.timeMs, sessions };
  }
}

const PATH = "the snapshot of the machine";

/** What was written is not what is read, though its chunks are whole. */
export function incomplete(why: string): StoreError {
  const message = `Cannot restore the machine: its snapshot is not whole: ${why}`;
  const hint = "replace the data folder of this node; it gets the state from the others";
  return new StoreError("store-corrupt", { message, path: PATH, hint });
}

function headRecord(fields: readonly number[]): Uint8Array {
  const record = new Uint8Array(1 + fields.length * UINT48_BYTES);
  record[0] = FORMAT;
  let at = 1;
  for (const field of fields) at = writeUint48(record, at, field);
  return record;
}

function readHead(record: Uint8Array): Head {
  const format = record[0];
  if (format !== FORMAT || record.length !== 1 + HEAD_FIELDS * UINT48_BYTES) {
    const message = `Cannot restore the machine: its snapshot has format ${format}, this version knows ${FORMAT}`;
    throw new StoreError("store-version", { message, path: PATH, hint: "start the version that made it" });
  }
  const field = (number: number): number => readUint48(record, 1 + number * UINT48_BYTES);
  return { applied: field(0), timeMs: field(1), forgotten: field(2), sessions: field(3) };
}

function sessionRecord(id: string, { sequence, usedAt, usedAtMs, first }: Session<FirstReply>): Uint8Array {
  const nameAt = SESSION_FIELDS * UINT48_BYTES + 1;
  const record = new Uint8Array(nameAt + id.length + first.bytes.length);
  let at = 0;
  for (const field of [sequence, usedAt, usedAtMs, first.index]) at = writeUint48(record, at, field);
  record[at] = id.length;
  for (let i = 0; i < id.length; i++) record[nameAt + i] = id.charCodeAt(i);
  record.set(first.bytes, nameAt + id.length);
  return record;
}

function readSession(record: Uint8Array): [string, Session<FirstReply>] {
  const field = (number: number): number => readUint48(record, number * UINT48_BYTES);
  const nameAt = SESSION_FIELDS * UINT48_BYTES + 1;
  const replyAt = nameAt + (record[nameAt - 1] ?? 0);
  // A copy: a view would keep the whole chunk alive for as long as the session is remembered.
  const first = { index: field(3), bytes: record.slice(replyAt) };
  return [readAscii(record, nameAt, replyAt), { sequence: field(0), usedAt: field(1), usedAtMs: field(2), first }];
}
