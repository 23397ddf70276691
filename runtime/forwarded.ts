/**
 * Who stands as the sender of a message that an actor passed on for another one: the actor, for pressure and accounts; the ask
 * that it belongs to, for refusals. So `ctx.forward` holds back whoever forwards, and an ask through a router ends when the
 * routee is gone, not at its timeout.
 */
import type { ActorKernel } from "./actor-kernel.ts";
import type { AskFailure } from "./ask-result.ts";
import type { Source } from "./pressure.ts";
import { Ref, type AnyRef, type Recipient } from "./ref.ts";

/** The sender of what `actor` forwards of `sender`. */
export function forwardedBy(kernel: ActorKernel, actor: AnyRef, sender: AnyRef | null): AnyRef {
  // Without an ask there is nobody to tell of a refusal.
  if (sender === null || (sender.target.refused === undefined && !sender.path.startsWith("$ask/"))) return actor;
  return new Ref<never>({ node: kernel.node, path: null }, new Forwarded(kernel, actor, sender));
}

class Forwarded implements Recipient<never> {
  readonly asker: AnyRef;
  readonly #kernel: ActorKernel;
  readonly #ask: AnyRef;

  constructor(kernel: ActorKernel, actor: AnyRef, ask: AnyRef) {
    this.#kernel = kernel;
    this.asker = actor;
    this.#ask = ask;
  }

  get source(): Source | null {
    return this.asker.target.source ?? null;
  }

  /** An ask of this node can be refused by every other one; of another node's only this one can speak. */
  makePath(): string {
    return this.#ask.node === this.#kernel.node ? this.#ask.path : this.asker.path;
  }

  receive(message: never, sender: AnyRef | null): void {
    this.#kernel.tell(this.#ask, message, sender);
  }

  refused(code: AskFailure): void {
    this.#kernel.refuse(this.#ask, code);
  }

  sentTo(node: string): void {
    this.#ask.target.sentTo?.(node);
  }
}
