/**
 * Event-sourced actors on the LMDB journal, beside bare LMDB in the same process: the same events, as large, as durable.
 *
 * Bare LMDB writes one record an event from the main thread and does nothing else: no actor, no thread, no checksum, no head of a stream.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  ActorSystem,
  createRandom,
  eventSourced,
  stateless,
  type Behavior,
  type Journal,
  type Ref,
} from "../runtime/index.ts";
import { createNodeDispatcher, nodeClock, openLmdbJournal } from "../runtime/node/index.ts";
import { placeKey } from "../runtime/node/journal-records.ts";
import { openEnvironment, type Environment } from "../runtime/node/lmdb-environment.ts";
import { spreadRow, type Bench, type Row } from "./bench.ts";

const ROUNDS = 3;
const ACTORS = 1000;
/** Of each measurement. */
const EVENTS_ONE_BY_ONE = 1000;
const EVENTS = 100_000;
const TEXT = "x".repeat(64);

interface Put {
  readonly replyTo: Ref<number>;
}

interface WasPut {
  readonly type: "put";
  readonly text: string;
}

export const journalBench: Bench = {
  name: "journal",
  summary: "durable events a second of event-sourced actors, beside bare LMDB",
  async run(progress): Promise<readonly Row[]> {
    const figures: Record<string, number[]> = {};
    for (let round = 1; round <= ROUNDS; round++) {
      progress(`round ${round} of ${ROUNDS}`);
      const measured = { ...(await measureActors()), ...(await measureLmdb()) };
      for (const [name, value] of Object.entries(measured)) (figures[name] ??= []).push(value);
    }
    const rates = Object.entries(figures).map(([name, values]) =>
      spreadRow(name, values, { unit: "events/s", goal: "durable" }),
    );
    return [
      ...rates,
      ratioRow("1 actor, one by one / bare LMDB", figures["1 actor, one by one"], figures["bare LMDB, 1 a commit"]),
      ratioRow(
        "1,000 actors / bare LMDB",
        figures["1,000 actors, one by one each"],
        figures["bare LMDB, 1,000 a commit"],
      ),
      ratioRow(
        "1 actor, told at once / bare LMDB",
        figures["1 actor, told at once"],
        figures["bare LMDB, 1,000 a commit"],
      ),
    ];
  },
};

async function measureActors(): Promise<Readonly<Record<string, number>>> {
  return inFolder(async (folder) => {
    const journal = await openLmdbJournal({ folder });
    const one = await measureSystem(journal, { actors: 1, each: EVENTS_ONE_BY_ONE, window: 1, name: "one" });
    const burst = await measureSystem(journal, { actors: 1, each: EVENTS, window: EVENTS, name: "burst" });
    const many = await measureSystem(journal, { actors: ACTORS, each: EVENTS / ACTORS, window: 1, name: "many" });
    const recovery = await measureSystem(journal, { actors: 1, each: 1, window: 1, name: "burst" });
    await new Promise<void>((done) => journal.close(done));
    return {
      "1 actor, one by one": one.rate,
      "1 actor, told at once": burst.rate,
      "1,000 actors, one by one each": many.rate,
      "recovery of one actor": EVENTS / (recovery.recoveryMs / 1000),
    };
  });
}

interface Measure {
  readonly actors: number;
  readonly each: number;
  /** Commands of each actor that wait for their answer at any time. */
  readonly window: number;
  /** Of the streams. */
  readonly name: string;
}

async function measureSystem(
  journal: Journal,
  { actors, each, window, name }: Measure,
): Promise<{ readonly rate: number; readonly recoveryMs: number }> {
  const world = { clock: nodeClock, random: createRandom(1), dispatcher: createNodeDispatcher(), journal };
  const system = ActorSystem.create({ node: "bench", world });
  const startMs = performance.now();
  let ready = 0;
  let finished = 0;
  const recovered = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const onRecovered = (): void => {
    ready += 1;
    if (ready === actors) recovered.resolve();
  };
  const stores = Array.from({ length: actors }, (_, at) => system.spawn(store(`${name}-${at}`, onRecovered)));
  await recovered.promise;
  const recoveryMs = performance.now() - startMs;
  const beginMs = performance.now();
  for (const [at, ref] of stores.entries()) {
    let sent = 0;
    let answered = 0;
    const client = system.spawn(
      stateless<number>(`client-${at}`, (_, ctx) => {
        answered += 1;
        if (sent < each) {
          sent += 1;
          ctx.tell(ref, { replyTo: ctx.self });
        }
        if (answered === each && ++finished === actors) done.resolve();
      }),
    );
    for (; sent < Math.min(window, each); sent++) system.tell(ref, { replyTo: client });
  }
  await done.promise;
  const rate = (actors * each) / ((performance.now() - beginMs) / 1000);
  system.stop();
  return { rate, recoveryMs };
}

function store(streamId: string, onRecovered: () => void): Behavior<unknown, Put> {
  return eventSourced<number, Put, WasPut>({
    name: "store",
    streamId,
    empty: 0,
    decide: (_, { replyTo }, ctx) => ctx.persist({ type: "put", text: TEXT }).thenReply(replyTo, (count) => count),
    evolve: (count) => count + 1,
    onSignal: (_, signal, ctx) => (signal.type === "recovered" ? ctx.none().thenRun(onRecovered) : undefined),
  });
}

async function measureLmdb(): Promise<Readonly<Record<string, number>>> {
  return inFolder(async (folder) => {
    const database = await openEnvironment(join(folder, "bare.mdb"), { key: Buffer.of(0), value: Buffer.of(0) });
    const single = commitRate(database, { tag: 1, records: EVENTS_ONE_BY_ONE, perCommit: 1, streams: 1 });
    const grouped = commitRate(database, { tag: 2, records: EVENTS, perCommit: 1000, streams: 1 });
    const spread = commitRate(database, { tag: 3, records: EVENTS, perCommit: 1000, streams: ACTORS });
    await database.close();
    return {
      "bare LMDB, 1 a commit": single,
      "bare LMDB, 1,000 a commit": grouped,
      "bare LMDB, one to each of 1,000 streams a commit": spread,
    };
  });
}

interface Commits {
  /** Keeps the records of one measurement apart from another's. */
  readonly tag: number;
  readonly records: number;
  readonly perCommit: number;
  readonly streams: number;
}

/** Events of one stream lie beside each other, as in the journal: those of many streams are as many pages to write. */
function commitRate(database: Environment, { tag, records, perCommit, streams }: Commits): number {
  const value = Buffer.from(JSON.stringify({ type: "put", text: TEXT }));
  const startMs = performance.now();
  for (let at = 0; at < records; at += perCommit) {
    database.transactionSync(() => {
      for (let next = at; next < at + perCommit; next++) {
        database.putSync(placeKey(tag, next % streams, Math.floor(next / streams)), value);
      }
    });
  }
  return records / ((performance.now() - startMs) / 1000);
}

async function inFolder<Result>(run: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "blixard-bench-journal-"));
  try {
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function ratioRow(measure: string, ours: readonly number[] = [], bare: readonly number[] = []): Row {
  const ratios = ours.map((value, round) => value / (bare[round] ?? Number.NaN));
  return spreadRow(measure, ratios, { unit: "x", goal: "actors / bare" });
}
