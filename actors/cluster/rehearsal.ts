/**
 * A start of a member on what its disk holds, without the member: its snapshot is read through and restored, and its log applied behind it. Whoever is
 * about to count on one disk alone (`blixard cluster recover`) learns by it, before anything is written, what a node that starts there would die of.
 *
 * What it does is what the replica does (`replica.ts`), committed or not: behind a recovery all that the log holds is.
 */
import type { LogEntry, PayloadCodec, SnapshotStore } from "../../runtime/index.ts";
import { decodeConfiguration } from "../raft/core/configuration-codec.ts";
import type { MemberStart } from "../raft/member-start.ts";
import { readThrough } from "../raft/transfer/read-through.ts";
import { KINDS, type Kind } from "../resources/resource.ts";
import { ClusterState } from "./cluster-state.ts";
import type { Proposal } from "./commands.ts";
import { SnapshotReader } from "./state-snapshot.ts";

export type Rehearsal =
  /** How many resources of each kind it would serve. */
  | { readonly ok: true; readonly counts: readonly (readonly [Kind, number])[] }
  /** `why`: of what is broken, as an end of "Cannot recover from …: ". */
  | { readonly ok: false; readonly why: string };

export interface RehearsalOptions {
  readonly start: MemberStart;
  /** Loaded; `start` is of it. */
  readonly snapshots: SnapshotStore;
  readonly codec: PayloadCodec;
}

/** Calls `done` once, maybe before it returns. */
export function rehearse({ start, snapshots, codec }: RehearsalOptions, done: (result: Rehearsal) => void): void {
  const state = new ClusterState();
  const { entries } = start.loaded;
  const snapshot = start.snapshots.newest;
  const apply = (): void => done(applyAll(state, entries, codec));
  if (snapshot === null) return apply();
  const reader = new SnapshotReader(codec);
  const broken = (fault: string): void =>
    done({ ok: false, why: `its snapshot as of index ${snapshot.index} cannot be read through: ${fault}` });
  readThrough({
    snapshots,
    snapshot,
    take: (chunk) => reader.add(chunk),
    done: (fault) => {
      if (fault !== undefined) return broken(fault);
      try {
        state.restore(reader.finish().view);
      } catch (error) {
        return broken((error as Error).message);
      }
      if (state.applied === snapshot.index) apply();
      else broken(`it holds the state as of index ${state.applied}`);
    },
  });
}

function applyAll(state: ClusterState, entries: readonly LogEntry[], codec: PayloadCodec): Rehearsal {
  for (const { index, term, type, payload } of entries) {
    if (index <= state.applied) continue;
    try {
      if (type === "configuration") decodeConfiguration(payload);
      if (type === "command") state.apply(index, codec.decode(payload) as Proposal);
      else state.skip(index);
    } catch (error) {
      const why = `entry ${index} of its log, of term ${term}, cannot be applied: ${(error as Error).message}`;
      return { ok: false, why };
    }
  }
  return { ok: true, counts: KINDS.map((kind) => [kind, state.list(kind).length]) };
}
