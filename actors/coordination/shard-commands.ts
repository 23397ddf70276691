/**
 * Shards: which node is the home of which, and how one goes from home to home.
 *
 *     no home ──move──▶ home (fence = index) ──move──▶ handing off ──its home's word, or its session's end──▶ home | no home
 *
 * A shard never goes to another home before the one it has says that nothing of it acts there any more, or its session is
 * over, which takes that the home's own clock has ended it. Where shards go is the leader's plan (`../sharding/`).
 */
import { Refusal } from "../cluster/refusal.ts";
import type { CoordinationCommandOf, ShardMove } from "./coordination-commands.ts";
import type { ShardRecord } from "./coordination-record.ts";
import type { CoordinationSet } from "./coordination-set.ts";
import { isName } from "./coordination-name.ts";
import { requireSession } from "./session-commands.ts";

/** Kinds of shards in a cluster. */
const SHARD_TYPES_MAX = 100;

/** Shards of one kind: a hundred a node of a large cluster, so that they spread evenly. */
export const SHARDS_MAX = 1024;

/** Entities remembered in all: some 10 MB of the replicated state, which is held in memory at every node. */
const ENTITIES_REMEMBERED_MAX = 50_000;

/** Longest id of an entity, in UTF-16 units. */
const ENTITY_ID_MAX = 256;

export function isShardCount(shards: number): boolean {
  return Number.isInteger(shards) && shards >= 1 && shards <= SHARDS_MAX;
}

export function setRegion(set: CoordinationSet, command: CoordinationCommandOf<"set-region">): Refusal | null {
  const { shardType, shards, node, session, hosts } = command;
  const found = requireSession(set, command, `take part in shards "${shardType}" as a region`);
  if (found instanceof Refusal) return found;
  const known = set.tables.shardType(shardType);
  const refusal = known === undefined ? refuseType(set, command) : refuseCount(known.shards, command);
  if (refusal !== null) return refusal;
  if (known === undefined) {
    set.put({ kind: "shard-type", shardType, shards });
    for (let shard = 0; shard < shards; shard++) {
      set.put({ kind: "shard", shardType, shard, home: null, fence: 0, handingOff: false, to: null });
    }
  }
  set.put({ kind: "region", shardType, node, session, hosts });
  return null;
}

export function dropRegion(set: CoordinationSet, command: CoordinationCommandOf<"drop-region">): Refusal | null {
  const { shardType, node, session } = command;
  const region = set.tables.region(shardType, node);
  if (region?.session !== session) {
    return new Refusal("stale", `Cannot leave shards "${shardType}": node "${node}" takes no part under that session`);
  }
  const left = set.tables.shardsOf(shardType).filter(({ home }) => home?.session === session);
  if (left.length > 0) {
    const why = `node "${node}" is the home of ${left.length} of them; wait until they are handed off`;
    return new Refusal("conflict", `Cannot leave shards "${shardType}": ${why}`);
  }
  set.remove(region);
  return null;
}

export function moveShards(
  set: CoordinationSet,
  { shardType, moves }: CoordinationCommandOf<"move-shards">,
): Refusal | null {
  const holding = moves.flatMap((move) => holdingMove(set, shardType, move) ?? []);
  if (holding.length === 0) {
    return new Refusal("stale", `Cannot move shards "${shardType}": none of the ${moves.length} is as it was planned`);
  }
  for (const record of holding) set.put(record);
  return null;
}

export function handOffShard(set: CoordinationSet, command: CoordinationCommandOf<"hand-off-shard">): Refusal | null {
  const shard = requireHome(set, command, "hand off");
  if (shard instanceof Refusal) return shard;
  if (!shard.handingOff) {
    return new Refusal(
      "conflict",
      `Cannot hand off shard ${shard.shard} of "${command.shardType}": nobody asked for it`,
    );
  }
  const next = shard.to === null ? undefined : hostAt(set, command.shardType, shard.to);
  const fence = next === undefined ? shard.fence : set.index;
  set.put({ ...shard, home: next ?? null, fence, handingOff: false, to: null });
  return null;
}

