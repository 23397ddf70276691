/** Which nodes this one is linked to, for the actors that ask; `ctx.watchLinks` ends here. */
import type { LinkEvent, Remoting } from "./ports/remoting.ts";

export class Links {
  readonly #up = new Map<string, LinkEvent>();
  readonly #listeners = new Set<(event: LinkEvent) => void>();

  constructor(remoting: Remoting | undefined) {
    remoting?.onLink((event) => {
      if (event.type === "up") this.#up.set(event.node, event);
      else this.#up.delete(event.node);
      for (const listen of [...this.#listeners]) listen(event);
    });
  }

  /** Tells of each link that is up at once, then of every change. Returns what ends it. */
  listen(listen: (event: LinkEvent) => void): () => void {
    this.#listeners.add(listen);
    for (const event of this.#up.values()) listen(event);
    return () => void this.#listeners.delete(listen);
  }
}
