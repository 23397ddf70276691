/**
 * The inspection stream: what happens in an actor system, for tests, traces and people. Costs nothing unobserved.
 *
 * Events form a forest: each names the one that caused it. The cause of a message is the event in whose handling it was
 * told; of an actor's first messages, its spawn; of a restart, its crash. Between nodes it goes along with the message while
 * both of them are observed.
 */
import type { MailboxMetrics } from "./mailbox-metrics.ts";
import type { AnyRef } from "./ref.ts";
import type { Directive } from "./supervision.ts";

/** One thing that happened in an actor system, with the event that caused it. */
export type InspectionEvent = Causal & InspectionDetail;

/** What every event has. */
export interface Causal {
  /** Unique in the cluster while no node is restarted: the node's name and a number. */
  readonly id: string;
  /** The event that this one follows from; it may be a message that was not sampled. Null: from outside of the actors. */
  readonly cause: string | null;
}

/** What happened, by `type`. */
export type InspectionDetail =
  | { readonly type: "spawned"; readonly ref: AnyRef; readonly behavior: string }
  /** About to be handled. */
  | { readonly type: "message"; readonly ref: AnyRef; readonly sender: AnyRef | null; readonly message: unknown }
  /** A timer's message is about to be handled; the message event that follows is caused by this one. */
  | { readonly type: "timer"; readonly ref: AnyRef; readonly key: string }
  | { readonly type: "crashed"; readonly ref: AnyRef; readonly error: unknown; readonly directive: Directive }
  | { readonly type: "restarted"; readonly ref: AnyRef }
  | { readonly type: "stopped"; readonly ref: AnyRef }
  | { readonly type: "dead-letter"; readonly letter: DeadLetter };

/** How much of what happens is wanted. */
export interface InspectOptions {
  /** The share of messages that is told, from 0 to 1: every tenth for 0.1. Other events always are. Default: 1. */
  readonly messageRate?: number;
}

/** One actor as `system.tree()` found it, and those below it in the order of their spawns. */
export interface ActorNode {
  readonly name: string;
  readonly ref: AnyRef;
  /** The name of what it is now; see `become`. */
  readonly behavior: string;
  /** `muted`: has no turns for messages, since a receiver has not caught up or by `ctx.hold`. `restarting`: between two lives. */
  readonly phase: "running" | "muted" | "restarting";
  readonly restarts: number;
  readonly mailbox: MailboxMetrics;
  readonly children: readonly ActorNode[];
}

/** A message that nobody will handle. */
export interface DeadLetter {
  readonly to: AnyRef;
  /** The actor that told or asked; null outside of actors. */
  readonly sender: AnyRef | null;
  readonly message: unknown;
  readonly reason: DeadLetterReason;
  /** In words, where the reason alone does not say it: `message.list[0].at is cyclic`. */
  readonly detail?: string;
}

/** Why nobody handles a message. */
export type DeadLetterReason =
  /** The actor had stopped, or never existed. */
  | "no-recipient"
  | "mailbox-full"
  /** The actor stopped with this message waiting. */
  | "stopped"
  /** The actor crashed while handling it. */
  | "crashed"
  /** The behaviour said that it does nothing with it. */
  | "unhandled"
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
