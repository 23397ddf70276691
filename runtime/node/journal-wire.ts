/**
 * What the LMDB journal and its thread say to each other: many calls at once, their bodies one behind the other in one buffer, which
 * changes hands without a copy. On the way a body is its length.
 */
import type { StoreErrorCode } from "../ports/store-error.ts";
import type { JournalAnswer, JournalCall } from "../persistence/journal-machine.ts";

export interface JournalThreadOptions {
  /** The file; made if it is missing. */
  readonly path: string;
}

export interface JournalBatch {
  readonly type: "batch";
  readonly calls: readonly JournalCall<number, number>[];
  readonly bytes: Uint8Array;
}

export type JournalThreadReply =
  | { readonly type: "opened" }
  | {
      readonly type: "unopened";
      readonly code: StoreErrorCode;
      readonly message: string;
      readonly hint: string;
    }
  /** Everything of the batch is durable. */
  | { readonly type: "done"; readonly answers: readonly JournalAnswer<number, number>[]; readonly bytes: Uint8Array }
  /** Nothing more is written. */
  | { readonly type: "failed"; readonly full: boolean; readonly message: string };

export type Call = JournalCall<Uint8Array, Uint8Array>;
export type Answer = JournalAnswer<Uint8Array, Uint8Array>;

interface Packed<Item> {
  readonly items: readonly Item[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export function packCalls(calls: readonly Call[]): Packed<JournalCall<number, number>> {
  const bodies: Uint8Array[] = [];
  const items = calls.map((call) => mapCall(call, measured(bodies)));
  return { items, bytes: joined(bodies) };
}

/** Bodies are views into `bytes`. */
export function unpackCalls(calls: readonly JournalCall<number, number>[], bytes: Uint8Array): readonly Call[] {
  const next = viewed(bytes);
  return calls.map((call) => mapCall(call, next));
}

export function packAnswers(answers: readonly Answer[]): Packed<JournalAnswer<number, number>> {
  const bodies: Uint8Array[] = [];
  const items = answers.map((answer) => mapAnswer(answer, measured(bodies)));
  return { items, bytes: joined(bodies) };
}

/** Bodies are views into `bytes`. */
export function unpackAnswers(answers: readonly JournalAnswer<number, number>[], bytes: Uint8Array): readonly Answer[] {
  const next = viewed(bytes);
  return answers.map((answer) => mapAnswer(answer, next));
}

function mapCall<From, To>(call: JournalCall<From, From>, map: (body: From) => To): JournalCall<To, To> {
  if (call.type === "append") return { ...call, bodies: call.bodies.map(map) };
  return call.type === "save-snapshot" ? { ...call, body: map(call.body) } : call;
}

function mapAnswer<From, To>(answer: JournalAnswer<From, From>, map: (body: From) => To): JournalAnswer<To, To> {
  if (answer.type === "page") return { ...answer, bodies: answer.bodies.map(map) };
  if (answer.type !== "snapshot" || answer.found === null) return answer as JournalAnswer<To, To>;
  return { type: "snapshot", found: { sequence: answer.found.sequence, body: map(answer.found.body) } };
}

function measured(bodies: Uint8Array[]): (body: Uint8Array) => number {
  return (body) => {
    bodies.push(body);
    return body.length;
  };
}

function viewed(bytes: Uint8Array): (length: number) => Uint8Array {
  let at = 0;
  return (length) => bytes.subarray(at, (at += length));
}

function joined(bodies: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(bodies.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const body of bodies) {
    bytes.set(body, at);
    at += body.length;
  }
  return bytes;
}
