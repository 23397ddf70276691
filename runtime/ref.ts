/**
 * A ref is the only handle on an actor: location transparent, safe to put into a message, also to another node.
 *
 * A ref made in this process holds its target, so a local tell costs no lookup. Whoever tells compares the ref's node
 * with its own; a ref of another node goes through the remoting port by its address alone. That is what lets the
 * simulator hand refs between nodes of one process without a short cut around its network.
 *
 * Its path is made when it is first read: most actors and nearly all asks never leave their node and are never named.
 */
import type { AskFailure } from "./ask-result.ts";
import type { MailboxMetrics } from "./mailbox-metrics.ts";
import type { Address } from "./ports/address.ts";
import type { Pressure, Source } from "./pressure.ts";
import type { Inlet } from "./remote/inlet.ts";

/** `M` is the type of message that the actor accepts. */
export class Ref<in M> implements Address {
  readonly node: string;
  /** @internal What receives: an actor, which answers for itself after its end, or a look-up at each message. */
  readonly target: Recipient<M>;
  #path: string | null;

  /** @internal Use `ctx.spawn`, `ctx.refAt` or `system.refAt`. A path of null is asked from the target when needed. */
  constructor(address: { readonly node: string; readonly path: string | null }, target: Recipient<M>) {
    this.node = address.node;
    this.#path = address.path;
    this.target = target;
  }

  get path(): string {
    this.#path ??= this.target.makePath?.() ?? "";
    return this.#path;
  }

  toString(): string {
    return `blixard://${this.node}/${this.path}`;
  }

  toJSON(): Address {
    return { node: this.node, path: this.path };
  }
}

/** Any ref, where the type of its messages does not matter: to watch, to stop, to name. */
export type AnyRef = Ref<never>;

/** @internal Something a message can be put into: a local actor, a pending ask, another node, nobody. */
export interface Recipient<in M> {
  receive(message: M, sender: AnyRef | null): void;
  /** Set when this is an actor of this process; asks and addresses elsewhere cannot be watched through it. */
  readonly actor?: LocalActor<M>;
  /** Makes the path of a ref that was made without one. Called once. */
  makePath?(): string;
  /** What to hold back when it sends too much: the actor itself, or the one that asked. Null: nothing can be. */
  readonly source?: Source | null;
  /** For an ask: the actor that asked, null outside of actors. */
  readonly asker?: AnyRef | null;
  /** For an ask: nobody will answer, and this is why. Does nothing when it has ended already. */
  refused?(code: AskFailure): void;
  /** For an ask: it goes to that node, and ends when the link there does. */
  sentTo?(node: string): void;
}

/** @internal An actor of this process, as the kernel sees it. */
export interface LocalActor<in M> extends Recipient<M> {
  /** Its own; no other actor is ever meant by it. */
  readonly ref: AnyRef;
  /** Whether `message`, from another node, is one for this actor. */
  accepts(message: unknown): boolean;
  readonly metrics: MailboxMetrics;
  /** What senders wait for; null while they need not. */
  readonly pressure: Pressure | null;
  /** Counts what other nodes send, when the mailbox presses back; null when there is nothing to count. */
  readonly inlet: Inlet | null;
  /** Tells `watcher` once when the actor ends; at once if it has. */
  addWatcher(watcher: AnyRef): void;
  removeWatcher(watcher: AnyRef): void;
  /** An actor that it watches is gone. */
  terminated(ref: AnyRef, reason: TerminationReason): void;
}

/** `node-down`: the link to the watched actor's node was lost, so nothing is known of it any more. */
export type TerminationReason = "stopped" | "crashed" | "not-found" | "node-down";
