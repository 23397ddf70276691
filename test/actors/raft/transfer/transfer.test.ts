/**
 * A snapshot on its way from one member to another, both machines by themselves: on a wire that loses, doubles and tears, with a
 * receiver that restarts and a disk that finishes late, all of it arrives as it was, or the sender says that it did not.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { SnapshotReceiver, type ReceiverAction } from "../../../../actors/raft/transfer/receiver.ts";
import {
  OFFERS_MAX,
  PARTS_IN_FLIGHT_MAX,
  PROGRESS_MS,
  SnapshotSender,
} from "../../../../actors/raft/transfer/sender.ts";
import { Throttle } from "../../../../actors/raft/transfer/throttle.ts";
import { crc32, type FinishedSnapshot } from "../../../../runtime/index.ts";

const CHUNKS = Array.from({ length: 12 }, (_, at) => Uint8Array.from({ length: 5 + at }, (__, byte) => at * 16 + byte));

function snapshotOf(chunks: readonly Uint8Array[]): FinishedSnapshot {
  return {
    id: "10-2-x",
    index: 10,
    term: 2,
    configuration: new Uint8Array(2),
    chunks: chunks.length,
    sizeBytes: chunks.reduce((sum, { length }) => sum + length, 0),
    checksum: chunks.reduce((sum, chunk) => crc32(chunk, sum), 0),
  };
}

type Wire =
  | { readonly type: "offer" }
  | { readonly type: "part"; readonly number: number; readonly bytes: Uint8Array }
  | { readonly type: "report"; readonly next: number; readonly state: "receiving" | "installed" | "refused" };

/** Both ends, the wire between them, and the receiver's disk. */
class Transfer {
  readonly snapshot = snapshotOf(CHUNKS);
  readonly sender: SnapshotSender = new SnapshotSender(this.snapshot, 0);
  receiver = new SnapshotReceiver({ newest: null, unfinished: null });
  readonly toReceiver: Wire[] = [];
  readonly toSender: Wire[] = [];
  readonly disk: Uint8Array[] = [];
  begun = false;
  whole = false;
  result: "done" | "failed" | null = null;
  /** Completions of the disk. */
  readonly due: (() => readonly ReceiverAction[])[] = [];
  nowMs = 0;
  inFlightMax = 0;
  #sent = 0;

  pump(): void {
    for (let actions = this.sender.next(this.nowMs, true); actions.length > 0;) {
      for (const action of actions) {
        if (action.type === "offer") this.toReceiver.push({ type: "offer" });
        else if (action.type === "read") this.sender.onChunk(action.number, CHUNKS[action.number] as Uint8Array);
        else if (action.type === "send") {
          this.#sent = action.number + 1;
          this.inFlightMax = Math.max(this.inFlightMax, this.#sent - this.disk.length);
          this.toReceiver.push({ type: "part", number: action.number, bytes: action.bytes });
        } else this.result = action.type;
      }
      actions = this.sender.next(this.nowMs, true);
    }
  }

  deliver(tear: boolean): void {
    const message = this.toReceiver.shift();
    if (message?.type === "offer") this.#carryOut(this.receiver.onOffer("n1@a", this.snapshot));
    if (message?.type !== "part") return;
    const { number } = message;
    const checksum = crc32(message.bytes);
    const bytes = tear ? message.bytes.map((byte) => byte ^ 1) : message.bytes;
    const part = { type: "snapshot-part", term: 3, id: this.snapshot.id, number, bytes, checksum } as const;
    this.#carryOut(this.receiver.onPart("n1@a", part));
  }

  report(): void {
    const message = this.toSender.shift();
    if (message?.type !== "report") return;
    const { next, state } = message;
    this.sender.onReport({ type: "snapshot-report", term: 3, id: this.snapshot.id, next, state }, this.nowMs);
    this.pump();
  }

  complete(): void {
    const then = this.due.shift();
    if (then) this.#carryOut(then());
  }

  restartReceiver(): void {
    this.due.length = 0;
    const head = this.snapshot;
    const unfinished = this.begun && !this.whole ? { head, chunks: this.disk.length } : null;
    this.receiver = new SnapshotReceiver({ newest: this.whole ? this.snapshot : null, unfinished });
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.pump();
  }

  settle(): void {
    for (let round = 0; round < 2000 && this.result === null; round++) {
      this.pass(PROGRESS_MS / 10);
      this.deliver(false);
      this.complete();
      this.report();
    }
  }

  #carryOut(actions: readonly ReceiverAction[]): void {
    for (const action of actions) {
      switch (action.type) {
        case "begin":
          this.due.push(() => {
            this.begun = true;
            return this.receiver.onBegun(action.snapshot.id);
          });
          break;
        case "write":
          this.due.push(() => {
            expect(action.number).toBe(this.disk.length);
            this.disk.push(action.bytes);
            return this.receiver.onWritten(action.id);
          });
          break;
        case "finish":
          this.due.push(() => {
            const { chunks, sizeBytes, checksum } = snapshotOf(this.disk);
            const { snapshot } = this;
            this.whole =
              chunks === snapshot.chunks && sizeBytes === snapshot.sizeBytes && checksum === snapshot.checksum;
            return this.receiver.onFinished(snapshot.id, this.whole);
          });
          break;
        case "report":
          this.toSender.push({ type: "report", next: action.next, state: action.state });
          break;
        case "received":
          this.toSender.push({ type: "report", next: this.snapshot.chunks, state: "installed" });
          break;
        default:
          action satisfies never;
      }
    }
  }
}