export function rememberEntities(
  set: CoordinationSet,
  command: CoordinationCommandOf<"remember-entities">,
): Refusal | null {
  const found = requireHome(set, command, "remember entities of");
  if (found instanceof Refusal) return found;
  const { shardType, shard } = command;
  const started = command.started.filter((entity) => set.tables.entity(shardType, entity) === undefined);
  const bad = started.find((entity) => entity.length === 0 || entity.length > ENTITY_ID_MAX);
  if (bad !== undefined) {
    const what = `entity "${bad.slice(0, 40)}" of "${shardType}"`;
    return new Refusal("invalid", `Cannot remember ${what}: an id is 1 to ${ENTITY_ID_MAX} characters`);
  }
  const ended = command.ended
    .flatMap((entity) => set.tables.entity(shardType, entity) ?? [])
    .filter((record) => record.shard === shard);
  if (started.length > 0 && set.tables.count("entity") - ended.length + started.length > ENTITIES_REMEMBERED_MAX) {
    const why = `${ENTITIES_REMEMBERED_MAX} are remembered in all`;
    return new Refusal("invalid", `Cannot remember ${started.length} entities of "${shardType}": ${why}`);
  }
  for (const record of ended) set.remove(record);
  for (const entity of started) set.put({ kind: "entity", shardType, shard, entity });
  return null;
}

function refuseType(set: CoordinationSet, { shardType, shards }: CoordinationCommandOf<"set-region">): Refusal | null {
  if (!isName(shardType)) {
    return new Refusal("invalid", `Cannot shard "${shardType}": a name is 1 to 128 letters, digits, "-", "_" and "."`);
  }
  if (!isShardCount(shards)) {
    return new Refusal("invalid", `Cannot shard "${shardType}" into ${shards}: wanted 1 to ${SHARDS_MAX}`);
  }
  if (set.tables.count("shard-type") >= SHARD_TYPES_MAX) {
    return new Refusal("invalid", `Cannot shard "${shardType}": there are ${SHARD_TYPES_MAX} kinds of shards already`);
  }
  return null;
}

function refuseCount(known: number, { shardType, shards, node }: CoordinationCommandOf<"set-region">): Refusal | null {
  if (known === shards) return null;
  const why = `they are ${known} in this cluster, and node "${node}" says ${shards}`;
  return new Refusal("invalid", `Cannot take part in shards "${shardType}": ${why}; the number can never change`);
}

/** The shard as it is after the move; null when the move does not hold any more. */
function holdingMove(set: CoordinationSet, shardType: string, move: ShardMove): ShardRecord | null {
  const shard = set.tables.shard(shardType, move.shard);
  if (shard === undefined || shard.fence !== move.fence || shard.handingOff) return null;
  const next = hostAt(set, shardType, move.to);
  if (next === undefined || next.session === shard.home?.session) return null;
  if (shard.home === null) return { ...shard, home: next, fence: set.index };
  return { ...shard, handingOff: true, to: move.to };
}

function hostAt(set: CoordinationSet, shardType: string, node: string): NonNullable<ShardRecord["home"]> | undefined {
  const region = set.tables.region(shardType, node);
  return region?.hosts === true ? { node, session: region.session } : undefined;
}

function requireHome(
  set: CoordinationSet,
  command: { readonly shardType: string; readonly shard: number; readonly session: number; readonly fence: number },
  what: string,
): ShardRecord | Refusal {
  const { shardType, shard, session, fence } = command;
  const record = set.tables.shard(shardType, shard);
  if (record !== undefined && record.home?.session === session && record.fence === fence) return record;
  return new Refusal("stale", `Cannot ${what} shard ${shard} of "${shardType}": fence ${fence} is over`);
}
