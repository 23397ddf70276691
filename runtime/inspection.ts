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
  /** In words, where the reason alone does not say it: `message.list[0].at is cyclic`. */
  readonly detail?: string;
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
  /** For another node, to which there is no link: it is down, or no peer at all. */
  | "node-down"
  /** For another node, and more waits on the link to it already than the transport takes. */
  | "link-full"
  /** For another node, and no transport carries such a message; `detail` says why. */
  | "unsendable"
  /** To a path that no actor can have: the ref was not made by a kernel, or names the kernel itself. */
  | "forged-ref"
  /** From another node, and not what the behaviour accepts: one of another version, perhaps. */
  | "wrong-type"
  /** From another node's kernel, and not what kernels say to each other. */
  | "malformed";
