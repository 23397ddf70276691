/**
 * Where shards go: the leader's plan, from what the map shows. Pure; verified again when it is applied.
 *
 * Shards without a home go to the host with the fewest. Then, a few at a time, shards go from the host with the most to the
 * one with the fewest while that brings the two closer; a host that leaves counts as having infinitely many. So a node that
 * joins gets its share and nothing moves twice. Hosts that are equal are taken in order of their names.
 */
import type { ShardMove } from "./coordination-commands.ts";
import type { RegionRecord, ShardRecord } from "./coordination-record.ts";

/** Shards of one kind that are on their way at once: most of the others serve meanwhile, and a hand-off stays short. */
export const SHARD_MOVES_MAX = 10;

/** Moves of one plan: shards without a home are many when a cluster starts, and a command must stay small. */
const PLAN_MOVES_MAX = 256;

export interface ShardsSeen {
  /** All shards of one kind. */
  readonly shards: readonly ShardRecord[];
  readonly regions: readonly RegionRecord[];
}

export function planShards({ shards, regions }: ShardsSeen): readonly ShardMove[] {
  const hosts = regions
    .filter(({ hosts: takes }) => takes)
    .map(({ node }) => node)
    .toSorted();
  if (hosts.length === 0) return [];
  const load = new Map<string, number>(hosts.map((node) => [node, 0]));
  for (const { home, handingOff, to } of shards) add(load, handingOff ? to : home?.node, 1);
  const moves: ShardMove[] = [];
  for (const { shard, fence, home } of shards) {
    if (home !== null || moves.length >= PLAN_MOVES_MAX) continue;
    const to = fewest(hosts, load);
    moves.push({ shard, fence, to });
    add(load, to, 1);
  }
  return [...moves, ...rebalance({ shards, hosts, load })];
}

interface Balance {
  readonly shards: readonly ShardRecord[];
  readonly hosts: readonly string[];
  /** Shards by host, moves that are under way counted where they end; a host that leaves is not in it. */
  readonly load: Map<string, number>;
}

function rebalance({ shards, hosts, load }: Balance): readonly ShardMove[] {
  const moves: ShardMove[] = [];
  const movable = shards.filter(({ home, handingOff }) => home !== null && !handingOff);
  const room = SHARD_MOVES_MAX - shards.filter(({ handingOff }) => handingOff).length;
  const leaving = movable.filter(({ home }) => home !== null && !load.has(home.node));
  for (const { shard, fence } of leaving.slice(0, Math.max(0, room))) {
    const to = fewest(hosts, load);
    moves.push({ shard, fence, to });
    add(load, to, 1);
  }
  while (moves.length < room) {
    const to = fewest(hosts, load);
    const from = most(hosts, load);
    if (count(load, from) - count(load, to) < 2) break;
    const next = movable.find(({ shard, home }) => home?.node === from && !moves.some((move) => move.shard === shard));
    if (next === undefined) break;
    moves.push({ shard: next.shard, fence: next.fence, to });
    add(load, from, -1);
    add(load, to, 1);
  }
  return moves;
}

function add(load: Map<string, number>, node: string | null | undefined, by: number): void {
  const known = node === null || node === undefined ? undefined : load.get(node);
  if (known !== undefined) load.set(node as string, known + by);
}

function count(load: ReadonlyMap<string, number>, node: string): number {
  return load.get(node) ?? 0;
}

function fewest(hosts: readonly string[], load: ReadonlyMap<string, number>): string {
  return hosts.reduce((best, node) => (count(load, node) < count(load, best) ? node : best));
}

function most(hosts: readonly string[], load: ReadonlyMap<string, number>): string {
  return hosts.reduce((best, node) => (count(load, node) > count(load, best) ? node : best));
}
