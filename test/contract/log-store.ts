/** What every driver of the log store port must do. Call it from a test file of the driver. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EMPTY_LOG, type HardState, type LoadedLog, type LogEntry, type LogStore } from "../../runtime/index.ts";
import { append, close, commands, term } from "./log-store-calls.ts";

export interface LogStoreDriver {
  /** A store on this driver's place, which is empty at first. The one before has been closed or crashed. */
  open(): LogStore;
  /** Takes the power away: what was not confirmed may be gone. Absent where a driver cannot do so. */
  crash?(store: LogStore): void;
  /** Makes the entries of the closed store from `index` on unreadable. Absent where a driver cannot do so. */
  damage?(index: number): void;
  /** Takes the room on the disk of the open store away, and gives it back. Absent where a driver cannot do so. */
  setRoom?(hasRoom: boolean): void;
  cleanup(): void | Promise<void>;
}

export function logStoreContract(name: string, createDriver: () => LogStoreDriver | Promise<LogStoreDriver>): void {
  describe(`log store contract: ${name}`, () => {
    let driver: LogStoreDriver;
    let store: LogStore;

    beforeEach(async () => {
      driver = await createDriver();
      store = driver.open();
    });
    afterEach(async () => {
      await close(store);
      await driver.cleanup();
    });

    /** What a new store on the same place loads. */
    async function reopened(): Promise<LoadedLog> {
      await close(store);
      store = driver.open();
      return store.load();
    }

    test("load() of a new store is empty", () => {
      expect(store.load()).toEqual(EMPTY_LOG);
    });

    test("load() gives back who the member is", async () => {
      store.load();
      await append(store, { identity: { member: "n1@a", cluster: null }, entries: [] });
      expect(await reopened()).toEqual({ ...EMPTY_LOG, identity: { member: "n1@a", cluster: null } });
      const identity = { member: "n1@a", cluster: "c" };
      const entries: readonly LogEntry[] = [{ index: 1, term: 1, type: "configuration", payload: Uint8Array.of(1) }];
      await append(store, { identity, hardState: { term: 1, vote: null, commit: 1 }, entries });
      expect(await reopened()).toMatchObject({ identity, hardState: { term: 1, commit: 1 }, entries });
      await append(store, { hardState: { term: 2, vote: null, commit: 1 }, entries: [] });
      expect(await reopened()).toMatchObject({ identity, hardState: { term: 2 }, entries });
    });

    test("load() gives back hard state and entries, their payloads byte for byte", async () => {
      store.load();
      const hardState: HardState = { term: 7, vote: "n2", commit: 2 };
      const everyByte = Uint8Array.from({ length: 256 }, (_, at) => at);
      const entries: readonly LogEntry[] = [
        { index: 1, term: 3, type: "noop", payload: new Uint8Array(0) },
        { index: 2, term: 7, type: "command", payload: everyByte },
        { index: 3, term: 7, type: "command", payload: new Uint8Array(100_000).fill(9) },
      ];
      await append(store, { hardState, entries });
      expect(await reopened()).toEqual({ ...EMPTY_LOG, hardState, entries });
    });

    test("append() without a hard state keeps the last one, without entries keeps the log", async () => {
      store.load();
      const hardState: HardState = { term: 1, vote: null, commit: 0 };
      await append(store, { hardState, entries: [] });
      await append(store, { entries: commands(1, 1, 1) });
      expect(await reopened()).toMatchObject({ hardState, entries: commands(1, 1, 1) });
      await append(store, { hardState: { term: 2, vote: "n1", commit: 1 }, entries: [] });
      expect(await reopened()).toMatchObject({ hardState: { term: 2, vote: "n1" }, entries: commands(1, 1, 1) });
    });

    test("append() at an existing index replaces it and everything behind it", async () => {
      store.load();
      await append(store, { hardState: term(1), entries: commands(1, 1, 1, 1, 1, 1) });
      await append(store, { hardState: term(2), entries: commands(3, 2) });
      expect((await reopened()).entries).toEqual([...commands(1, 1, 1), ...commands(3, 2)]);
      await append(store, { hardState: term(3), entries: commands(4, 3, 3) });
      expect((await reopened()).entries).toEqual([...commands(1, 1, 1), ...commands(3, 2), ...commands(4, 3, 3)]);
    });

    test("append() calls done in order, each once, never during the call", async () => {
      store.load();
      const order: number[] = [];
      const all = Array.from(
        { length: 50 },
        (_, at) =>
          new Promise<void>((resolve) => {
            store.append({ hardState: term(1), entries: commands(at + 1, 1) }, (error) => {
              expect(error).toBeUndefined();
              order.push(at);
              resolve();
            });
          }),
      );
      expect(order).toEqual([]);
      await Promise.all(all);
      expect(order).toEqual(Array.from({ length: 50 }, (_, at) => at));
      expect((await reopened()).entries).toHaveLength(50);
    });

    test("close() waits for what was appended", async () => {
      store.load();
      let confirmed = 0;
      for (let index = 1; index <= 20; index++) {
        store.append({ hardState: term(1), entries: commands(index, 1) }, () => (confirmed += 1));
      }
      await close(store);
      expect(confirmed).toBe(20);
      store = driver.open();
      expect(store.load().entries).toHaveLength(20);
    });

    test("append() refuses entries that leave a gap, and what the base covers", async () => {
      store.load();
      expect(() => store.append({ entries: commands(2, 1) }, () => {})).toThrow(RangeError);
      await append(store, { hardState: term(1), entries: commands(1, 1, 1, 1, 1) });
      store.compact({ index: 2, term: 1 });
      expect(() => store.append({ entries: commands(2, 1) }, () => {})).toThrow(RangeError);
      expect(() => store.append({ entries: commands(6, 1) }, () => {})).toThrow(RangeError);
      expect(() => store.compact({ index: 5, term: 1 })).toThrow(RangeError);
    });

    test("compact() forgets what comes before, and never what comes behind", async () => {
      store.load();
      const all = commands(1, 1, 1, 1, 1, 1, 1, 1);
      await append(store, { hardState: term(1), entries: all.slice(0, 6) });
      store.compact({ index: 4, term: 1 });
      store.compact({ index: 3, term: 1 });
      await append(store, { entries: all.slice(6) });
      expect(await reopened()).toMatchObject({ base: { index: 4, term: 1 }, entries: all.slice(4) });
      store.compact({ index: 7, term: 1 });
      expect(await reopened()).toMatchObject({ base: { index: 7, term: 1 }, entries: [] });
      await append(store, { hardState: term(2), entries: commands(8, 2) });
      expect(await reopened()).toMatchObject({ base: { index: 7, term: 1 }, entries: commands(8, 2) });
    });

    test("append() with a reset begins the log anew behind it", async () => {
      store.load();
      await append(store, { hardState: term(3), entries: commands(1, 1, 1, 1) });
      await append(store, { reset: { index: 100, term: 3 }, entries: [] });
      expect(await reopened()).toMatchObject({ base: { index: 100, term: 3 }, entries: [] });
      await append(store, { reset: { index: 200, term: 3 }, entries: commands(201, 3, 3) });
      expect(await reopened()).toMatchObject({ base: { index: 200, term: 3 }, entries: commands(201, 3, 3) });
      await append(store, { entries: commands(202, 3, 3) });
      store.compact({ index: 201, term: 3 });
      expect(await reopened()).toMatchObject({ base: { index: 201, term: 3 }, entries: commands(202, 3, 3) });
    });

    test("what cannot be read is told at every start, until it is replaced", async (context) => {
      if (!driver.damage) return context.skip("this driver cannot damage what it keeps");
      store.load();
      const all = commands(1, 1, 1, 1, 1, 1, 1);
      for (const entry of all) await append(store, { hardState: term(1), entries: [entry] });
      await close(store);
      driver.damage(4);
      store = driver.open();
      for (let start = 0; start < 2; start++) {
        const { damage, entries, repairs } = start === 0 ? store.load() : await reopened();
        expect(entries).toEqual(all.slice(0, 3));
        expect(damage?.fromIndex).toBe(4);
        expect(repairs).toEqual([]);
        await append(store, { hardState: { term: 2 + start, vote: null, commit: 0 }, entries: [] });
      }
      await append(store, { hardState: term(4), entries: commands(3, 4, 4) });
      expect(await reopened()).toMatchObject({ damage: null, entries: [...all.slice(0, 2), ...commands(3, 4, 4)] });
    });

    test("without room writes are held back, told of, and go on when there is room", async (context) => {
      if (!driver.setRoom) return context.skip("this driver cannot take the room away");
      store.load();
      const told: boolean[] = [];
      store.onRoom((hasRoom) => told.push(hasRoom));
      await append(store, { hardState: term(1), entries: commands(1, 1) });
      driver.setRoom(false);
      const done: number[] = [];
      const large = new Uint8Array(100_000);
      const all = [2, 3, 4, 5].map(async (index) => {
        await append(store, { entries: [{ index, term: 1, type: "command", payload: large }] });
        done.push(index);
      });
      await expect.poll(() => told).toEqual([false]);
      const before = done.length;
      expect(before).toBeLessThan(4);
      driver.setRoom(true);
      await Promise.all(all);
      expect(done).toEqual([2, 3, 4, 5]);
      expect(told).toEqual([false, true]);
      expect((await reopened()).entries).toHaveLength(5);
    });

    test("what was confirmed survives the loss of power", async (context) => {
      if (!driver.crash) return context.skip("this driver cannot take the power away");
      store.load();
      await append(store, { hardState: { term: 4, vote: "n3", commit: 1 }, entries: commands(1, 4, 4) });
      store.append({ hardState: term(5), entries: commands(3, 5) }, () => {});
      driver.crash(store);
      store = driver.open();
      const { hardState, entries } = store.load();
      expect(entries.slice(0, 2)).toEqual(commands(1, 4, 4));
      // The last write is there as a whole or not at all.
      if (entries.length === 3) expect(hardState.term).toBe(5);
      else expect(hardState).toEqual({ term: 4, vote: "n3", commit: 1 });
    });
  });
}
