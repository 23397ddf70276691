/** What a member sends of snapshots is of the term that it leads, or is not sent. */
import { expect, test } from "vitest";
import type { RaftMessage } from "../../../../actors/index.ts";
import { SnapshotTraffic } from "../../../../actors/raft/transfer/snapshot-traffic.ts";
import { crc32, type FinishedSnapshot } from "../../../../runtime/index.ts";
import { createMemorySnapshots } from "../../../../runtime/testkit/index.ts";

const BYTES = Uint8Array.of(1, 2, 3);
const SNAPSHOT: FinishedSnapshot = {
  ...{ id: "5-1-a", index: 5, term: 1, configuration: new Uint8Array(0) },
  ...{ chunks: 1, sizeBytes: BYTES.length, checksum: crc32(BYTES) },
};

test("pump() sends nothing of what was under way once this member has entered a term that it does not lead", () => {
  const disk = createMemorySnapshots();
  const snapshots = disk.open();
  snapshots.begin(SNAPSHOT, () => {});
  snapshots.write({ id: SNAPSHOT.id, number: 0, bytes: BYTES }, () => {});
  snapshots.finish(SNAPSHOT.id, SNAPSHOT, () => {});
  disk.flush();
  const sent: RaftMessage[] = [];
  let term = 3;
  let leads = true;
  const nothing = (): void => {};
  const traffic = new SnapshotTraffic({
    ...{ snapshots, loaded: snapshots.load(), bytesPerSecondMax: 1_000_000, newest: () => SNAPSHOT },
    ...{ now: () => 0, term: () => term, ledTerm: () => (leads ? term : null) },
    send: (_, message) => sent.push(message),
    turn: (then) => then,
    ...{
      wakeAfter: nothing,
      sent: nothing,
      notSent: nothing,
      beginsToReceive: nothing,
      received: nothing,
      fail: nothing,
    },
  });
  traffic.want("n2");
  expect(sent).toMatchObject([{ type: "snapshot-offer", term: 3 }]);
  traffic.onMessage("n2", { type: "snapshot-report", term: 3, id: SNAPSHOT.id, next: 0, state: "receiving" });
  // A later term is heard of while the chunk is being read.
  [term, leads] = [4, false];
  disk.flush();
  traffic.pump();
  expect(sent).toHaveLength(1);
  expect(traffic.isSending).toBe(false);
});
