/**
 * What a member finds on its disk, read and judged before anything is answered from it.
 *
 * Log and snapshots are two stores, written one after the other: a snapshot is durable before the log begins behind it. So a crash
 * may leave a snapshot that is ahead of the log, which the core mends, since all that a snapshot covers was committed. A
 * log that begins behind a state that no snapshot holds has lost something, and is refused by name (fault 24).
 */
import { StoreError } from "../../runtime/ports/store-error.ts";
import type { LoadedLog, LogStore } from "../../runtime/ports/log-store.ts";
import type { FinishedSnapshot, LoadedSnapshots, SnapshotStore } from "../../runtime/ports/snapshot-store.ts";
import { decodeConfiguration } from "./core/configuration-codec.ts";
import { EMPTY_CONFIGURATION, type Configuration } from "./core/configuration.ts";
import { nodeOf } from "./member-id.ts";

export interface MemberStart {
  readonly loaded: LoadedLog;
  readonly snapshots: LoadedSnapshots;
  /** As of the newest snapshot; empty without one. */
  readonly configuration: Configuration;
}

/** @throws {StoreError} when a store cannot be read, or what they hold is another node's or does not fit together. */
export function loadMember(node: string, store: LogStore, snapshots: SnapshotStore): MemberStart {
  const loaded = store.load();
  const found = snapshots.load();
  checkOwner(node, loaded);
  checkBase(node, loaded, found.newest);
  return {
    loaded: reconcile(loaded, found.newest),
    snapshots: found,
    configuration: configurationOf(node, found.newest),
  };
}

function checkOwner(node: string, { identity, entries, base }: LoadedLog): void {
  if (identity !== null && nodeOf(identity.member) !== node) {
    throw new StoreError("store-foreign", {
      message: `Cannot start the Raft member of node "${node}": its log is that of "${identity.member}"`,
      path: "raft",
      hint: "give each node a data folder of its own, or start it under the name it had",
    });
  }
  const clustered = identity?.cluster ?? null;
  if (clustered === null && (entries.length > 0 || base.index > 0)) {
    throw new StoreError("store-version", {
      message: `Cannot start the Raft member of node "${node}": its log has entries and names no cluster`,
      path: "raft",
      hint: "start the version that wrote it",
    });
  }
}

function checkBase(node: string, { base }: LoadedLog, newest: FinishedSnapshot | null): void {
  if (base.index <= (newest?.index ?? 0)) return;
  const has = newest === null ? "there is no snapshot" : `the newest snapshot is as of index ${newest.index}`;
  throw new StoreError("store-corrupt", {
    message: `Cannot start the Raft member of node "${node}": its log begins behind index ${base.index}, but ${has}`,
    path: "raft",
    hint: "remove the data folder and add the node as a new member",
  });
}

/**
 * What a snapshot covers was committed, whatever the hint in the hard state; and its last entry's term was reached, though a
 * crash may have kept that from the hard state. A later term without a vote is always safe.
 */
function reconcile(loaded: LoadedLog, newest: FinishedSnapshot | null): LoadedLog {
  if (newest === null) return loaded;
  const { hardState } = loaded;
  const raised = hardState.term < newest.term ? { ...hardState, term: newest.term, vote: null } : hardState;
  return { ...loaded, hardState: raised };
}

function configurationOf(node: string, newest: FinishedSnapshot | null): Configuration {
  if (newest === null) return EMPTY_CONFIGURATION;
  try {
    return decodeConfiguration(newest.configuration);
  } catch (cause) {
    throw new StoreError("store-corrupt", {
      message: `Cannot start the Raft member of node "${node}": the configuration in snapshot "${newest.id}" cannot be read`,
      path: "raft",
      hint: "remove the data folder and add the node as a new member",
      cause,
    });
  }
}
