/** The inspection stream: what happens in an actor system, for tests, traces and people. Costs nothing unobserved. */
import type { AnyRef } from "./ref.ts";
import type { Directive } from "./supervision.ts";

export type InspectionEvent =
  | { readonly type: "spawned"; readonly ref: AnyRef; readonly behavior: string }
  /** About to be handled. */
  | { readonly type: "message"; readonly ref: AnyRef; readonly sender: AnyRef | null; readonly message: unknown }
  | { readonly type: "crashed"; readonly ref: AnyRef; readonly error: unknown; readonly directive: Directive }
  | { readonly type: "restarted"; readonly ref: AnyRef }
  | { readonly type: "stopped"; readonly ref: AnyRef }
  | { readonly type: "dead-letter"; readonly letter: DeadLetter };

/** A message that nobody will handle. */
export interface DeadLetter {
  readonly to: AnyRef;
  readonly sender: AnyRef | null;
  readonly message: unknown;
  readonly reason: DeadLetterReason;
}

export type DeadLetterReason =
  /** The actor had stopped, or never existed. */
  | "no-recipient"
  | "mailbox-full"
  /** The actor stopped with this message waiting. */
  | "stopped"
  /** The actor crashed while handling it. */
  | "crashed"
  /** For another node, and this system has no remoting. */
  | "no-remoting"
  /** For another node, which takes no more: the channel's own queue was full. */
  | "no-credit"
  /** From another node, and not what the behaviour accepts: one of another version, perhaps. */
  | "wrong-type"
  /** From another node's kernel, and not what kernels say to each other. */
  | "malformed";