const step = fc.constantFrom(
  ...(["deliver", "deliver", "deliver", "report", "report", "complete", "complete", "complete"] as const),
  ...(["pass", "pass", "tear", "lose", "lose-report", "double", "double-report", "restart"] as const),
);

test("a snapshot arrives whole whatever its way, and never more than a window of it is under way", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const transfer = new Transfer();
      const { toReceiver, toSender } = transfer;
      transfer.pump();
      for (const each of steps) {
        if (each === "deliver") transfer.deliver(false);
        else if (each === "tear") transfer.deliver(true);
        else if (each === "report") transfer.report();
        else if (each === "complete") transfer.complete();
        else if (each === "pass") transfer.pass(PROGRESS_MS / 4);
        else if (each === "lose") toReceiver.shift();
        else if (each === "lose-report") toSender.shift();
        else if (each === "double") toReceiver.push(...toReceiver.slice(0, 1));
        else if (each === "double-report") toSender.push(...toSender.slice(0, 1));
        else transfer.restartReceiver();
        // A report that comes again late can say less than the disk has; a part is then sent once more than needed.
        expect(transfer.inFlightMax).toBeLessThanOrEqual(PARTS_IN_FLIGHT_MAX);
      }
      transfer.settle();
      expect(transfer.result).not.toBeNull();
      if (transfer.result === "failed") return;
      expect(transfer.disk).toEqual(CHUNKS);
    }),
    { numRuns: 500 },
  );
});

test("a snapshot without faults takes one offer, and each part goes once", () => {
  const transfer = new Transfer();
  transfer.pump();
  let parts = 0;
  for (let round = 0; round < 100 && transfer.result === null; round++) {
    parts += transfer.toReceiver.filter(({ type }) => type === "part").length;
    while (transfer.toReceiver.length > 0) transfer.deliver(false);
    while (transfer.due.length > 0) transfer.complete();
    while (transfer.toSender.length > 0) transfer.report();
  }
  expect(transfer.result).toBe("done");
  expect(parts).toBe(CHUNKS.length);
});

test("after a break the receiver goes on behind what is on its disk", () => {
  const transfer = new Transfer();
  transfer.pump();
  for (let round = 0; round < 100 && transfer.disk.length < 5; round++) {
    transfer.deliver(false);
    transfer.complete();
    transfer.report();
  }
  transfer.restartReceiver();
  transfer.toReceiver.length = 0;
  transfer.toSender.length = 0;
  transfer.pass(PROGRESS_MS);
  expect(transfer.toReceiver).toEqual([{ type: "offer" }]);
  transfer.deliver(false);
  transfer.complete();
  expect(transfer.toSender).toEqual([{ type: "report", next: 5, state: "receiving" }]);
  transfer.settle();
  expect(transfer.result).toBe("done");
  expect(transfer.disk).toEqual(CHUNKS);
});

test("a member that cannot be reached costs a few offers, and then the transfer has failed (fault 42)", () => {
  const transfer = new Transfer();
  for (let round = 0; round < 100 && transfer.result === null; round++) transfer.pass(PROGRESS_MS);
  expect(transfer.result).toBe("failed");
  expect(transfer.toReceiver).toEqual(Array.from({ length: OFFERS_MAX }, () => ({ type: "offer" })));
});

test("a receiver that answers every offer and never gets further does not hold the sender for ever", () => {
  const transfer = new Transfer();
  for (let round = 0; round < 200 && transfer.result === null; round++) {
    transfer.pass(PROGRESS_MS);
    transfer.toReceiver.length = 0;
    const report = { type: "snapshot-report", term: 3, id: transfer.snapshot.id, next: 3, state: "receiving" } as const;
    transfer.sender.onReport(report, transfer.nowMs);
  }
  expect(transfer.result).toBe("failed");
});

