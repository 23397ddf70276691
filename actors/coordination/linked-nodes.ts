/** Which nodes a message can reach from here: this one, and those that it is linked to. Fed by `ctx.watchLinks`. */
import type { LinkEvent } from "../../runtime/index.ts";

export class LinkedNodes {
  readonly #reachable: Set<string>;

  constructor(self: string) {
    this.#reachable = new Set([self]);
  }

  take({ type, node }: LinkEvent): void {
    if (type === "up") this.#reachable.add(node);
    else this.#reachable.delete(node);
  }

  has(node: string): boolean {
    return this.#reachable.has(node);
  }
}
