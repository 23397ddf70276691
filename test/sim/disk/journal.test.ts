/** The simulated journal keeps the contract; a crash keeps a prefix of what was not durable; event-sourced actors survive a seed's faults. */
import { expect, test } from "vitest";
import { createRandom, type Journal, type JournalResult, type Ref } from "../../../runtime/index.ts";
import type { DiskWeather } from "../../../sim/disk/device.ts";
import { EventLog } from "../../../sim/timeline/event-log.ts";
import { simulate, type SimulatedNode } from "../../../sim/index.ts";
import { SimulatedJournal } from "../../../sim/disk/journal.ts";
import { ProcessLife } from "../../../sim/timeline/process-life.ts";
import { Timeline } from "../../../sim/timeline/timeline.ts";
import { event } from "../../contract/journal-calls.ts";
import { journalContract } from "../../contract/journal.ts";
import { account, type AccountCommand } from "../../runtime/persistence/account.ts";
import { PumpedWorld } from "../checkers/pumped-world.ts";

const WEATHER: DiskWeather = { syncMinUs: 100, syncMeanUs: 500, slowness: 1 };

journalContract("simulated", () => {
  const world = new PumpedWorld(2);
  const disk = new SimulatedJournal({ name: "n0", timeline: world.timeline, random: world.random, weather: WEATHER });
  let life = new ProcessLife(0);
  return {
    open: () => {
      life = new ProcessLife(life.number + 1);
      return disk.open(life);
    },
    crash: () => {
      life.end();
      disk.crash(life);
    },
    isDurable: true,
    cleanup: () => world.stop(),
  };
});

function fresh(seed: number): { readonly disk: SimulatedJournal; readonly timeline: Timeline } {
  const random = createRandom(seed);
  const timeline = new Timeline(random.fork(), new EventLog({ linesKept: 5 }));
  return { disk: new SimulatedJournal({ name: "n0", timeline, random, weather: WEATHER }), timeline };
}

type Call = (done: (result: JournalResult<unknown>) => void) => void;

/** Answers, in order, of calls that are made at once. */
function answers(timeline: Timeline, ...calls: readonly Call[]): readonly unknown[] {
  const seen: unknown[] = [];
  for (const call of calls) call((result) => seen.push(result.ok ? result.value : result.error.code));
  timeline.run(timeline.nowUs + 10_000_000);
  return seen;
}

function append(journal: Journal, after: number): Call {
  return (done) => journal.append({ stream: "a", epoch: 2, after, events: [event(`${after}`)] }, done);
}

test("crash() keeps each length of prefix of what waits, and nothing else", () => {
  const kept = new Set<number>();
  for (let seed = 1; seed <= 100; seed++) {
    const { disk, timeline } = fresh(seed);
    const life = new ProcessLife(1);
    const journal = disk.open(life);
    expect(answers(timeline, (done) => journal.open("a", done))).toMatchObject([{ epoch: 2 }]);
    for (let after = 0; after < 3; after++) append(journal, after)(() => {});
    life.end();
    const lost = disk.crash(life);
    const [head] = answers(timeline, (done) => disk.open(new ProcessLife(2)).open("a", done));
    const { lastSequence } = head as { readonly lastSequence: number };
    expect(lastSequence).toBe(3 - lost);
    kept.add(lastSequence);
  }
  expect(kept).toEqual(new Set([0, 1, 2, 3]));
});

test("failNextWrite() fails that write and every later call of this life, and leaves the disk as it was", () => {
  const { disk, timeline } = fresh(1);
  const journal = disk.open(new ProcessLife(1));
  answers(timeline, (done) => journal.open("a", done), append(journal, 0));
  disk.failNextWrite();
  const read: Call = (done) => journal.read({ stream: "a", from: 1 }, done);
  expect(answers(timeline, append(journal, 1), append(journal, 1), read)).toEqual(["store-io", "store-io", "store-io"]);
  const again = disk.open(new ProcessLife(2));
  expect(answers(timeline, (done) => again.open("a", done))).toMatchObject([{ lastSequence: 1 }]);
});

test("hang() lets nothing become durable within its time", () => {
  const { disk, timeline } = fresh(1);
  let done = false;
  disk.hang(5_000_000);
  disk.open(new ProcessLife(1)).open("a", () => (done = true));
  timeline.run(4_999_000);
  expect(done).toBe(false);
  timeline.run(6_000_000);
  expect(done).toBe(true);
});

