/**
 * Sessions: a node's right to hold leases and shards. Opened when a node needs one, kept by renewals, ended by its owner,
 * by the leader when it was silent too long, or by the next session of the same node.
 *
 * After Chubby (Burrows 2006, §2.8): one session a client keeps all that it holds, so renewals do not grow with the locks.
 */
import { Refusal } from "../cluster/refusal.ts";
import type { CoordinationCommandOf, SessionId } from "./coordination-commands.ts";
import type { SessionRecord } from "./coordination-record.ts";
import type { CoordinationSet } from "./coordination-set.ts";
import { isName } from "./coordination-name.ts";

/** Sessions at once: far more than members of a cluster. */
const COORDINATION_SESSIONS_MAX = 1000;

/**
 * The earlier session of the node ends: a node has one coordinator, and that one holds nothing when it opens a session.
 * A proposal made before the current session opened comes from an earlier life and must not end it.
 */
export function openSession(set: CoordinationSet, { node }: CoordinationCommandOf<"open-session">): Refusal | null {
  const before = set.tables.session(node);
  if (before !== undefined && set.after < before.session) {
    const why = `session ${before.session} was opened after this was proposed at ${set.after}`;
    return new Refusal("stale", `Cannot open a session of node "${node}": ${why}; ask again`);
  }
  if (before === undefined && set.tables.count("session") >= COORDINATION_SESSIONS_MAX) {
    const why = `there are ${COORDINATION_SESSIONS_MAX} already`;
    return new Refusal("invalid", `Cannot open a session of node "${node}": ${why}; end nodes that are not needed`);
  }
  if (!isName(node)) return new Refusal("invalid", `Cannot open a session of node "${node}": that is no name`);
  if (before !== undefined) endSession(set, before);
  set.put({ kind: "session", node, session: set.index, renewedAt: set.index });
  return null;
}

export function renewSession(set: CoordinationSet, command: CoordinationCommandOf<"renew-session">): Refusal | null {
  const found = requireSession(set, command, "renew the session");
  if (found instanceof Refusal) return found;
  set.put({ ...found, renewedAt: set.index });
  return null;
}

export function closeSession(set: CoordinationSet, command: CoordinationCommandOf<"close-session">): Refusal | null {
  const found = requireSession(set, command, "close the session");
  if (found instanceof Refusal) return found;
  endSession(set, found);
  return null;
}

export function expireSession(set: CoordinationSet, command: CoordinationCommandOf<"expire-session">): Refusal | null {
  const found = requireSession(set, command, "end the session");
  if (found instanceof Refusal) return found;
  const { node, renewedAt } = command;
  if (found.renewedAt !== renewedAt) {
    return new Refusal("stale", `Cannot end the session of node "${node}": it was renewed since ${renewedAt}`);
  }
  endSession(set, found);
  return null;
}

/** The session that a command speaks for, or why it cannot. */
export function requireSession(
  set: CoordinationSet,
  { node, session }: SessionId,
  what: string,
): SessionRecord | Refusal {
  const found = set.tables.session(node);
  if (found?.session === session) return found;
  return new Refusal("stale", `Cannot ${what} of node "${node}": its session ${session} is over; open another`);
}

/** All that the session held is free: leases, shards, its part in every kind of shards. */
function endSession(set: CoordinationSet, ended: SessionRecord): void {
  const { tables } = set;
  for (const lease of tables.list("lease")) if (lease.session === ended.session) set.remove(lease);
  const regions = tables.list("region").filter(({ session }) => session === ended.session);
  for (const region of regions) set.remove(region);
  for (const { shardType } of regions) {
    for (const shard of tables.shardsOf(shardType)) {
      if (shard.home?.session !== ended.session) continue;
      set.put({ ...shard, home: null, handingOff: false, to: null });
    }
  }
  set.remove(ended);
}
