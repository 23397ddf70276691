/** The Raft stores in a node's data folder: opened by a node that runs, and by `cluster recover` on one that does not. */
import { join } from "node:path";
import type { LogStore, SnapshotStore } from "../../runtime/index.ts";
import { openLogStore, openLmdbSnapshotStore } from "../../runtime/node/index.ts";

export interface RaftStores {
  readonly store: LogStore;
  readonly snapshots: SnapshotStore;
  /** Resolves when both are closed, with what was accepted on disk. */
  readonly close: () => Promise<void>;
}

/** The caller holds the folder's lock. @throws {StoreError} */
export function openRaftStores(dataDir: string): RaftStores {
  const store = openLogStore({ folder: join(dataDir, "raft") });
  const snapshots = openLmdbSnapshotStore({ folder: join(dataDir, "snapshots") });
  return {
    store,
    snapshots,
    close: async () => {
      await Promise.all([store, snapshots].map(async (one) => new Promise<void>((done) => one.close(done))));
    },
  };
}
