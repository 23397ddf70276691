/** What a Raft actor is made with: its stores, whom it tells, and how it is to behave. */
import type { LogStore } from "../../runtime/ports/log-store.ts";
import type { SnapshotStore } from "../../runtime/ports/snapshot-store.ts";
import type { Ref } from "../../runtime/ref.ts";
import type { RaftEvent } from "./raft-actor-protocol.ts";
import type { RaftView } from "./core/raft-core.ts";
import type { RaftLimits, RaftPreferences, RaftTiming } from "./core/raft-options.ts";
import type { RaftRules } from "./core/raft-rules.ts";
import type { TraceEvent } from "./trace.ts";

/** What a Raft actor is made with. */
export interface RaftActorOptions {
  /**
   * Names of the nodes that make the cluster when all of them have empty disks, the same at all of them; later, whom to ask.
   * This node may be absent: then it never forms a cluster, and waits to be added to one.
   */
  readonly voters: readonly string[];
  readonly store: LogStore;
  readonly snapshots: SnapshotStore;
  /** Gets every `RaftEvent`. It must be an actor of this node. */
  readonly subscriber: Ref<RaftEvent>;
  /** Path of the Raft actor at every node. Default "raft". */
  readonly path?: string;
  readonly timing?: Partial<RaftTiming>;
  readonly limits?: Partial<RaftLimits>;
  /** Reads by lease, and who had better lead. */
  readonly preferences?: Partial<RaftPreferences>;
  readonly snapshotting?: Partial<SnapshotOptions>;
  /** Only to plant a fault; see `planted-faults.ts`. */
  readonly rules?: RaftRules;
  /** Called once the member takes part, with a look at the core that stays valid. For checkers. */
  onStart?(view: RaftView): void;
  /** Called for each step of the member, with what it did. Default: none, which costs nothing. See docs/raft-trace.md. */
  onTrace?(event: TraceEvent): void;
}

/** When snapshots are made, and how fast they travel. */
export interface SnapshotOptions {
  /**
   * A snapshot is due when so many entries were applied since the last one. Default 100,000: some 20 MB of memory for small
   * entries, and a restart that applies them takes under a second.
   */
  readonly everyEntries: number;
  /** … or when the payloads of so many bytes were. Default 64 MiB, what a member holds of its log in memory, twice while one is made. */
  readonly everyBytes: number;
  /**
   * Most bytes a second that this member sends of snapshots, to all peers together. Default 32 MiB: a quarter of a link of
   * 1 Gbit/s, so that entries and heartbeats pass.
   */
  readonly bytesPerSecondMax: number;
}

/** When snapshots are made and how fast they travel, unless options say otherwise. */
export const DEFAULT_SNAPSHOT_OPTIONS: SnapshotOptions = {
  everyEntries: 100_000,
  everyBytes: 67_108_864,
  bytesPerSecondMax: 33_554_432,
};
