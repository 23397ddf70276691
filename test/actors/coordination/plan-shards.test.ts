/** The leader's plan: every shard gets a home, loads come close, little moves at once. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { planShards, SHARD_MOVES_MAX, type RegionRecord, type ShardRecord } from "../../../actors/index.ts";

function region(node: string, hosts = true): RegionRecord {
  return { kind: "region", shardType: "t", node, session: 1, hosts };
}

function shard(number: number, node: string | null, handingOffTo?: string): ShardRecord {
  return {
    kind: "shard",
    shardType: "t",
    shard: number,
    home: node === null ? null : { node, session: 1 },
    fence: node === null ? 0 : 1,
    handingOff: handingOffTo !== undefined,
    to: handingOffTo ?? null,
  };
}

test("planShards() spreads shards without a home evenly, at once", () => {
  const shards = Array.from({ length: 9 }, (_, number) => shard(number, null));
  const moves = planShards({ shards, regions: ["b", "a", "c"].map((node) => region(node)) });
  expect(moves.map(({ to }) => to).join("")).toBe("abcabcabc");
});

test("planShards() plans nothing without a host, and nothing when loads differ by one", () => {
  expect(planShards({ shards: [shard(0, null)], regions: [region("a", false)] })).toEqual([]);
  const shards = [shard(0, "a"), shard(1, "a"), shard(2, "b")];
  expect(planShards({ shards, regions: [region("a"), region("b")] })).toEqual([]);
});

test("planShards() counts what is on its way where it goes", () => {
  const shards = [shard(0, "a", "b"), shard(1, "a", "b"), shard(2, "a"), shard(3, "a")];
  expect(planShards({ shards, regions: [region("a"), region("b")] })).toEqual([]);
});

test("planShards() empties a host that leaves, a few shards at a time", () => {
  const shards = Array.from({ length: 30 }, (_, number) => shard(number, number < 15 ? "a" : "b"));
  const moves = planShards({ shards, regions: [region("a", false), region("b")] });
  expect(moves).toHaveLength(SHARD_MOVES_MAX);
  expect(moves.every(({ shard: moved, to }) => moved < 15 && to === "b")).toBe(true);
});

test("planShards() carried out again and again ends with all shards at home, loads within one of each other", () => {
  const home = fc.option(fc.constantFrom("a", "b", "c", "d"), { nil: null });
  const hosts = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { minLength: 1 });
  fc.assert(
    fc.property(fc.array(home, { maxLength: 60 }), hosts, (homes, there) => {
      const regions = ["a", "b", "c", "d"].map((node) =>
        region(
          node,
          there.some((host) => host === node),
        ),
      );
      const shards = homes.map((node, number) => shard(number, node));
      let rounds = 0;
      for (;;) {
        const moves = planShards({ shards, regions });
        if (moves.length === 0) break;
        const moving = moves.filter((move) => shards[move.shard]?.home !== null);
        expect(moving.length).toBeLessThanOrEqual(SHARD_MOVES_MAX);
        expect(new Set(moves.map((move) => move.shard)).size).toBe(moves.length);
        for (const { shard: number, to } of moves) shards[number] = shard(number, to);
        expect(++rounds).toBeLessThan(20);
      }
      const counts = there.map((node) => shards.filter((one) => one.home?.node === node).length);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(shards.length);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }),
  );
});
