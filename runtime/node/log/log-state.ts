/**
 * What the log store keeps beside the log: who the member is, its term and vote, where the log begins, and which segments it has. One
 * record in `hard-state.mdb`, replaced by one durable LMDB transaction, so that a crash separates nothing in it (fault 5).
 */
import { existsSync } from "node:fs";
import type { LogDamage, MemberIdentity } from "../../ports/log-store.ts";
import { LmdbFileError, readLmdbFile, type LmdbRecord } from "../lmdb-file.ts";
import { checkFormat, jsonRecord, parseJsonRecord, RecordError } from "../sealed-record.ts";

export const LOG_FORMAT = 2;

export interface LogState {
  /** Drawn when the folder was first used; every sector of the log carries it. */
  readonly salt: number;
  readonly identity: MemberIdentity | null;
  /**
   * The identity before this one, and the batch that was written together with it: while the log does not hold that batch, the former
   * one counts. Null when the identity was written alone.
   */
  readonly before: { readonly identity: MemberIdentity | null; readonly sequence: number } | null;
  readonly term: number;
  readonly vote: string | null;
  readonly base: LogBase;
  /** Numbers of the segments that hold the log; `lastSegment` is one less than `firstSegment` when there are none. */
  readonly firstSegment: number;
  readonly lastSegment: number;
  /** Of the first batch in the first segment. */
  readonly firstSequence: number;
  /** Found at a start, and not replaced yet. */
  readonly damage: LogDamage | null;
}

/** The log begins behind it. */
export interface LogBase {
  readonly index: number;
  readonly term: number;
  /** The newest batch when it was set. A reset of the log in a later one counts more. */
  readonly sequence: number;
}

const KEY = { format: 0, state: 1 } as const;

export function newState(salt: number): LogState {
  return {
    salt,
    identity: null,
    before: null,
    term: 0,
    vote: null,
    base: { index: 0, term: 0, sequence: 0 },
    firstSegment: 1,
    lastSegment: 0,
    firstSequence: 1,
    damage: null,
  };
}

export function formatRecord(): LmdbRecord {
  return jsonRecord(KEY.format, { format: LOG_FORMAT });
}

export function stateRecord(state: LogState): LmdbRecord {
  return jsonRecord(KEY.state, state);
}

/**
 * What the file holds; null when nothing was ever written.
 * @throws {LmdbFileError} or {RecordError} when it is damaged, or missing though its lock file is there.
 */
export function readState(path: string): LogState | null {
  if (!existsSync(path)) {
    if (existsSync(`${path}-lock`)) throw new LmdbFileError("it is missing, though it was here before");
    return null;
  }
  const [format, state, ...more] = readLmdbFile(path);
  checkFormat(format, KEY.format, LOG_FORMAT);
  if (state === undefined) return null;
  if (state.key[0] !== KEY.state || more.length > 0) throw new RecordError("it has records of unknown kinds");
  return parseJsonRecord(state) as LogState;
}
