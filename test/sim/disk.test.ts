/** The simulated disk keeps the contract of the log store port; a crash keeps a prefix of what was not synced. */
import { expect, test } from "vitest";
import { createRandom, type LogStore, type StoreError } from "../../runtime/index.ts";
import { Disk, type DiskWeather } from "../../sim/disk.ts";
import { EventLog } from "../../sim/event-log.ts";
import { ProcessLife } from "../../sim/process-life.ts";
import { Timeline } from "../../sim/timeline.ts";
import { commands, term } from "../contract/log-store-calls.ts";
import { logStoreContract } from "../contract/log-store.ts";
import { PumpedWorld } from "./pumped-world.ts";

const WEATHER: DiskWeather = { syncMinUs: 100, syncMeanUs: 500, slowness: 1 };

logStoreContract("simulated", () => {
  const world = new PumpedWorld(2);
  const { timeline, random } = world;
  const disk = new Disk({ node: 0, timeline, random, weather: WEATHER, watcher: { onWrite: () => {} } });
  let life = new ProcessLife(0);
  return {
    open: () => {
      life = new ProcessLife(life.number + 1);
      return disk.open(life);
    },
    crash: () => {
      life.end();
      disk.crash();
    },
    cleanup: () => world.stop(),
  };
});

function freshDisk(seed: number): { disk: Disk; timeline: Timeline; open(): { store: LogStore; life: ProcessLife } } {
  const random = createRandom(seed);
  const timeline = new Timeline(random.fork(), new EventLog({ linesKept: 5 }));
  const disk = new Disk({ node: 0, timeline, random, weather: WEATHER, watcher: { onWrite: () => {} } });
  const open = (): { store: LogStore; life: ProcessLife } => {
    const life = new ProcessLife(1);
    return { store: disk.open(life), life };
  };
  return { disk, timeline, open };
}

test("crash() keeps each length of prefix of the unsynced writes, and nothing else", () => {
  const kept = new Set<number>();
  for (let seed = 1; seed <= 100; seed++) {
    const { disk, open } = freshDisk(seed);
    const { store, life } = open();
    for (let index = 1; index <= 3; index++)
      store.append({ hardState: term(index), entries: commands(index, index) }, () => {});
    life.end();
    disk.crash();
    const { entries, hardState } = open().store.load();
    expect(entries.map(({ index }) => index)).toEqual([1, 2, 3].slice(0, entries.length));
    expect(hardState.term).toBe(entries.length);
    kept.add(entries.length);
  }
  expect(kept).toEqual(new Set([0, 1, 2, 3]));
});

test("failNextWrite() fails that write and every later one of this life, and leaves the disk as it was", () => {
  const { disk, timeline, open } = freshDisk(1);
  const { store, life } = open();
  const errors: (StoreError | undefined)[] = [];
  disk.failNextWrite();
  store.append({ hardState: term(1), entries: commands(1, 1) }, (error) => errors.push(error));
  store.append({ hardState: term(1), entries: commands(1, 1) }, (error) => errors.push(error));
  timeline.run(1_000_000);
  expect(errors.map((error) => error?.code)).toEqual(["store-io", "store-io"]);
  life.end();
  disk.crash();
  expect(open().store.load().entries).toEqual([]);
});

test("hang() lets no sync end within its time", () => {
  const { disk, timeline, open } = freshDisk(1);
  let done = false;
  disk.hang(5_000_000);
  open().store.append({ hardState: term(1), entries: [] }, () => (done = true));
  timeline.run(4_999_000);
  expect(done).toBe(false);
  timeline.run(6_000_000);
  expect(done).toBe(true);
});
