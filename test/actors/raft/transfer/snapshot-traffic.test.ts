/** What a member sends of snapshots is of the term that it leads, or is not sent; and what cannot be read is not sent again and again. */
import { expect, test } from "vitest";
import type { RaftMessage } from "../../../../actors/index.ts";
import { SnapshotReceiver } from "../../../../actors/raft/transfer/receiver.ts";
import { SnapshotTraffic } from "../../../../actors/raft/transfer/snapshot-traffic.ts";
import { crc32, type FinishedSnapshot } from "../../../../runtime/index.ts";
import { createMemorySnapshots } from "../../../../runtime/testkit/index.ts";

const BYTES = Uint8Array.of(1, 2, 3);

function snapshotOf(id: string, index: number): FinishedSnapshot {
  const end = { chunks: 1, sizeBytes: BYTES.length, checksum: crc32(BYTES) };
  return { id, index, term: 1, configuration: new Uint8Array(0), ...end };
}

class Bench {
  readonly disk = createMemorySnapshots();
  readonly sent: RaftMessage[] = [];
  /** To whom parts went. */
  readonly partsTo: string[] = [];
  nowMs = 0;
  readonly traffic: SnapshotTraffic;
  term = 3;
  leads = true;
  newest: FinishedSnapshot = snapshotOf("5-1-a", 5);
  unreadable = 0;
  notSent = 0;
  readonly #store = this.disk.open();

  constructor() {
    this.make(this.newest);
    const nothing = (): void => {};
    this.traffic = new SnapshotTraffic({
      ...{ snapshots: this.#store, loaded: this.#store.load(), bytesPerSecondMax: 1_000_000 },
      isVoter: (member) => member !== "learner",
      ...{ now: () => this.nowMs, term: () => this.term, ledTerm: () => (this.leads ? this.term : null) },
      newest: () => this.newest,
      send: (member, message) => {
        this.sent.push(message);
        if (message.type === "snapshot-part") this.partsTo.push(member);
      },
      turn: (then) => then,
      unreadable: () => (this.unreadable += 1),
      notSent: () => (this.notSent += 1),
      ...{ wakeAfter: nothing, sent: nothing, beginsToReceive: nothing, received: nothing, refused: nothing },
    });
  }

  make(snapshot: FinishedSnapshot): void {
    this.newest = snapshot;
    this.#store.begin(snapshot, () => {});
    this.#store.write({ id: snapshot.id, number: 0, bytes: BYTES }, () => {});
    this.#store.finish(snapshot.id, snapshot, () => {});
    this.disk.flush();
  }

  /** The peer wants the first chunk. */
  accept(peer = "n2"): void {
    const report = { type: "snapshot-report", term: 3, id: this.newest.id, next: 0, state: "receiving" } as const;
    this.traffic.onMessage(peer, report);
  }
}

test("pump() sends nothing of what was under way once this member has entered a term that it does not lead", () => {
  const bench = new Bench();
  bench.traffic.want("n2");
  expect(bench.sent).toMatchObject([{ type: "snapshot-offer", term: 3 }]);
  bench.accept();
  // A later term is heard of while the chunk is being read.
  [bench.term, bench.leads] = [4, false];
  bench.disk.flush();
  bench.traffic.pump();
  expect(bench.sent).toHaveLength(1);
  expect(bench.traffic.sendingBytes).toBe(null);
});

test("pump() sends to voters first, whoever asked first", () => {
  const bench = new Bench();
  // The first part takes the throttle, so that the others wait for it, what they send in their hands.
  for (const peer of ["n3", "learner", "n2"]) {
    bench.traffic.want(peer);
    bench.accept(peer);
    bench.disk.flush();
  }
  expect(bench.partsTo).toEqual(["n3"]);
  for (bench.nowMs = 1; bench.nowMs < 3; bench.nowMs++) bench.traffic.pump();
  expect(bench.partsTo).toEqual(["n3", "n2", "learner"]);
});

test("want() does not offer a snapshot again that cannot be read, but the next one at once", () => {
  const bench = new Bench();
  bench.disk.damage(bench.newest.id, 0);
  bench.traffic.want("n2");
  bench.accept();
  bench.disk.flush();
  expect([bench.sent.length, bench.unreadable, bench.notSent]).toEqual([1, 1, 0]);
  bench.traffic.want("n2");
  expect(bench.sent).toHaveLength(1);
  bench.make(snapshotOf("5-1-b", 5));
  bench.traffic.renewed();
  expect(bench.sent.at(-1)).toMatchObject({ type: "snapshot-offer", snapshot: { id: "5-1-b" } });
});

test("passed() ends the wait for a snapshot that is of no use any more, and a later offer of it begins anew", () => {
  const receiver = new SnapshotReceiver({ newest: null, unfinished: null });
  const snapshot = { ...snapshotOf("5-1-a", 5), chunks: 2 };
  receiver.onOffer("n1", snapshot);
  receiver.onBegun(snapshot.id);
  receiver.onPart("n1", {
    type: "snapshot-part",
    term: 1,
    id: snapshot.id,
    number: 0,
    bytes: BYTES,
    checksum: crc32(BYTES),
  });
  receiver.passed(4);
  expect(receiver.isReceiving).toBe(true);
  receiver.passed(5);
  expect([receiver.isReceiving, receiver.onWritten(snapshot.id)]).toEqual([false, []]);
  const again = receiver.onOffer("n1", snapshot);
  expect(again.map((action) => ("snapshot" in action ? action.snapshot.id : action.type))).toEqual([
    "5-1-a-dropped",
    "5-1-a",
  ]);
});
