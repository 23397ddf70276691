import { createMemorySnapshots } from "../../../runtime/testkit/memory-snapshot-store.ts";
import { testSnapshotStore, type SnapshotDisk } from "../../contract/snapshot-store.ts";

function openMemory(): SnapshotDisk {
  const snapshots = createMemorySnapshots();
  return {
    open: () => snapshots.open(),
    settle: async () => snapshots.flush(),
    close: async () => snapshots.flush(),
    [Symbol.asyncDispose]: async () => {},
  };
}

testSnapshotStore("memory", openMemory);