test("two lives that share a journal fence each other", () => {
  const { disk, timeline } = fresh(1);
  const [one, two] = [disk.open(new ProcessLife(1)), disk.open(new ProcessLife(1))];
  answers(
    timeline,
    (done) => one.open("a", done),
    (done) => two.open("a", done),
  );
  expect(answers(timeline, append(one, 0))).toEqual(["fenced"]);
});

interface Books {
  /** Deposits of 1 that were told to an account, and the highest balance that it answered with. */
  told: number;
  highest: number;
}

/** One account on each node, deposits of 1 at any time, under every fault that a process and its disk can have. */
async function runAccounts(seed: number, breaks: boolean): Promise<Readonly<Record<string, number>>> {
  const books = new Map<string, Books>();
  const balances = new Map<string, number>();
  const ofNode = (name: string): Books => {
    const found = books.get(name) ?? { told: 0, highest: 0 };
    books.set(name, found);
    return found;
  };
  const refs = new Map<string, { readonly account: Ref<AccountCommand>; readonly clerk: Ref<number> }>();
  const result = await simulate({
    seed,
    nodes: 3,
    durationMs: 20_000,
    start: (node) => refs.set(node.name, startNode(node)),
    load: {
      everyMs: 5,
      act: (run) => {
        const name = run.random.integer(run.names.length);
        const node = run.nodes()[name];
        const of = node === undefined ? undefined : refs.get(node.name);
        if (node === undefined || of === undefined) return;
        ofNode(node.name).told += 1;
        node.system.tell(of.account, { type: "deposit", amount: 1, replyTo: of.clerk });
      },
    },
    always: {
      "nothing-booked-twice": () => {
        for (const [name, { told, highest }] of books) if (highest > told) return `${name}: ${highest} of ${told}`;
        return null;
      },
    },
    eventually: {
      "all-answered-kept": (run) => {
        for (const node of run.nodes()) {
          const of = refs.get(node.name);
          if (of !== undefined) node.system.tell(of.account, { type: "balance", replyTo: of.clerk });
        }
        return run.nodes().every(({ name }) => (balances.get(name) ?? -1) >= ofNode(name).highest) ? null : "not yet";
      },
    },
    allowCrash: ({ error }) => ["persist-failed", "recovery-failed"].includes((error as { code?: string }).code ?? ""),
  });
  expect(result.failure, `seed ${seed}`).toBeUndefined();
  return result.faults;

  function startNode(node: SimulatedNode): { readonly account: Ref<AccountCommand>; readonly clerk: Ref<number> } {
    const clerk = node.system.spawn<null, number>({
      name: "clerk",
      init: () => null,
      receive: (state, balance) => {
        const own = ofNode(node.name);
        if (balance < own.highest) throw new Error(`balance ${balance} after ${own.highest} was answered`);
        own.highest = balance;
        balances.set(node.name, balance);
        return state;
      },
    });
    // Breaks the rule on purpose: a new stream in each life forgets what was answered.
    const stream = breaks ? `account-${node.life}` : "account";
    const backoff = { minMs: 10, maxMs: 200, jitter: 0.2 };
    const supervision = { onCrash: "restart", intensity: { restartsMax: 1000, windowMs: 1000 }, backoff } as const;
    const behavior = account(stream, { snapshotEvery: 50, deleteOldEvents: true });
    return { account: node.system.spawn(behavior, { supervision }), clerk };
  }
}

test("accounts under crashes, slow, hung and broken disks: what was answered is never taken back", async () => {
  const struck = new Set<string>();
  for (let seed = 1; seed <= 15; seed++) {
    const faults = await runAccounts(seed, false);
    for (const kind of Object.keys(faults)) struck.add(kind);
  }
  expect([...struck]).toEqual(expect.arrayContaining(["kill", "power-loss", "disk-error", "disk-hang"]));
});

test("an account that forgets in a crash what it has answered is found out", async () => {
  let found = 0;
  for (let seed = 1; seed <= 5; seed++) await runAccounts(seed, true).catch(() => (found += 1));
  expect(found).toBeGreaterThan(0);
});
