/** nact's persistent actors and queries on a journal: recovery, also of a killed process; both sides read each other's streams. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { configurePersistence, persistentQuery, start, stop } from "nact";
import {
  ActorSystem,
  createMemoryJournal,
  createNactPersistenceEngine,
  createRandom,
  eventSourced,
  type Journal,
  type NactEvent,
  type Ref,
} from "../../../runtime/index.ts";
import { createNodeDispatcher, nodeClock, openLmdbJournal } from "../../../runtime/node/index.ts";
import { called, closed, event, say } from "../../contract/journal-calls.ts";
import { startNactCounter, type NactCounter } from "./nact-counter.ts";

const CHILD = fileURLToPath(new URL("./nact-child.ts", import.meta.url));

let journal: Journal;
let counters: NactCounter[];

beforeEach(() => {
  journal = createMemoryJournal({ dispatcher: createNodeDispatcher() });
  counters = [];
});
afterEach(() => {
  for (const one of counters) one.end();
});

function counter(key = "counter", snapshotEvery?: number): NactCounter {
  const started = startNactCounter(journal, key, snapshotEvery);
  counters.push(started);
  return started;
}

function nactEvent(sequenceNumber: number, data: unknown, tags: string[] = []): NactEvent {
  return { data, sequenceNumber, key: "k", tags, createdAt: 5, isDeleted: false };
}

describe("a persistent actor of nact", () => {
  test("recovers what it persisted, with snapshots and without", async () => {
    for (const every of [undefined, 3]) {
      const key = `counter-${every}`;
      const first = counter(key, every);
      for (let amount = 1; amount <= 10; amount++) await first.add(amount);
      first.end();
      expect(await counter(key, every).add(0)).toBe(55);
    }
    const engine = createNactPersistenceEngine(journal);
    expect(await engine.latestSnapshot("counter-undefined")).toBeUndefined();
    expect((await engine.latestSnapshot("counter-3"))?.sequenceNumber).toBeGreaterThan(6);
  });

  test("its events are in the journal under its key, with type, tags and time", async () => {
    const before = Date.now();
    await counter().add(7);
    const { events } = await called<{ readonly events: readonly { readonly wallMs: number }[] }>((done) =>
      journal.read({ stream: "counter", from: 1 }, done),
    );
    expect(events).toMatchObject([{ sequence: 1, manifest: "added", version: 1, tags: ["amount-7", "counter"] }]);
    expect(events[0]?.wallMs).toBeGreaterThanOrEqual(before);
  });

  test("is rejected when another writer has its key", async () => {
    const engine = createNactPersistenceEngine(journal);
    await engine.persist(nactEvent(1, 1));
    await called((done) => journal.open("k", done));
    await expect(engine.persist(nactEvent(2, 2))).rejects.toMatchObject({ code: "fenced" });
    // A new life of the actor recovers first, and then has it.
    await engine.latestSnapshot("k");
    await engine.persist(nactEvent(2, 2));
    await expect(engine.persist(nactEvent(2, 2))).rejects.toMatchObject({ code: "wrong-sequence" });
    await expect(engine.persist({ ...nactEvent(3, 3), isDeleted: true })).rejects.toThrow("says that it is deleted");
    await expect(engine.persist(nactEvent(3, new Map()))).rejects.toThrow("it is a Map");
  });

  test(
    "recovers in a new process after kill -9, with everything that it was told is kept",
    { timeout: 60_000 },
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "blixard-nact-"));
      try {
        let kept = 0;
        for (let run = 0; run < 2; run++) {
          const total = await killedCounter(folder);
          expect(total).toBeGreaterThan(kept);
          kept = total;
        }
        journal = await openLmdbJournal({ folder });
        expect(await counter("counter").add(0)).toBeGreaterThanOrEqual(kept);
        await closed(journal);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );
});

describe("events()", () => {
  test("gives those after an offset, at most so many, with all the tags, to reduce and to await", async () => {
    const engine = createNactPersistenceEngine(journal);
    for (let at = 1; at <= 5; at++)
      await engine.persist(nactEvent(at, `e${at}`, at % 2 === 0 ? ["even", "all"] : ["all"]));
    const data = async (...query: [number?, number?, string[]?]): Promise<unknown[]> =>
      (await engine.events("k", ...query)).map((one) => one.data);
    expect(await data()).toEqual(["e1", "e2", "e3", "e4", "e5"]);
    expect(await data(3)).toEqual(["e4", "e5"]);
    expect(await data(0, 2)).toEqual(["e1", "e2"]);
    expect(await data(1, 1, ["all", "even"])).toEqual(["e2"]);
    expect(await data(0, 99, ["none"])).toEqual([]);
    expect(await engine.events("k").reduce((text, { data: one }, at) => `${text} ${at}${String(one)}`, "")).toBe(
      " 0e1 1e2 2e3 3e4 4e5",
    );
    expect(await engine.events("unknown")).toEqual([]);
  });

  test("goes page by page", async () => {
    const { epoch } = await called<{ readonly epoch: number }>((done) => journal.open("k", done));
    const many = Array.from({ length: 2500 }, () => event("x"));
    await called((done) => journal.append({ stream: "k", epoch, after: 0, events: many }, done));
    const engine = createNactPersistenceEngine(journal);
    const count = await engine
      .events("k")
      .reduce(async (before, one) => ((await before) + 1) * Math.sign(one.sequenceNumber), Promise.resolve(0));
    expect(count).toBe(2500);
  });

  test("rejects when events that it needs were deleted", async () => {
    const { epoch } = await called<{ readonly epoch: number }>((done) => journal.open("k", done));
    await say(journal, { stream: "k", epoch, after: 0 }, "a", "b");
    await called((done) => journal.deleteEvents({ stream: "k", epoch, upTo: 1 }, done));
    const engine = createNactPersistenceEngine(journal);
    await expect(engine.events("k")).rejects.toMatchObject({ code: "events-deleted" });
    expect(await engine.events("k", 1)).toHaveLength(1);
  });
});

test("a persistent query of nact goes on from a snapshot of its own key", async () => {
  const writer = counter();
  for (let amount = 1; amount <= 4; amount++) await writer.add(amount);
  const seen: number[] = [];
  const sum = (): (() => Promise<number>) => {
    const engine = createNactPersistenceEngine(journal) as unknown as Parameters<typeof configurePersistence>[0];
    const system = start(configurePersistence(engine));
    const ask = persistentQuery(
      system,
      (total: number = 0, added: { readonly amount: number }) => {
        seen.push(added.amount);
        return total + added.amount;
      },
      "counter",
      { snapshotKey: "counter-sum", snapshotEvery: 1 },
    );
    counters.push({ add: () => Promise.resolve(0), end: () => stop(system) });
    return ask;
  };
  expect(await sum()()).toBe(10);
  const engine = createNactPersistenceEngine(journal);
  for (let round = 0; round < 100 && (await engine.latestSnapshot("counter-sum")) === undefined; round++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(await engine.latestSnapshot("counter-sum")).toMatchObject({ data: 10, sequenceNumber: 4, key: "counter-sum" });
  await writer.add(5);
  expect(await sum()()).toBe(15);
  expect(seen).toEqual([1, 2, 3, 4, 5]);
});

test("an event-sourced actor goes on with a nact actor's stream, and the other way round", async () => {
  const nact = counter("shared", 2);
  for (let amount = 1; amount <= 4; amount++) await nact.add(amount);
  // nact answers before it takes the snapshot, and logs that it was too late.
  while ((await createNactPersistenceEngine(journal).latestSnapshot("shared"))?.sequenceNumber !== 4) await nextTurn();
  nact.end();
  type Command = { readonly add: number; readonly replyTo: Ref<number> };
  type Added = { readonly type: "added"; readonly amount: number };
  const ours = eventSourced<number, Command, Added>({
    name: "shared",
    streamId: "shared",
    empty: 0,
    decide: (_, { add, replyTo }, ctx) =>
      ctx.persist({ type: "added", amount: add }).thenReply(replyTo, (total) => total),
    evolve: (total, { amount }) => total + amount,
    snapshotEvery: 1,
  });
  const world = { clock: nodeClock, random: createRandom(1), dispatcher: createNodeDispatcher(), journal };
  const system = ActorSystem.create({ node: "shared", world });
  const ref = system.spawn(ours);
  expect(await system.ask<Command, number>(ref, (replyTo) => ({ add: 100, replyTo }), { timeoutMs: 5000 })).toEqual({
    ok: true,
    answer: 110,
  });
  system.stop();
  expect(await counter("shared", 2).add(1000)).toBe(1110);
});

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lets a process count until it is killed; gives the last total that it was told is kept. */
async function killedCounter(folder: string): Promise<number> {
  const child = spawn(process.execPath, [CHILD, folder], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  await new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (output.split("\n").length > 20) resolve();
    });
  });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  child.kill("SIGKILL");
  await ended;
  return Number(output.split("\n").at(-2));
}
