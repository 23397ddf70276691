/**
 * The records that stand, and the way to those that a command needs. Also what an actor keeps that mirrors them.
 *
 * Everything here is looked up by key; what is searched (regions of a kind, what a session holds) is searched when a node
 * comes or goes, which is rare.
 */
import {
  recordKey,
  type CoordinationKind,
  type CoordinationRecord,
  type EntityRecord,
  type LeaseRecord,
  type RegionRecord,
  type SessionRecord,
  type ShardRecord,
  type ShardTypeRecord,
} from "./coordination-record.ts";

type RecordOf<Kind extends CoordinationKind> = Extract<CoordinationRecord, { readonly kind: Kind }>;

export class CoordinationTables {
  readonly #tables = new Map<CoordinationKind, Map<string, CoordinationRecord>>();

  session(node: string): SessionRecord | undefined {
    return this.#get("session", `session/${node}`);
  }

  lease(name: string): LeaseRecord | undefined {
    return this.#get("lease", `lease/${name}`);
  }

  shardType(shardType: string): ShardTypeRecord | undefined {
    return this.#get("shard-type", `shard-type/${shardType}`);
  }

  region(shardType: string, node: string): RegionRecord | undefined {
    return this.#get("region", `region/${shardType}/${node}`);
  }

  shard(shardType: string, shard: number): ShardRecord | undefined {
    return this.#get("shard", `shard/${shardType}/${shard}`);
  }

  entity(shardType: string, entity: string): EntityRecord | undefined {
    return this.#get("entity", `entity/${shardType}/${entity}`);
  }

  /** All shards of a kind, by number. */
  shardsOf(shardType: string): readonly ShardRecord[] {
    const count = this.shardType(shardType)?.shards ?? 0;
    return Array.from({ length: count }, (_, shard) => this.shard(shardType, shard) ?? []).flat();
  }

  regionsOf(shardType: string): readonly RegionRecord[] {
    return this.list("region").filter((region) => region.shardType === shardType);
  }

  /** In the order in which they were first put. */
  list<Kind extends CoordinationKind>(kind: Kind): readonly RecordOf<Kind>[] {
    return [...(this.#tables.get(kind)?.values() ?? [])] as RecordOf<Kind>[];
  }

  /** Every record, by kind, each kind in the order of `list`. */
  all(): readonly CoordinationRecord[] {
    return [...this.#tables.keys()].toSorted().flatMap((kind) => this.list(kind));
  }

  count(kind: CoordinationKind): number {
    return this.#tables.get(kind)?.size ?? 0;
  }

  /** What stands under a key. */
  find(key: string): CoordinationRecord | undefined {
    return this.#tables.get(key.slice(0, key.indexOf("/")) as CoordinationKind)?.get(key);
  }

  put(record: CoordinationRecord): void {
    const table = this.#tables.get(record.kind) ?? new Map<string, CoordinationRecord>();
    this.#tables.set(record.kind, table);
    table.set(recordKey(record), record);
  }

  remove(record: CoordinationRecord): void {
    this.#tables.get(record.kind)?.delete(recordKey(record));
  }

  clear(): void {
    this.#tables.clear();
  }

  #get<Kind extends CoordinationKind>(kind: Kind, key: string): RecordOf<Kind> | undefined {
    return this.#tables.get(kind)?.get(key) as RecordOf<Kind> | undefined;
  }
}
