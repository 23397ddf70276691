/** Sessions, leases and shards as a state machine: what is refused, and what holds whatever is proposed. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { CoordinationCommand, Outcome, ShardRecord } from "../../../actors/index.ts";
import { SampleMap } from "../cluster/sample-map.ts";

class SampleCoordination extends SampleMap {
  get tables(): SampleMap["state"]["coordination"] {
    return this.state.coordination;
  }

  open(node: string, after?: number): Outcome {
    return this.do({ type: "open-session", node }, after === undefined ? {} : { after });
  }

  session(node: string): { readonly node: string; readonly session: number } {
    return { node, session: this.tables.session(node)?.session ?? 0 };
  }

  acquire(name: string, node: string): Outcome {
    return this.do({ type: "acquire-lease", name, ...this.session(node) });
  }

  host(node: string, hosts = true): Outcome {
    return this.do({ type: "set-region", shardType: "carts", shards: 4, hosts, ...this.session(node) });
  }

  shard(shard: number): ShardRecord {
    return this.tables.shard("carts", shard) as ShardRecord;
  }

  move(shard: number, to: string): Outcome {
    return this.do({ type: "move-shards", shardType: "carts", moves: [{ shard, fence: this.shard(shard).fence, to }] });
  }

  handOff(shard: number, node: string): Outcome {
    const { fence } = this.shard(shard);
    return this.do({ type: "hand-off-shard", shardType: "carts", shard, fence, ...this.session(node) });
  }
}

function code(outcome: Outcome): string {
  return outcome.ok ? "ok" : outcome.code;
}

test("a lease has one holder, and each holder a larger fence", () => {
  const map = new SampleCoordination();
  for (const node of ["n1", "n2"]) map.open(node);
  expect(code(map.acquire("db", "n1"))).toBe("ok");
  const first = map.tables.lease("db")?.fence ?? 0;
  expect(first).toBe(map.state.applied);
  expect(map.acquire("db", "n2")).toMatchObject({
    code: "conflict",
    message: expect.stringContaining('node "n1" holds it'),
  });
  expect(map.acquire("db", "n1")).toMatchObject({ ok: true, changed: false });
  expect(map.tables.lease("db")?.fence).toBe(first);
  map.do({ type: "release-lease", name: "db", fence: first, to: null, ...map.session("n1") });
  expect(map.tables.lease("db")).toBeUndefined();
  map.acquire("db", "n2");
  expect(map.tables.lease("db")?.fence).toBeGreaterThan(first);
});

test("release-lease hands the lease over to a node that has a session, and says stale to a fence that is over", () => {
  const map = new SampleCoordination();
  for (const node of ["n1", "n2"]) map.open(node);
  map.acquire("db", "n1");
  const { fence = 0 } = map.tables.lease("db") ?? {};
  const release = { type: "release-lease", name: "db", fence, ...map.session("n1") } as const;
  expect(code(map.do({ ...release, to: "n2" }))).toBe("ok");
  expect(map.tables.lease("db")).toMatchObject({ node: "n2", fence: map.state.applied });
  expect(code(map.do({ ...release, to: "n2" }))).toBe("stale");
  const { fence: next = 0 } = map.tables.lease("db") ?? {};
  map.do({ type: "release-lease", name: "db", fence: next, to: "n9", ...map.session("n2") });
  expect(map.tables.lease("db")).toBeUndefined();
});

test("release-lease that comes late does not give up what the same session got since", () => {
  const map = new SampleCoordination();
  map.open("n1");
  map.acquire("a", "n1");
  const first = map.tables.lease("a")?.fence ?? 0;
  const release = { type: "release-lease", name: "a", to: null, ...map.session("n1") } as const;
  map.do({ ...release, fence: first });
  map.acquire("a", "n1");
  expect(code(map.do({ ...release, fence: first }))).toBe("stale");
  expect(map.tables.lease("a")?.fence).toBeGreaterThan(first);
});

test("open-session ends what the node held before, and only if it was proposed after that", () => {
  const map = new SampleCoordination();
  map.open("n1");
  const { session } = map.session("n1");
  map.acquire("db", "n1");
  expect(map.open("n1", session - 1)).toMatchObject({ code: "stale" });
  expect(map.tables.lease("db")).toBeDefined();
  expect(code(map.open("n1", session))).toBe("ok");
  expect(map.tables.lease("db")).toBeUndefined();
  expect(code(map.do({ type: "renew-session", node: "n1", session }))).toBe("stale");
});

test("expire-session is refused when the session was renewed, else it frees leases and shards", () => {
  const map = new SampleCoordination();
  map.open("n1");
  map.acquire("db", "n1");
  map.host("n1");
  map.move(0, "n1");
  const id = map.session("n1");
  map.do({ type: "renew-session", ...id });
  expect(code(map.do({ type: "expire-session", ...id, renewedAt: id.session }))).toBe("stale");
  const renewedAt = map.tables.session("n1")?.renewedAt ?? 0;
  expect(code(map.do({ type: "expire-session", ...id, renewedAt }))).toBe("ok");
  expect(map.tables.lease("db")).toBeUndefined();
  expect(map.tables.region("carts", "n1")).toBeUndefined();
  expect(map.shard(0)).toMatchObject({ home: null, handingOff: false });
});

test("a shard changes its home only by the word of the one it has", () => {
  const map = new SampleCoordination();
  for (const node of ["n1", "n2"]) {
    map.open(node);
    map.host(node);
  }
  map.move(0, "n1");
  const first = map.shard(0);
  expect(first).toMatchObject({ home: map.session("n1"), fence: map.state.applied });
  expect(code(map.handOff(0, "n1"))).toBe("conflict");
  map.move(0, "n2");
  expect(map.shard(0)).toMatchObject({ home: map.session("n1"), fence: first.fence, handingOff: true, to: "n2" });
  expect(code(map.move(0, "n1"))).toBe("stale");
  expect(code(map.handOff(0, "n2"))).toBe("stale");
  expect(code(map.handOff(0, "n1"))).toBe("ok");
  expect(map.shard(0)).toMatchObject({ home: map.session("n2"), fence: map.state.applied, handingOff: false });
});

test("hand-off-shard that comes late does not give away what the same session got since", () => {
  const map = new SampleCoordination();
  for (const node of ["n1", "n2"]) {
    map.open(node);
    map.host(node);
  }
  map.move(0, "n1");
  const { fence } = map.shard(0);
  for (const [from, to] of [
    ["n1", "n2"],
    ["n2", "n1"],
  ] as const) {
    map.move(0, to);
    map.handOff(0, from);
  }
  map.move(0, "n2");
  const late = { type: "hand-off-shard", shardType: "carts", shard: 0, fence, ...map.session("n1") } as const;
  expect(code(map.do(late))).toBe("stale");
  expect(map.shard(0)).toMatchObject({ home: map.session("n1"), handingOff: true });
  expect(map.shard(0).fence).toBeGreaterThan(fence);
});

test("a shard whose next home is gone has none, and is planned anew", () => {
  const map = new SampleCoordination();
  for (const node of ["n1", "n2"]) {
    map.open(node);
    map.host(node);
  }
  map.move(0, "n1");
  map.move(0, "n2");
  map.do({ type: "close-session", ...map.session("n2") });
  map.handOff(0, "n1");
  expect(map.shard(0).home).toBeNull();
  expect(code(map.move(0, "n2"))).toBe("stale");
  expect(code(map.move(0, "n1"))).toBe("ok");
});

test("set-region refuses another number of shards, and drop-region a node that is a home", () => {
  const map = new SampleCoordination();
  map.open("n1");
  map.host("n1");
  const other = { type: "set-region", shardType: "carts", shards: 5, hosts: true, ...map.session("n1") } as const;
  expect(map.do(other)).toMatchObject({ code: "invalid", message: expect.stringContaining("they are 4") });
  expect(code(map.do({ ...other, shardType: "bad/name" }))).toBe("invalid");
  expect(code(map.do({ ...other, shardType: "many", shards: 1025 }))).toBe("invalid");
  map.move(1, "n1");
  const drop = { type: "drop-region", shardType: "carts", ...map.session("n1") } as const;
  expect(map.do(drop)).toMatchObject({ code: "conflict", message: expect.stringContaining("home of 1") });
});

test("remember-entities keeps what its home says, until it says otherwise", () => {
  const map = new SampleCoordination();
  map.open("n1");
  map.host("n1");
  map.move(0, "n1");
  const word = {
    type: "remember-entities",
    shardType: "carts",
    shard: 0,
    fence: map.shard(0).fence,
    ...map.session("n1"),
  } as const;
  map.do({ ...word, started: ["a", "b/c"], ended: [] });
  map.do({ ...word, started: [], ended: ["a"] });
  expect(map.tables.list("entity").map(({ entity }) => entity)).toEqual(["b/c"]);
  map.do({ type: "close-session", ...map.session("n1") });
  expect(map.tables.count("entity")).toBe(1);
  expect(code(map.do({ ...word, started: ["d"], ended: [] }))).toBe("stale");
});

test("leases, kinds of shards and remembered entities are bounded, each by a limit that the refusal names", () => {
  const map = new SampleCoordination();
  map.open("n1");
  for (let i = 0; i < 10_000; i++) map.acquire(`l${i}`, "n1");
  expect(map.acquire("one-more", "n1")).toMatchObject({
    code: "invalid",
    message: expect.stringContaining("10000 are held"),
  });
  const region = { type: "set-region", shards: 1, hosts: true, ...map.session("n1") } as const;
  for (let i = 0; i < 100; i++) map.do({ ...region, shardType: `t${i}` });
  expect(map.do({ ...region, shardType: "one-more" })).toMatchObject({ code: "invalid" });
  map.do({ type: "move-shards", shardType: "t0", moves: [{ shard: 0, fence: 0, to: "n1" }] });
  const { fence = 0 } = map.tables.shard("t0", 0) ?? {};
  const word = {
    type: "remember-entities",
    shardType: "t0",
    shard: 0,
    fence,
    ended: [],
    ...map.session("n1"),
  } as const;
  map.do({ ...word, started: Array.from({ length: 50_000 }, (_, at) => `e${at}`) });
  expect(map.do({ ...word, started: ["one-more"] })).toMatchObject({ code: "invalid" });
  expect(map.do({ ...word, started: ["e7"] })).toMatchObject({ ok: true, changed: false });
  expect(map.do({ ...word, started: ["x".repeat(257)] })).toMatchObject({ code: "invalid" });
  expect(map.do({ ...word, started: ["one-more"], ended: ["e7"] })).toMatchObject({ ok: true });
  expect(map.tables.count("entity")).toBe(50_000);
});

const node = fc.constantFrom("n1", "n2", "n3");
const name = fc.constantFrom("a", "b");
const shard = fc.integer({ min: 0, max: 3 });
const step = fc.record({
  type: fc.constantFrom(
    ...([
      "open-session",
      "renew-session",
      "close-session",
      "expire-session",
      "acquire-lease",
      "release-lease",
    ] as const),
    ...(["set-region", "drop-region", "move-shards", "hand-off-shard", "remember-entities"] as const),
    ...(["acquire-lease", "set-region", "move-shards", "move-shards", "hand-off-shard", "hand-off-shard"] as const),
  ),
  node,
  to: node,
  name,
  shard,
  flag: fc.boolean(),
  wrong: fc.integer({ min: 0, max: 9 }).map((roll) => roll === 0),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

function commandOf(map: SampleCoordination, drawn: Step): CoordinationCommand {
  const { type, to, flag, wrong } = drawn;
  const off = wrong ? 1 : 0;
  const record = map.tables.shard("carts", drawn.shard);
  const speaker = record?.home?.node ?? drawn.node;
  const home = { shardType: "carts", shard: drawn.shard, fence: (record?.fence ?? 0) + off, ...map.session(speaker) };
  const held = map.session(drawn.node);
  const id = { ...held, session: held.session + off };
  const lease = map.tables.lease(drawn.name);
  switch (type) {
    case "open-session":
      return { type, node: drawn.node };
    case "renew-session":
    case "close-session":
      return { type, ...id };
    case "expire-session":
      return { type, ...id, renewedAt: map.tables.session(drawn.node)?.renewedAt ?? 0 };
    case "acquire-lease":
      return { type, name: drawn.name, ...id };
    case "release-lease":
      return {
        type,
        name: drawn.name,
        fence: lease?.fence ?? 0,
        to: flag ? to : null,
        ...map.session(lease?.node ?? to),
      };
    case "set-region":
      return { type, shardType: "carts", shards: 4, hosts: flag, ...id };
    case "drop-region":
      return { type, shardType: "carts", ...id };
    case "move-shards":
      return { type, shardType: "carts", moves: [{ shard: drawn.shard, fence: home.fence, to }] };
    case "hand-off-shard":
      return { type, ...home };
    case "remember-entities":
      return { type, ...home, started: flag ? [drawn.name] : [], ended: flag ? [] : [drawn.name] };
  }
}

test("whatever is proposed, fences grow, holders have sessions, and replicas agree", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const [map, other] = [new SampleCoordination(), new SampleCoordination()];
      const fences = new Map<string, number>();
      for (const drawn of steps) {
        const homes = new Map(map.tables.shardsOf("carts").map((record) => [record.shard, record]));
        const command = commandOf(map, drawn);
        map.do(command);
        other.do(command);
        expect(other.state.fingerprint).toBe(map.state.fingerprint);
        const { tables } = map;
        for (const { name: held, node: at, session, fence } of tables.list("lease")) {
          expect(tables.session(at)?.session).toBe(session);
          expect(fence).toBeGreaterThanOrEqual(fences.get(held) ?? 0);
          fences.set(held, fence);
        }
        for (const record of tables.shardsOf("carts")) checkShard(map, homes.get(record.shard), record, command);
      }
    }),
    { numRuns: 300 },
  );
});

function checkShard(
  map: SampleCoordination,
  before: ShardRecord | undefined,
  after: ShardRecord,
  command: CoordinationCommand,
): void {
  expect(after.fence).toBeGreaterThanOrEqual(before?.fence ?? 0);
  if (after.home !== null) expect(map.tables.region("carts", after.home.node)?.session).toBe(after.home.session);
  else expect(after.handingOff).toBe(false);
  if (before?.home === undefined || before.home === null) return;
  if (after.home?.session === before.home.session) {
    expect(after.fence).toBe(before.fence);
  } else {
    // It left by the home's word or with its session, never by the plan alone.
    expect(["hand-off-shard", "close-session", "expire-session", "open-session"]).toContain(command.type);
    if (after.home !== null) expect(after.fence).toBe(map.state.applied);
  }
}