test("a refusal ends the transfer at once, and a report about another snapshot does nothing", () => {
  const transfer = new Transfer();
  transfer.pump();
  const report = { type: "snapshot-report", term: 3, next: 0, state: "refused" } as const;
  transfer.sender.onReport({ ...report, id: "other" }, 0);
  expect(transfer.sender.next(0, true)).toEqual([]);
  transfer.sender.onReport({ ...report, id: transfer.snapshot.id }, 0);
  expect(transfer.sender.next(0, true)).toEqual([{ type: "failed" }]);
});

test("a part that fails its checksum, or is too large, or not from who offered, is not written", () => {
  const receiver = new SnapshotReceiver({ newest: null, unfinished: null });
  const snapshot = snapshotOf(CHUNKS);
  receiver.onOffer("n1@a", snapshot);
  receiver.onBegun(snapshot.id);
  const bytes = CHUNKS[0] as Uint8Array;
  const part = { type: "snapshot-part", term: 1, id: snapshot.id, number: 0, bytes, checksum: crc32(bytes) } as const;
  const large = new Uint8Array(2 ** 20 + 1);
  expect(receiver.onPart("n1@a", { ...part, bytes: Uint8Array.from(bytes, (byte) => byte ^ 1) })).toEqual([]);
  expect(receiver.onPart("n1@a", { ...part, bytes: large, checksum: crc32(large) })).toEqual([]);
  expect(receiver.onPart("n2@b", part)).toEqual([]);
  expect(receiver.onPart("n1@a", part)).toMatchObject([{ type: "write", number: 0 }]);
});

test("a snapshot whose whole is not what was offered is refused, and begun anew by the next offer", () => {
  const receiver = new SnapshotReceiver({ newest: null, unfinished: null });
  const snapshot = snapshotOf(CHUNKS.slice(0, 1));
  expect(receiver.onOffer("n1@a", snapshot)).toEqual([{ type: "begin", snapshot }]);
  receiver.onBegun(snapshot.id);
  const bytes = Uint8Array.of(9);
  const part = { type: "snapshot-part", term: 1, id: snapshot.id, number: 0, bytes, checksum: crc32(bytes) } as const;
  expect(receiver.onPart("n1@a", part)).toMatchObject([{ type: "write", number: 0 }]);
  expect(receiver.onWritten(snapshot.id)).toMatchObject([{ type: "report" }, { type: "finish" }]);
  expect(receiver.onFinished(snapshot.id, false)).toMatchObject([{ type: "report", state: "refused" }]);
  expect(receiver.isReceiving).toBe(false);
  expect(receiver.onOffer("n1@a", snapshot)).toEqual([{ type: "begin", snapshot }]);
});

test("what no store could keep is refused before anything is begun", () => {
  const receiver = new SnapshotReceiver({ newest: null, unfinished: null });
  const snapshot = snapshotOf(CHUNKS);
  for (const wrong of [{ chunks: 0 }, { chunks: 1.5 }, { sizeBytes: 2 ** 50 }, { sizeBytes: -1 }, { index: 0 }]) {
    expect(receiver.onOffer("n1@a", { ...snapshot, ...wrong })).toMatchObject([{ type: "report", state: "refused" }]);
  }
  expect(receiver.isReceiving).toBe(false);
});

test("an unfinished snapshot of which a write failed is dropped on disk before it begins anew", () => {
  const receiver = new SnapshotReceiver({ newest: null, unfinished: null });
  const snapshot = snapshotOf(CHUNKS);
  receiver.onOffer("n1@a", snapshot);
  receiver.onBegun(snapshot.id);
  expect(receiver.giveUp()).toMatchObject([{ type: "report", state: "refused" }]);
  const actions = receiver.onOffer("n1@a", snapshot);
  expect(actions.map((action) => action.type === "begin" && action.snapshot.id)).toEqual(["10-2-x-dropped", "10-2-x"]);
  expect(receiver.onBegun("10-2-x-dropped")).toEqual([]);
  expect(receiver.onBegun("10-2-x")).toMatchObject([{ type: "report", next: 0 }]);
});

test("the throttle keeps its rate over any parts, and refuses a rate that is none", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 10, maxLength: 60 }), (sizes) => {
      const throttle = new Throttle(1_000_000);
      let nowMs = 5;
      let bytes = 0;
      for (const size of sizes) {
        nowMs += throttle.waitMs(nowMs);
        expect(throttle.waitMs(nowMs)).toBeCloseTo(0, 6);
        throttle.sent(size, nowMs);
        bytes += size;
      }
      // What goes last is not waited for.
      expect(nowMs - 5).toBeGreaterThanOrEqual((bytes - (sizes.at(-1) ?? 0)) / 1000 - 60);
    }),
  );
  expect(() => new Throttle(0)).toThrow("Cannot send snapshots: bytesPerSecondMax is 0, wanted more than 0");
});
