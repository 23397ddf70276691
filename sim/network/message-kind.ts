/** What a message is called in the event log, where faults pick messages by their kind, and which of them may come twice. */
import type { Envelope } from "../../runtime/index.ts";

interface Typed {
  readonly type?: string;
  readonly message?: { readonly type?: string; readonly term?: number } | null;
}

/** `peer` wraps what one Raft member says to another: the type is that of what it holds. */
export function kindOf(message: unknown): string {
  const { type, message: inner } = (message ?? {}) as Typed;
  return String(inner?.type ?? type);
}

/** The term of what one Raft member says to another; null for anything else. */
export function termOf(message: unknown): number | null {
  return ((message ?? {}) as Typed).message?.term ?? null;
}

/** Between Raft's members, who promise to bear what comes twice, late or in another order; see `lane.ts`. */
export function isOfPeers({ to, message }: Envelope): boolean {
  return to.path === "raft" && (message as Typed | null)?.type === "peer";
}
