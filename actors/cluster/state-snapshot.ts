/**
 * The replicated state as a stream of chunks and back: a record for the head, then one for each resource, coordination record and
 * session, then one that says how many there were.
 *
 * A view is taken at once and costs copies of lists; records are encoded when their chunk is asked for, so the replica applies and
 * answers between two chunks. Restoring replaces nothing before the last chunk.
 */
import { StoreError, type PayloadCodec } from "../../runtime/index.ts";
import type { CoordinationRecord } from "../coordination/coordination-record.ts";
import { RecordChunks, RecordReader } from "../raft/machine/record-stream.ts";
import type { Session } from "../raft/sessions/session-table.ts";
import type { Resource } from "../resources/index.ts";
import { FIRST_LEVEL, requireLevel } from "./cluster-level.ts";
import type { StateView } from "./cluster-state.ts";
import type { FirstOutcome } from "./first-outcome.ts";
import type { NotedMembers } from "./membership-commands.ts";

/**
 * Of what is written here; a version that changes what a record means counts it up. The second has the cluster's level, and is written by a cluster
 * beyond the first: software of before levels refuses it, and software of that cluster's level need not read the first for long.
 */
const FORMATS = { withoutLevel: 1, withLevel: 2 } as const;

const KNOWN_FORMATS: readonly number[] = Object.values(FORMATS);

/** Tags are appended, never reused. */
type SnapshotRecord =
  | {
      readonly type: "head";
      readonly format: number;
      readonly applied: number;
      /** Term of the last entry that was applied. */
      readonly term: number;
      readonly timeMs: number;
      readonly forgottenThrough: number;
      readonly members: NotedMembers | null;
      /** Of the cluster; absent in format 1, where it is the first. */
      readonly level?: number;
    }
  | { readonly type: "resource"; readonly resource: Resource }
  | { readonly type: "coordination"; readonly record: CoordinationRecord }
  | { readonly type: "session"; readonly id: string; readonly session: Session<FirstOutcome> }
  /** How many records came before this one. */
  | { readonly type: "end"; readonly records: number };

/** A state and the term of the last entry that it has applied. */
export interface StateAt {
  readonly view: StateView;
  readonly term: number;
}

/** Cuts a view into chunks that are made when they are asked for. */
export function snapshotChunks({ view, term }: StateAt, codec: PayloadCodec): RecordChunks {
  const records = recordsOf(view, term);
  return new RecordChunks(() => {
    const next = records.next();
    return next.done === true ? null : codec.encode(next.value);
  });
}

function* recordsOf(view: StateView, term: number): Generator<SnapshotRecord, void> {
  const { applied, timeMs, members, level, resources, coordination, sessions } = view;
  const { forgottenThrough } = sessions;
  const head = { type: "head", applied, term, timeMs, forgottenThrough, members } as const;
  yield level === FIRST_LEVEL
    ? { ...head, format: FORMATS.withoutLevel }
    : { ...head, format: FORMATS.withLevel, level };
  for (const resource of resources) yield { type: "resource", resource };
  for (const record of coordination) yield { type: "coordination", record };
  for (const [id, session] of sessions.sessions) yield { type: "session", id, session };
  yield { type: "end", records: 1 + resources.length + coordination.length + sessions.sessions.length };
}

type Head = Extract<SnapshotRecord, { readonly type: "head" }>;

/** Reads chunks in order. */
export class SnapshotReader {
  readonly #codec: PayloadCodec;
  readonly #reader = new RecordReader();
  readonly #resources: Resource[] = [];
  readonly #coordination: CoordinationRecord[] = [];
  readonly #sessions: [string, Session<FirstOutcome>][] = [];
  #head: Head | null = null;
  #records = 0;
  #ended = false;

  constructor(codec: PayloadCodec) {
    this.#codec = codec;
  }

  /** @throws {StoreError} `store-version` for a format or a record that this version does not know. */
  add(chunk: Uint8Array): void {
    for (const bytes of this.#reader.add(chunk)) this.#take(this.#codec.decode(bytes) as SnapshotRecord);
  }

  /** @throws {StoreError} `store-corrupt` when something is missing. */
  finish(): StateAt {
    const head = this.#head;
    if (head === null || !this.#ended || !this.#reader.isAtEnd) {
      throw incomplete(`it ends after ${this.#records} records`);
    }
    const { applied, term, timeMs, members, level = FIRST_LEVEL, forgottenThrough } = head;
    const sessions = { forgottenThrough, sessions: this.#sessions };
    const view = {
      applied,
      timeMs,
      members,
      level,
      resources: this.#resources,
      coordination: this.#coordination,
      sessions,
    };
    return { view, term };
  }

  #take(record: SnapshotRecord): void {
    if (this.#head === null && (record.type !== "head" || !KNOWN_FORMATS.includes(record.format))) {
      const told = record.type === "head" ? record.format : "none";
      throw unknownFormat(`its format is ${told}, this version knows ${KNOWN_FORMATS.join(" and ")}`);
    }
    switch (record.type) {
      case "head":
        requireLevel(record.level ?? FIRST_LEVEL, PATH);
        this.#head = record;
        break;
      case "resource":
        this.#resources.push(record.resource);
        break;
      case "coordination":
        this.#coordination.push(record.record);
        break;
      case "session":
        this.#sessions.push([record.id, record.session]);
        break;
      case "end":
        if (record.records !== this.#records) {
          throw incomplete(`it holds ${this.#records} records, wanted ${record.records}`);
        }
        this.#ended = true;
        break;
      default:
        record satisfies never;
        throw unknownFormat("a record of it is of a kind that this version does not know");
    }
    this.#records += 1;
  }
}

const PATH = "the snapshot of the replicated state";

function unknownFormat(why: string): StoreError {
  const hint = "start the version that made it";
  return new StoreError("store-version", { message: `Cannot restore the replicated state: ${why}`, path: PATH, hint });
}

function incomplete(why: string): StoreError {
  const hint = "replace the data folder of this node; it gets the state from the others";
  return new StoreError("store-corrupt", { message: `Cannot restore the replicated state: ${why}`, path: PATH, hint });
}
