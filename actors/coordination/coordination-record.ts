/** What the coordination state is made of: flat records, each with a key, replaced as a whole and never modified. */

export type CoordinationRecord =
  | SessionRecord
  | LeaseRecord
  | ShardTypeRecord
  | RegionRecord
  | ShardRecord
  | EntityRecord;

/** A node's right to hold anything, for a time. One a node. */
export interface SessionRecord {
  readonly kind: "session";
  readonly node: string;
  /** Index that opened it. */
  readonly session: number;
  /** Index of the last renewal. */
  readonly renewedAt: number;
}

/** A lease that somebody holds. A free one has no record. */
export interface LeaseRecord {
  readonly kind: "lease";
  readonly name: string;
  readonly node: string;
  readonly session: number;
  /** Index at which this session got it; grows from holder to holder. */
  readonly fence: number;
}

export interface ShardTypeRecord {
  readonly kind: "shard-type";
  readonly shardType: string;
  readonly shards: number;
}

/** A node that takes part in a kind of shards. */
export interface RegionRecord {
  readonly kind: "region";
  readonly shardType: string;
  readonly node: string;
  readonly session: number;
  /** Whether it may be the home of shards. */
  readonly hosts: boolean;
}

export interface ShardRecord {
  readonly kind: "shard";
  readonly shardType: string;
  readonly shard: number;
  /** Where it is at home; null while it has none. */
  readonly home: { readonly node: string; readonly session: number } | null;
  /** Index at which it got its home, or the last one; 0 before the first. */
  readonly fence: number;
  /** Its home is asked to stop all of it and to give it away. */
  readonly handingOff: boolean;
  /** The node that it goes to then, if that is still there. */
  readonly to: string | null;
}

/** An entity that the home of its shard starts by itself. */
export interface EntityRecord {
  readonly kind: "entity";
  readonly shardType: string;
  readonly shard: number;
  readonly entity: string;
}

export type CoordinationKind = CoordinationRecord["kind"];

export type CoordinationChange =
  | { readonly type: "put"; readonly record: CoordinationRecord }
  /** The last state before it went. */
  | { readonly type: "delete"; readonly record: CoordinationRecord };

/** Unique among all records. Names of leases and kinds of shards hold no slash. */
export function recordKey(record: CoordinationRecord): string {
  switch (record.kind) {
    case "session":
      return `session/${record.node}`;
    case "lease":
      return `lease/${record.name}`;
    case "shard-type":
      return `shard-type/${record.shardType}`;
    case "region":
      return `region/${record.shardType}/${record.node}`;
    case "shard":
      return `shard/${record.shardType}/${record.shard}`;
    case "entity":
      return `entity/${record.shardType}/${record.entity}`;
    default:
      return record satisfies never;
  }
}

/** What a subscription may select by: the name of a lease, the kind of a shard; undefined for a session. */
export function subjectOf(record: CoordinationRecord): string | undefined {
  if (record.kind === "session") return undefined;
  return record.kind === "lease" ? record.name : record.shardType;
}
