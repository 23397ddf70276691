/**
 * Which commands keep the cluster alive, and so are taken while a leader refuses all else as overloaded (`../raft/core/admission.ts`); beside them the
 * one for which a guest stands still.
 *
 * A node, or the leader, has one of each under way at most, and a node a take-over for each guest that comes to it; nothing that clients ask for is
 * among them. What is placed, stopped and observed is work, and waits: work that is let in at the cost of a lease is done twice.
 */
import type { Urgency } from "../raft/core/admission.ts";
import type { Command } from "./commands.ts";

const VITAL: ReadonlySet<Command["type"]> = new Set<Command["type"]>([
  "register-node",
  "renew-lease",
  "expire-lease",
  "open-session",
  "renew-session",
  "expire-session",
  "note-members",
  "raise-level",
  "advance-time",
  "take-over",
]);

export function urgencyOf({ type }: Command): Urgency {
  return VITAL.has(type) ? "vital" : "ordinary";
}

/** Which of them may wait at the leader for a moment, to go together: what all nodes propose, and nobody waits for. */
export function isPatient({ type }: Command): boolean {
  return type === "renew-lease";
}
