/**
 * What the kernels of two linked nodes say to each other: watches, credit, and asks that will get no answer.
 *
 * They come from another process, so nothing of them is believed unchecked; and none of them names a node, so that no
 * kernel can speak for another: `path` and `watcher` are on the receiver's or the sender's side, as each case says.
 * All come from `KERNEL_PATH`, which a driver never drops over a link that stays up (`Remoting.send`). All but `report` go
 * to it. Cases and fields are only ever added; a case that a kernel does not know is a dead letter and nothing else.
 */
import type { AskFailure } from "../ask-result.ts";
import { KERNEL_PATH, type Envelope } from "../ports/remoting.ts";
import type { TerminationReason } from "../ref.ts";

export type KernelMessage =
  /** The sender's actor `watcher` wants to know when `path` ends at the receiver; `id` is the sender's own number for it. */
  | { readonly type: "watch"; readonly id: number; readonly path: string; readonly watcher: string }
  | { readonly type: "unwatch"; readonly id: number; readonly path: string; readonly watcher: string }
  /** What the receiver watches by that number has ended at the sender. Ends the watch. */
  | { readonly type: "terminated"; readonly id: number; readonly reason: TerminationReason }
  /**
   * The sender has sent `sent` messages to the path that this one goes to, all of them before it, and asks how far it may go.
   * To the path itself: that is what keeps it behind them, though a large one among them travels in pieces.
   */
  | { readonly type: "report"; readonly sent: number }
  /**
   * The receiver may send `path` of the sender messages up to number `limit` (as MAX_STREAM_DATA, RFC 9000 §4.1: a lower
   * one than before says nothing), any number when null. 0 takes a null back and asks for a report.
   */
  | { readonly type: "credit"; readonly path: string; readonly limit: number | null }
  /** The receiver's ask at `path` (a `$ask` path) will get no answer from the sender. */
  | { readonly type: "ask-failed"; readonly path: string; readonly code: AskFailure };

const REASONS: readonly unknown[] = ["stopped", "crashed", "not-found", "node-down"] satisfies TerminationReason[];

const FAILURES: readonly unknown[] = [
  "timeout",
  "no-recipient",
  "mailbox-full",
  "node-down",
  "wrong-type",
  "unsendable",
] satisfies AskFailure[];

/** Undefined for everything that no kernel of ours says, and for what was not sent by a kernel. */
export function parseKernelMessage(envelope: Envelope): KernelMessage | undefined {
  const value = envelope.message;
  if (envelope.from.path !== KERNEL_PATH || typeof value !== "object" || value === null) return undefined;
  const { type, id, path, watcher, reason, sent, limit, code } = value as Readonly<Record<string, unknown>>;
  if (envelope.to.path !== KERNEL_PATH) return type === "report" && isCount(sent) ? { type, sent } : undefined;
  switch (type) {
    case "watch":
    case "unwatch":
      return isCount(id) && isActorPath(path) && isActorPath(watcher) ? { type, id, path, watcher } : undefined;
    case "terminated":
      return isCount(id) && isReason(reason) ? { type, id, reason } : undefined;
    case "credit":
      return isActorPath(path) && (limit === null || isCount(limit)) ? { type, path, limit } : undefined;
    case "ask-failed":
      return typeof path === "string" && isFailure(code) ? { type, path, code } : undefined;
    default:
      return undefined;
  }
}

function isActorPath(value: unknown): value is string {
  return typeof value === "string" && value !== "" && !value.startsWith("$");
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isReason(value: unknown): value is TerminationReason {
  return REASONS.includes(value);
}

function isFailure(value: unknown): value is AskFailure {
  return FAILURES.includes(value);
}
