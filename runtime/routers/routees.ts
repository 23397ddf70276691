/** The routees of one router, and the way of a message to them: the message itself, never a copy. */
import type { Context } from "../context.ts";
import type { Ref } from "../ref.ts";
import { createPicker, type Picker } from "./pickers.ts";
import type { Routing } from "./routing.ts";

/** What routing needs of a router's context, whatever its messages are. */
export type RouterContext = Pick<Context<never>, "forward" | "node" | "random" | "refAt" | "self" | "tell">;

export class Routees<M> {
  #routees: readonly Ref<M>[] = [];
  /** Null for broadcast. */
  readonly #picker: Picker<M> | null;

  constructor(routing: Routing<M>, ctx: RouterContext) {
    this.#picker = routing === "broadcast" ? null : createPicker(routing, ctx);
  }

  get all(): readonly Ref<M>[] {
    return this.#routees;
  }

  use(routees: readonly Ref<M>[]): void {
    this.#routees = routees;
    this.#picker?.use(routees);
  }

  /** Without routees the message is a dead letter. */
  route(message: M, ctx: RouterContext): void {
    if (this.#picker === null && this.#routees.length > 0) {
      for (const routee of this.#routees) ctx.tell(routee, message);
      return;
    }
    ctx.forward(this.#picker?.pick(message) ?? nobody(ctx), message);
  }
}

/** What is told to it is a dead letter, `no-recipient`. */
export function nobody(ctx: RouterContext): Ref<unknown> {
  return ctx.refAt({ node: ctx.node, path: `${ctx.self.path}/nobody` });
}
