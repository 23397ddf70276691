/** What a replica tells those who watch sessions, leases and shards. */
import type { CoordinationChange, CoordinationKind, CoordinationRecord } from "./coordination-record.ts";

export interface CoordinationSelection {
  readonly kinds: readonly CoordinationKind[];
  /** Only what is about this lease or this kind of shards. */
  readonly subject?: string;
}

export type CoordinationNews =
  /** All that stands of the selection as of `version`; what follows are changes to it. */
  | {
      readonly type: "coordination-synced";
      readonly version: number;
      readonly records: readonly CoordinationRecord[];
    }
  /** What changed, in order, up to `version`. */
  | {
      readonly type: "coordination-changed";
      readonly version: number;
      readonly changes: readonly CoordinationChange[];
    };
