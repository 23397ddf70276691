/**
 * What a message must be before the core looks at what it says. A peer of another version, a frame that was damaged, or
 * somebody who makes messages up must not move a term or a log, and not crash the member: refused, counted, harmless.
 *
 * Terms. A later term is entered on anybody's word, so one message with the highest number there is would end all elections.
 * No cluster gets `TERM_AHEAD_MAX` terms ahead of a member that is away: an election takes an election timeout, so that would
 * be a week of failed ones, each with a poll won before it. A member that has seen no term yet is told the cluster's, whatever it is, up to
 * `TERM_MAX`. Pushed one step at a time, `TERM_MAX` is 2^32 messages away.
 *
 * A configuration among the entries of an append can be read; that they follow each other is checked by `append-check.ts`.
 */
import { decodeConfiguration } from "./configuration-codec.ts";
import type { AppendRequest, RaftMessage } from "./messages.ts";
import { isPriority } from "./priority.ts";
import type { LogEnd } from "./raft-rules.ts";
import type { RaftRefusal } from "./refusals.ts";

/** Furthest that a message's term may be ahead of the own one. */
const TERM_AHEAD_MAX: number = 2 ** 20;

/** The last term that may be told. Far from where numbers lose their ones, so that the next term is always another. */
const TERM_MAX: number = 2 ** 52;

/** Why not to look at a message, or null. `own.term` is the receiver's. */
export function messageFault(message: RaftMessage, own: { readonly term: number }): RaftRefusal | null {
  const { term } = message;
  if (!isCount(term)) return "malformed";
  if (term > TERM_MAX || (own.term > 0 && term > own.term + TERM_AHEAD_MAX)) return "term-too-far-ahead";
  return isWellFormed(message) ? null : "malformed";
}

function isWellFormed(message: RaftMessage): boolean {
  switch (message.type) {
    case "pre-vote-request":
    case "vote-request":
      return isLogEnd(message);
    case "pre-vote-response":
    case "vote-response":
      return typeof message.granted === "boolean";
    case "append":
      return isCount(message.sequence) && isCount(message.commit) && areReadable(message.entries);
    case "append-response":
      if (!isCount(message.sequence)) return false;
      if (message.ok && message.priority !== undefined && !isPriority(message.priority)) return false;
      return message.ok ? isCount(message.match) : isCount(message.hintIndex) && isCount(message.hintTerm);
    case "heartbeat":
      return isCount(message.commit) && isCount(message.round);
    case "heartbeat-response":
      if (message.priority !== undefined && !isPriority(message.priority)) return false;
      return isCount(message.round) && isCount(message.matched);
    case "commit":
      return isCount(message.commit);
    case "read-request":
      return typeof message.token === "string";
    case "read-response":
      return typeof message.token === "string" && (message.index === null || isCount(message.index));
    case "snapshot-offer":
      return isCount(message.snapshot.index) && isCount(message.snapshot.term) && message.snapshot.term <= message.term;
    case "snapshot-part":
      return isCount(message.number);
    case "snapshot-report":
      return isCount(message.next);
    case "log-request":
      return isCount(message.previousIndex) && isCount(message.previousTerm) && isLogEnd(message);
    case "log-part":
      return isLogEnd(message) && areReadable(message.entries);
    case "newer-term":
    case "timeout-now":
      return true;
    default:
      message satisfies never;
      return false;
  }
}

/** Nobody's log has an entry of a later term than its own. */
function isLogEnd({ lastIndex, lastTerm, term }: LogEnd & { readonly term: number }): boolean {
  return isCount(lastIndex) && isCount(lastTerm) && lastTerm <= term;
}

/** Their order is the follower's to check (`append-check.ts`). */
function areReadable(entries: AppendRequest["entries"]): boolean {
  if (!Array.isArray(entries)) return false;
  for (const entry of entries as AppendRequest["entries"]) {
    if (!(entry.payload instanceof Uint8Array)) return false;
    if (entry.type === "configuration" && !isConfiguration(entry.payload)) return false;
  }
  return true;
}

function isConfiguration(payload: Uint8Array): boolean {
  try {
    decodeConfiguration(payload);
    return true;
  } catch {
    return false;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
