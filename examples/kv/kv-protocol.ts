/**
 * What clients and a node say to each other: WebSocket frames, each one array in MessagePack that carries whatever waits.
 *
 *     requests   id, kind, bytes, session       four elements each; session: null, or [name, sequence, after]
 *     replies    id, outcome, index, bytes      four elements each; in any order
 *
 * Ids are the client's, unique on its connection among what is not answered. The codec scans what comes before it decodes it, and a
 * frame that is not of this form ends the connection.
 */
import type { SessionUse } from "../../actors/raft/sessions/session-table.ts";
import type { PayloadCodec } from "../../runtime/ports/payload-codec.ts";

/** Only ever appended. */
export const REQUEST_KINDS = {
  write: 1,
  /** Linearizable. */
  read: 2,
  /** From the map of the node that is asked, whatever has happened elsewhere. */
  staleRead: 3,
  /** Answered with JSON. */
  status: 4,
} as const;

export const OUTCOMES = {
  ok: 1,
  /** Certainly not done by this attempt. The bytes are the address where the leader serves; empty when none is known. */
  notLeader: 2,
  /** Certainly not done by this attempt: too much waits, or the disk has no room. The bytes say which. */
  overloaded: 3,
  /** It may have been done, or be done later. */
  unknown: 4,
  /** Certainly not done by this attempt, and trying again will not help. The bytes say why. */
  refused: 5,
} as const;

export interface KvRequest {
  readonly id: number;
  readonly kind: number;
  readonly bytes: Uint8Array;
  readonly session: SessionUse | null;
}

export interface KvReply {
  /** One of `OUTCOMES`. */
  readonly outcome: number;
  /** An index of the log that the node had applied; what a session's next new request names as `after`. */
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** The largest frame that is taken, in bytes. */
export const FRAME_BYTES_MAX: number = 16 * 1024 * 1024;

const ELEMENTS = 4;

/** @throws {TypeError} when the frame is not one of requests. */
export function readRequests(frame: Uint8Array, codec: PayloadCodec): readonly KvRequest[] {
  const elements = readElements(frame, codec);
  const requests: KvRequest[] = [];
  for (let i = 0; i < elements.length; i += ELEMENTS) {
    const id = elements[i];
    const kind = elements[i + 1];
    const bytes = elements[i + 2];
    if (!isUint(id) || !isUint(kind) || !(bytes instanceof Uint8Array)) throw notAFrame();
    requests.push({ id, kind, bytes, session: readSession(elements[i + 3]) });
  }
  return requests;
}

/** Calls `take` for each reply. @throws {TypeError} when the frame is not one of replies. */
export function readReplies(frame: Uint8Array, codec: PayloadCodec, take: (id: number, reply: KvReply) => void): void {
  const elements = readElements(frame, codec);
  for (let i = 0; i < elements.length; i += ELEMENTS) {
    const id = elements[i];
    const outcome = elements[i + 1];
    const index = elements[i + 2];
    const bytes = elements[i + 3];
    if (!isUint(id) || !isUint(outcome) || !isUint(index) || !(bytes instanceof Uint8Array)) throw notAFrame();
    take(id, { outcome, index, bytes });
  }
}

function readElements(frame: Uint8Array, codec: PayloadCodec): readonly unknown[] {
  const elements = codec.decode(frame);
  if (!Array.isArray(elements) || elements.length % ELEMENTS !== 0) throw notAFrame();
  return elements;
}

function readSession(value: unknown): SessionUse | null {
  if (value === null) return null;
  if (!Array.isArray(value)) throw notAFrame();
  const [session, sequence, after] = value as readonly unknown[];
  if (typeof session !== "string" || !isUint(sequence) || !isUint(after)) throw notAFrame();
  return { session, sequence, after };
}

function isUint(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function notAFrame(): TypeError {
  return new TypeError("Cannot read a frame: it is not made of what it should be");
}
