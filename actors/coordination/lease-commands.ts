/**
 * Named leases. The fence of a holder is the index at which it got the lease, so it grows from holder to holder, also over
 * a time in which nobody held it; whatever is done under it may carry it, and what is guarded refuses smaller ones
 * (`fence-gate.ts`; Chubby's sequencers, Burrows 2006, §2.4).
 */
import { Refusal } from "../cluster/refusal.ts";
import type { CoordinationCommandOf } from "./coordination-commands.ts";
import type { CoordinationSet } from "./coordination-set.ts";
import { isName } from "./coordination-name.ts";
import { requireSession } from "./session-commands.ts";

/** Leases held at once; a record takes some 200 bytes. Locks by the thousand want shards instead. */
const LEASES_MAX = 10_000;

export function acquireLease(set: CoordinationSet, command: CoordinationCommandOf<"acquire-lease">): Refusal | null {
  const found = requireSession(set, command, `acquire lease "${command.name}"`);
  if (found instanceof Refusal) return found;
  const { name, node, session } = command;
  const held = set.tables.lease(name);
  if (held?.session === session) return null;
  if (held !== undefined) {
    return new Refusal("conflict", `Cannot acquire lease "${name}" for node "${node}": node "${held.node}" holds it`);
  }
  if (!isName(name)) {
    return new Refusal(
      "invalid",
      `Cannot acquire lease "${name}": a name is 1 to 128 letters, digits, "-", "_" and "."`,
    );
  }
  if (set.tables.count("lease") >= LEASES_MAX) {
    return new Refusal("invalid", `Cannot acquire lease "${name}": ${LEASES_MAX} are held; release some`);
  }
  set.put({ kind: "lease", name, node, session, fence: set.index });
  return null;
}

export function releaseLease(set: CoordinationSet, command: CoordinationCommandOf<"release-lease">): Refusal | null {
  const { name, session, fence, to } = command;
  const held = set.tables.lease(name);
  if (held === undefined || held.session !== session || held.fence !== fence) {
    return new Refusal("stale", `Cannot release lease "${name}": fence ${fence} is over`);
  }
  const next = to === null ? undefined : set.tables.session(to);
  if (next === undefined || next.node === held.node) set.remove(held);
  else set.put({ kind: "lease", name, node: next.node, session: next.session, fence: set.index });
  return null;
}
