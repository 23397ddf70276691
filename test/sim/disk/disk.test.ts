/** The simulated disk keeps the contracts of both store ports; a crash keeps a prefix of what was not synced. */
import { expect, test } from "vitest";
import { crc32, createRandom, type LogStore, type SnapshotStore, type StoreError } from "../../../runtime/index.ts";
import type { DiskWeather } from "../../../sim/disk/device.ts";
import { Disk } from "../../../sim/disk/disk.ts";
import { EventLog } from "../../../sim/timeline/event-log.ts";
import { ProcessLife } from "../../../sim/timeline/process-life.ts";
import { Timeline } from "../../../sim/timeline/timeline.ts";
import { commands, term } from "../../contract/log-store-calls.ts";
import { logStoreContract } from "../../contract/log-store.ts";
import { PumpedWorld } from "../checkers/pumped-world.ts";

const WEATHER: DiskWeather = { syncMinUs: 100, syncMeanUs: 500, slowness: 1 };

logStoreContract("simulated", () => {
  const world = new PumpedWorld(2);
  const { timeline, random } = world;
  const disk = new Disk({ node: 0, timeline, random, weather: WEATHER, watcher: { onWrite: () => {} } });
  letSnapshotsCover(disk);
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

/** The disk asks for a snapshot before a log is compacted; these suites compact without. */
function letSnapshotsCover(disk: Disk): void {
  const newest = {
    id: "all",
    index: 1_000_000,
    term: 1,
    configuration: new Uint8Array(),
    chunks: 0,
    sizeBytes: 0,
    checksum: 0,
  };
  Object.defineProperty(disk.snapshots, "newest", { value: newest });
}

const BYTE = Uint8Array.of(1);

interface Opened {
  readonly store: LogStore;
  readonly snapshots: SnapshotStore;
  readonly life: ProcessLife;
}

function freshDisk(seed: number): { disk: Disk; timeline: Timeline; open(): Opened } {
  const random = createRandom(seed);
  const timeline = new Timeline(random.fork(), new EventLog({ linesKept: 5 }));
  const disk = new Disk({ node: 0, timeline, random, weather: WEATHER, watcher: { onWrite: () => {} } });
  const open = (): Opened => {
    const life = new ProcessLife(1);
    const store = disk.open(life);
    store.onRoom(() => {});
    return { store, snapshots: disk.snapshots.open(life), life };
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
    const { entries, hardState, repairs } = open().store.load();
    expect(entries.map(({ index }) => index)).toEqual([1, 2, 3].slice(0, entries.length));
    expect(hardState.term).toBe(entries.length);
    expect(repairs).toEqual([]);
    kept.add(entries.length);
  }
  expect(kept).toEqual(new Set([0, 1, 2, 3]));
});

test("crash() without power may tear the first write that is not whole, and the next load() tells once", () => {
  const torn = new Set<boolean>();
  for (let seed = 1; seed <= 50; seed++) {
    const { disk, open } = freshDisk(seed);
    const { store, life } = open();
    for (const index of [1, 2]) store.append({ hardState: term(1), entries: commands(index, 1) }, () => {});
    life.end();
    disk.crash(true);
    const { entries, repairs } = open().store.load();
    if (entries.length === 2) expect(repairs).toEqual([]);
    else if (repairs.length > 0)
      expect(repairs[0]).toBe(`cut off a torn batch of 1 entries from index ${entries.length + 1}`);
    torn.add(repairs.length > 0);
    expect(open().store.load().repairs).toEqual([]);
  }
  expect(torn).toEqual(new Set([true, false]));
});

test("failNextWrite() fails that write and every later one of this life; the first may be there all the same", () => {
  const found = new Set<number>();
  for (let seed = 1; seed <= 30; seed++) {
    const { disk, timeline, open } = freshDisk(seed);
    const { store, life } = open();
    const errors: (StoreError | undefined)[] = [];
    disk.failNextWrite();
    for (const index of [1, 2]) {
      store.append({ hardState: term(1), entries: commands(index, 1) }, (error) => errors.push(error));
    }
    timeline.run(1_000_000);
    expect(errors.map((error) => error?.code)).toEqual(["store-io", "store-io"]);
    life.end();
    disk.crash();
    found.add(open().store.load().entries.length);
  }
  expect(found).toEqual(new Set([0, 1]));
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

test("setRoom(false) holds writes back and says so once something waits; setRoom(true) lets them go on in order", () => {
  const { disk, timeline, open } = freshDisk(1);
  const { store, life } = open();
  const told: boolean[] = [];
  const done: number[] = [];
  store.onRoom((hasRoom) => told.push(hasRoom));
  disk.setRoom(false);
  expect(told).toEqual([]);
  for (const index of [1, 2]) store.append({ hardState: term(1), entries: commands(index, 1) }, () => done.push(index));
  timeline.run(10_000_000);
  expect([told, done]).toEqual([[false], []]);
  disk.setRoom(true);
  timeline.run(20_000_000);
  expect([told, done]).toEqual([
    [false, true],
    [1, 2],
  ]);
  disk.setRoom(false);
  store.append({ entries: commands(3, 1) }, () => done.push(3));
  life.end();
  disk.crash();
  disk.setRoom(true);
  expect(open().store.load().entries).toHaveLength(2);
});

test("rot() is told by the next load(), and mended by a write at it or before", () => {
  const { disk, timeline, open } = freshDisk(1);
  const { store } = open();
  store.append({ hardState: term(1), entries: commands(1, 1, 1, 1) }, () => {});
  timeline.run(1_000_000);
  disk.rot(2);
  const again = open().store;
  expect(again.load()).toMatchObject({ entries: commands(1, 1), damage: { fromIndex: 2 } });
  again.append({ hardState: term(2), entries: [] }, () => {});
  timeline.run(2_000_000);
  const third = open().store;
  expect(third.load().damage).toMatchObject({ fromIndex: 2 });
  third.append({ entries: commands(2, 2) }, () => {});
  timeline.run(3_000_000);
  expect(open().store.load()).toMatchObject({ entries: [...commands(1, 1), ...commands(2, 2)], damage: null });
});

test("misdirectNextWrite() lets the next write of entries destroy others; the next load() tells of both, and never of less", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { disk, timeline, open } = freshDisk(seed);
    const first = open();
    first.store.load();
    let done = 0;
    const acknowledged = (error?: StoreError): void => void (done += error === undefined ? 1 : 0);
    first.store.append({ entries: commands(1, 1, 1, 1) }, acknowledged);
    timeline.run(1_000_000);
    let harmed = 0;
    disk.misdirectNextWrite(() => (harmed += 1));
    first.store.append({ hardState: { term: 1, vote: "n1", commit: 0 }, entries: [] }, acknowledged);
    timeline.run(2_000_000);
    expect(harmed).toBe(0);
    first.store.append({ entries: commands(4, 1) }, acknowledged);
    first.store.append({ entries: commands(5, 1) }, acknowledged);
    timeline.run(3_000_000);
    expect([done, harmed, disk.met.misdirected]).toEqual([4, 1, 1]);
    first.life.end();
    disk.crash();
    const { damage, entries } = open().store.load();
    expect(damage?.fromIndex).toBeLessThanOrEqual(3);
    expect(entries).toHaveLength((damage?.fromIndex ?? 0) - 1);
  }
});

test("misdirectNextWrite() comes to nothing when the process ends before it writes", () => {
  const { disk, open } = freshDisk(1);
  const { life } = open();
  let told = 0;
  disk.misdirectNextWrite(() => (told += 1));
  life.end();
  disk.crash();
  expect([told, disk.met.misdirected, open().store.load().damage]).toEqual([1, 0, null]);
});

test("rotState() is refused by name at the next load()", () => {
  const { disk, open } = freshDisk(1);
  disk.rotState();
  expect(() => open().store.load()).toThrow(
    "Cannot read the log of node 0: its identity, term and vote fail their checksum",
  );
  expect(disk.met.refused).toBe(1);
});

test("wipe() leaves an empty disk, and hands what was on it to the watcher", () => {
  const { disk, timeline, open } = freshDisk(1);
  const { store, life } = open();
  store.append({ identity: { member: "n1@1", cluster: "c" }, hardState: term(1), entries: commands(1, 1) }, () => {});
  timeline.run(1_000_000);
  life.end();
  disk.crash();
  const lost = disk.platter;
  disk.wipe();
  expect(open().store.load()).toMatchObject({ identity: null, entries: [] });
  expect(lost.holds({ index: 1, term: 1 })).toBe(true);
});

test("a log that is compacted without a snapshot is found", () => {
  const { timeline, open } = freshDisk(1);
  const { store } = open();
  store.append({ entries: commands(1, 1) }, () => {});
  store.compact({ index: 1, term: 1 });
  timeline.run(1_000_000);
  expect(timeline.failure?.invariant).toBe("purged-is-in-snapshot");
});

test("an unfinished snapshot goes on behind what a crash has kept of it", () => {
  const kept = new Set<number>();
  const head = { id: "5-1-1", index: 5, term: 1, configuration: Uint8Array.of(1) };
  for (let seed = 1; seed <= 50; seed++) {
    const { disk, open } = freshDisk(seed);
    const { snapshots, life } = open();
    snapshots.begin(head, () => {});
    for (const number of [0, 1]) snapshots.write({ id: head.id, number, bytes: Uint8Array.of(number) }, () => {});
    life.end();
    disk.crash(true);
    const { unfinished, newest } = open().snapshots.load();
    expect(newest).toBeNull();
    kept.add(unfinished?.chunks ?? -1);
  }
  expect(kept).toEqual(new Set([-1, 0, 1, 2]));
});

test.each([
  ["write", "store-io", false],
  ["sync", "store-io", false],
  ["sync", "store-io", true],
  ["room", "store-full", false],
] as const)(
  "a snapshot store in trouble at %s says %s, and keeps what was there; the log beside it is well",
  (at, code, isKept) => {
    const { disk, timeline, open } = freshDisk(3);
    const { store, snapshots, life } = open();
    const end = { chunks: 1, sizeBytes: 1, checksum: crc32(BYTE) };
    const said: (string | undefined)[] = [];
    const make = (to: SnapshotStore, index: number): void => {
      const id = `${index}-1-a`;
      to.begin({ id, index, term: 1, configuration: BYTE }, (error) => {
        if (error !== undefined) return void said.push(error.code);
        to.write({ id, number: 0, bytes: BYTE }, (refused) => {
          if (refused !== undefined) return void said.push(refused.code);
          to.finish(id, end, (result) => void said.push(result?.code));
        });
      });
      timeline.run(timeline.nowUs + 1_000_000);
    };
    make(snapshots, 5);
    disk.snapshots.trouble = { fails: at, isKept };
    make(snapshots, 9);
    expect([said, disk.snapshots.newest?.index]).toEqual([[undefined, code], isKept ? 9 : 5]);
    disk.snapshots.trouble = null;
    make(snapshots, 12);
    // After an I/O error it takes nothing more in this life; a disk without room has some in time.
    expect([said.at(-1), disk.snapshots.hasFailedIn(life)]).toEqual(
      code === "store-full" ? [undefined, false] : [code, true],
    );
    let logged: StoreError | undefined | null = null;
    store.append({ hardState: term(2), entries: [] }, (error) => (logged = error));
    timeline.run(timeline.nowUs + 1_000_000);
    expect(logged).toBe(undefined);
    life.end();
    disk.crash();
    const after = open().snapshots;
    expect(after.load().newest?.index).toBe(code === "store-full" ? 12 : isKept ? 9 : 5);
    make(after, 20);
    expect(said.at(-1)).toBe(undefined);
  },
);
