/** What every driver of the journal port must do. Call it from a test file of the driver. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { JOURNAL_LIMITS, type Journal, type Snapshot, type StreamHead } from "../../runtime/index.ts";
import { called, closed, event, readAll, say, textOf, texts } from "./journal-calls.ts";

export interface JournalDriver {
  /** A journal on this driver's place, which is empty at first. The one before has been closed or crashed. */
  open(): Journal | Promise<Journal>;
  /** Takes the power away: what was not confirmed may be gone. Absent where a driver cannot do so. */
  crash?(journal: Journal): void;
  /** False for a driver that keeps nothing when it is closed. */
  readonly isDurable: boolean;
  cleanup(): void | Promise<void>;
}

export function journalContract(name: string, createDriver: () => JournalDriver | Promise<JournalDriver>): void {
  describe(`journal contract: ${name}`, () => {
    let driver: JournalDriver;
    let journal: Journal;

    beforeEach(async () => {
      driver = await createDriver();
      journal = await driver.open();
    });
    afterEach(async () => {
      await closed(journal);
      await driver.cleanup();
    });

    function claim(stream: string): Promise<StreamHead> {
      return called((done) => journal.open(stream, done));
    }

    function save(
      stream: string,
      epoch: number,
      sequence: number,
      keep = 2,
    ): Promise<{ readonly oldestSequence: number }> {
      const { payload } = event(`up to ${sequence}`);
      const snapshot: Snapshot = { sequence, manifest: "state", version: 3, wallMs: 5, payload };
      return called((done) => journal.saveSnapshot({ stream, epoch, snapshot, keep }, done));
    }

    function latest(stream: string, upTo: number): Promise<Snapshot | null> {
      return called((done) => journal.loadSnapshot(stream, upTo, done));
    }

    async function reopen(): Promise<void> {
      await closed(journal);
      journal = await driver.open();
    }

    test("open() of a new stream finds it empty", async () => {
      expect(await claim("a")).toMatchObject({ firstSequence: 1, lastSequence: 0 });
      expect(await texts(journal, "a")).toEqual([]);
      expect(await latest("a", 9)).toBeNull();
    });

    test("read() gives back what append() took, all of it and byte for byte", async () => {
      const { epoch } = await claim("a");
      const everyByte = Uint8Array.from({ length: 256 }, (_, at) => at);
      const events = [
        { manifest: "größe", version: 0, wallMs: -1.5, tags: ["☃", "b"], payload: everyByte },
        { manifest: "x", version: 2 ** 31, wallMs: 1e15, tags: [], payload: new Uint8Array(0) },
        event("large", { payload: new Uint8Array(100_000).fill(9) }),
      ];
      expect(await called((done) => journal.append({ stream: "a", epoch, after: 0, events }, done))).toEqual({
        lastSequence: 3,
      });
      const read = await readAll(journal, "a");
      expect(read).toEqual(events.map((one, at) => ({ ...one, sequence: at + 1 })));
    });

    test("append() keeps its own copy of the bytes", async () => {
      const { epoch } = await claim("a");
      const payload = Uint8Array.of(1, 2, 3);
      const appended = called((done) =>
        journal.append({ stream: "a", epoch, after: 0, events: [event("", { payload })] }, done),
      );
      payload.fill(9);
      await appended;
      const [first] = await readAll(journal, "a");
      expect(first?.payload).toEqual(Uint8Array.of(1, 2, 3));
    });

    test("append() refuses events that do not follow the last one, and keeps none of them", async () => {
      const { epoch } = await claim("a");
      await say(journal, { stream: "a", epoch, after: 0 }, "one", "two");
      for (const after of [0, 1, 3]) {
        await expect(say(journal, { stream: "a", epoch, after }, "no", "no")).rejects.toMatchObject({
          code: "wrong-sequence",
          message: expect.stringMatching(
            `^Cannot append 2 events to stream "a" of journal ".*": its last event is 2, not ${after}$`,
          ),
        });
      }
      expect(await texts(journal, "a")).toEqual(["1 one", "2 two"]);
    });

    test("open() fences the writer before, and nobody else", async () => {
      const old = await claim("a");
      const other = await claim("b");
      await say(journal, { stream: "a", epoch: old.epoch, after: 0 }, "one");
      const young = await claim("a");
      expect(young).toMatchObject({ firstSequence: 1, lastSequence: 1 });
      expect(young.epoch).toBeGreaterThan(old.epoch);
      await expect(say(journal, { stream: "a", epoch: old.epoch, after: 1 }, "late")).rejects.toMatchObject({
        code: "fenced",
        message: expect.stringContaining(`: epoch ${young.epoch} has it, this writer is of epoch ${old.epoch}`),
      });
      await expect(save("a", old.epoch, 1)).rejects.toMatchObject({ code: "fenced" });
      await expect(
        called((done) => journal.deleteEvents({ stream: "a", epoch: old.epoch, upTo: 1 }, done)),
      ).rejects.toMatchObject({ code: "fenced" });
      await say(journal, { stream: "a", epoch: young.epoch, after: 1 }, "two");
      await say(journal, { stream: "b", epoch: other.epoch, after: 0 }, "b one");
      expect(await texts(journal, "a")).toEqual(["1 one", "2 two"]);
      expect(await texts(journal, "b")).toEqual(["1 b one"]);
    });

    test("an append that was called before open() is in the head that open() gives", async () => {
      const { epoch } = await claim("a");
      const appended = say(journal, { stream: "a", epoch, after: 0 }, "one", "two");
      const opened = claim("a");
      const late = say(journal, { stream: "a", epoch, after: 2 }, "late").catch((error: unknown) => error);
      expect(await appended).toBe(2);
      expect(await opened).toMatchObject({ lastSequence: 2 });
      expect(await late).toMatchObject({ code: "fenced" });
    });

    test("calls answer in their order, each once, never during the call", async () => {
      const { epoch } = await claim("a");
      const order: string[] = [];
      const pages: number[] = [];
      await new Promise<void>((resolve) => {
        for (let at = 0; at < 50; at++) {
          journal.append({ stream: "a", epoch, after: at, events: [event(`${at}`)] }, ({ ok }) =>
            order.push(`${at} ${ok}`),
          );
          journal.read({ stream: "a", from: 1 }, (result) => {
            if (result.ok) pages.push(result.value.events.length);
            if (at === 49) resolve();
          });
        }
        expect(order).toEqual([]);
      });
      expect(order).toEqual(Array.from({ length: 50 }, (_, at) => `${at} true`));
      // Each sees all appends before it; those behind it, which go into the same write, it may not.
      expect(pages).toEqual(Array.from({ length: 50 }, (_, at) => at + 1));
    });

    test("read() goes page by page, by number and by bytes, from any sequence", async () => {
      const { epoch } = await claim("a");
      const payload = new Uint8Array(JOURNAL_LIMITS.pageBytes / 4);
      const events = Array.from({ length: 10 }, () => event("", { payload }));
      await called((done) => journal.append({ stream: "a", epoch, after: 0, events }, done));
      const page = (from: number, limit?: number): Promise<readonly [number, number | null]> =>
        called<{ readonly events: readonly unknown[]; readonly next: number | null }>((done) =>
          journal.read(limit === undefined ? { stream: "a", from } : { stream: "a", from, limit }, done),
        ).then((read) => [read.events.length, read.next]);
      expect(await page(1)).toEqual([4, 5]);
      expect(await page(1, 3)).toEqual([3, 4]);
      expect(await page(9)).toEqual([2, null]);
      expect(await page(10, 1)).toEqual([1, null]);
      expect(await page(11)).toEqual([0, null]);
      expect(await page(99)).toEqual([0, null]);
      const small = Array.from({ length: JOURNAL_LIMITS.pageEvents + 1 }, () => event("x"));
      await called((done) => journal.append({ stream: "a", epoch, after: 10, events: small }, done));
      expect(await page(11)).toEqual([JOURNAL_LIMITS.pageEvents, 11 + JOURNAL_LIMITS.pageEvents]);
    });

    test("saveSnapshot() keeps the youngest, loadSnapshot() finds the youngest up to a sequence", async () => {
      const { epoch } = await claim("a");
      await say(journal, { stream: "a", epoch, after: 0 }, "1", "2", "3", "4", "5");
      expect(await save("a", epoch, 1)).toEqual({ oldestSequence: 1 });
      expect(await save("a", epoch, 3)).toEqual({ oldestSequence: 1 });
      expect(await save("a", epoch, 5)).toEqual({ oldestSequence: 3 });
      const found = await latest("a", 99);
      expect(found).toMatchObject({ sequence: 5, manifest: "state", version: 3, wallMs: 5 });
      expect(textOf(found as Snapshot)).toBe("up to 5");
      expect(await latest("a", 4)).toMatchObject({ sequence: 3 });
      expect(await latest("a", 2)).toBeNull();
      expect(await save("a", epoch, 5, 1)).toEqual({ oldestSequence: 5 });
      expect(await latest("a", 4)).toBeNull();
      await expect(save("a", epoch, 6)).rejects.toMatchObject({ code: "wrong-sequence" });
    });

    test("deleteEvents() deletes up to a sequence, keeps the numbers, and says so to who reads before it", async () => {
      const { epoch } = await claim("a");
      await say(journal, { stream: "a", epoch, after: 0 }, "1", "2", "3", "4");
      const remove = (upTo: number): Promise<{ readonly firstSequence: number }> =>
        called((done) => journal.deleteEvents({ stream: "a", epoch, upTo }, done));
      expect(await remove(2)).toEqual({ firstSequence: 3 });
      expect(await remove(1)).toEqual({ firstSequence: 3 });
      expect(await texts(journal, "a", 3)).toEqual(["3 3", "4 4"]);
      await expect(readAll(journal, "a")).rejects.toMatchObject({
        code: "events-deleted",
        message: expect.stringContaining("its events before 3 were deleted"),
      });
      expect(await remove(99)).toEqual({ firstSequence: 5 });
      expect(await claim("a")).toMatchObject({ firstSequence: 5, lastSequence: 4 });
    });

    test("deleteStream() forgets everything, fences the writer, and a stream of that name begins anew", async () => {
      const { epoch } = await claim("a");
      await say(journal, { stream: "a", epoch, after: 0 }, "1", "2", "3");
      await save("a", epoch, 2);
      await called((done) => journal.deleteStream("a", done));
      await called((done) => journal.deleteStream("a", done));
      await expect(say(journal, { stream: "a", epoch, after: 3 }, "late")).rejects.toMatchObject({
        code: "fenced",
        message: expect.stringContaining("it was deleted"),
      });
      expect(await texts(journal, "a")).toEqual([]);
      const again = await claim("a");
      expect(again).toMatchObject({ firstSequence: 1, lastSequence: 0 });
      expect(again.epoch).toBeGreaterThan(epoch);
      expect(await latest("a", 99)).toBeNull();
      await say(journal, { stream: "a", epoch: again.epoch, after: 0 }, "new");
      await expect(say(journal, { stream: "a", epoch, after: 1 }, "late")).rejects.toMatchObject({ code: "fenced" });
      expect(await texts(journal, "a")).toEqual(["1 new"]);
    });

    test("listStreams() gives names in order of their bytes, by prefix, page by page", async () => {
      const names = ["b", "a/2", "a/1", "a/\u{1f600}", "a/\uffee", "ab", "a"];
      for (const one of names) await claim(one);
      const list = (query: { prefix?: string; after?: string; limit?: number }): Promise<readonly string[]> =>
        called((done) => journal.listStreams(query, done));
      expect(await list({})).toEqual(["a", "a/1", "a/2", "a/\uffee", "a/\u{1f600}", "ab", "b"]);
      expect(await list({ prefix: "a/" })).toEqual(["a/1", "a/2", "a/\uffee", "a/\u{1f600}"]);
      expect(await list({ prefix: "a/", after: "a/1", limit: 2 })).toEqual(["a/2", "a/\uffee"]);
      expect(await list({ prefix: "a/", after: "b" })).toEqual([]);
      expect(await list({ prefix: "c" })).toEqual([]);
    });

    test("names and sizes over their limits are refused by name, and nothing is written", async () => {
      const { epoch } = await claim("a");
      const append = (stream: string, ...events: readonly Partial<Parameters<typeof event>[1]>[]): Promise<unknown> =>
        called((done) =>
          journal.append({ stream, epoch, after: 0, events: events.map((one) => event("", one)) }, done),
        ).catch((error: unknown) => error);
      const long = "é".repeat(JOURNAL_LIMITS.streamNameBytes / 2);
      expect(await claim(long)).toMatchObject({ lastSequence: 0 });
      await expect(claim(`${long}x`)).rejects.toMatchObject({
        code: "invalid-name",
        message: expect.stringContaining("513 bytes"),
      });
      await expect(claim("")).rejects.toMatchObject({ code: "invalid-name" });
      await expect(claim("\ud800")).rejects.toMatchObject({ code: "invalid-name" });
      expect(await append("a", { manifest: "" })).toMatchObject({ code: "invalid-name" });
      expect(await append("a", { tags: ["x".repeat(257)] })).toMatchObject({ code: "invalid-name" });
      expect(await append("a", { tags: Array.from({ length: 17 }, String) })).toMatchObject({ code: "too-large" });
      const big = { payload: new Uint8Array(JOURNAL_LIMITS.eventBytes + 1) };
      expect(await append("a", {}, big)).toMatchObject({
        code: "too-large",
        message: expect.stringContaining("an event of 16777217 bytes, at most 16777216"),
      });
      const most = { payload: new Uint8Array(JOURNAL_LIMITS.eventBytes) };
      expect(await append("a", most, most, {}, { payload: Uint8Array.of(1) })).toMatchObject({ code: "too-large" });
      expect(await append("a", ...Array.from({ length: 10_001 }, () => ({})))).toMatchObject({ code: "too-large" });
      const wrong = { sequence: 0, manifest: "x".repeat(70_000), version: 1, wallMs: 0, payload: new Uint8Array() };
      const saved = called((done) => journal.saveSnapshot({ stream: "a", epoch, snapshot: wrong, keep: 1 }, done));
      await expect(saved).rejects.toMatchObject({ code: "invalid-name" });
      expect(await latest("a", 0)).toBeNull();
      expect(await texts(journal, "a")).toEqual([]);
    });

    test("numbers that no caller can have meant throw at once", () => {
      const nothing = (): void => {};
      expect(() => journal.append({ stream: "a", epoch: 1, after: -1, events: [event("")] }, nothing)).toThrow(
        RangeError,
      );
      expect(() => journal.append({ stream: "a", epoch: 1, after: 0, events: [] }, nothing)).toThrow("no events");
      expect(() =>
        journal.append({ stream: "a", epoch: 1, after: 0, events: [event("", { version: 0.5 })] }, nothing),
      ).toThrow(RangeError);
      expect(() => journal.read({ stream: "a", from: 0 }, nothing)).toThrow(RangeError);
      expect(() => journal.loadSnapshot("a", Number.NaN, nothing)).toThrow(RangeError);
    });

    test("close() waits for what was called; later calls fail with store-closed", async () => {
      const { epoch } = await claim("a");
      let confirmed = 0;
      for (let at = 0; at < 20; at++) {
        journal.append(
          { stream: "a", epoch, after: at, events: [event(`${at}`)] },
          ({ ok }) => (confirmed += ok ? 1 : 0),
        );
      }
      await closed(journal);
      expect(confirmed).toBe(20);
      await expect(claim("a")).rejects.toMatchObject({ code: "store-closed" });
    });

    test("everything is there in a journal that was closed and opened again, and epochs go on", async (context) => {
      if (!driver.isDurable) return context.skip("this driver keeps nothing");
      const { epoch } = await claim("a");
      await say(journal, { stream: "a", epoch, after: 0 }, "1", "2", "3", "4");
      await save("a", epoch, 3);
      await called((done) => journal.deleteEvents({ stream: "a", epoch, upTo: 2 }, done));
      const gone = await claim("gone");
      await called((done) => journal.deleteStream("gone", done));
      await reopen();
      expect(await called((done) => journal.listStreams({}, done))).toEqual(["a"]);
      const again = await claim("a");
      expect(again).toMatchObject({ firstSequence: 3, lastSequence: 4 });
      expect(again.epoch).toBeGreaterThan(gone.epoch);
      expect(await texts(journal, "a", 3)).toEqual(["3 3", "4 4"]);
      expect(await latest("a", 99)).toMatchObject({ sequence: 3 });
      await expect(say(journal, { stream: "a", epoch, after: 4 }, "late")).rejects.toMatchObject({ code: "fenced" });
    });

    test("what was confirmed survives the loss of power; an append is there as a whole or not at all", async (context) => {
      if (!driver.crash) return context.skip("this driver cannot take the power away");
      const { epoch } = await claim("a");
      await say(journal, { stream: "a", epoch, after: 0 }, "1", "2");
      journal.append({ stream: "a", epoch, after: 2, events: [event("3"), event("4")] }, () => {});
      driver.crash(journal);
      journal = await driver.open();
      const { lastSequence } = await claim("a");
      expect([2, 4]).toContain(lastSequence);
      expect(await texts(journal, "a")).toEqual(["1 1", "2 2", "3 3", "4 4"].slice(0, lastSequence));
    });
  });
}
