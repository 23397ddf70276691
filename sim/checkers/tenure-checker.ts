/**
 * One holder acts: of all copies of a singleton or an entity, at most one lives under a valid tenure at any instant, and what
 * they do comes in the order of their fences.
 *
 * It looks at the copies themselves and at the clocks of their hosts, not at what the map says. A copy whose process stands
 * still lives on; its tenure ends by its host's clock all the same.
 */
import type { Timeline } from "../timeline/timeline.ts";

export interface Copy {
  readonly key: string;
  readonly node: number;
  readonly fence: number;
  /** Whether it may act now, by the clock of its own host. */
  isValid(): boolean;
}

interface LastAct {
  readonly copy: Copy;
  readonly atUs: number;
}

export class TenureChecker {
  begun = 0;
  acts = 0;
  readonly #timeline: Timeline;
  readonly #living = new Map<string, Set<Copy>>();
  readonly #last = new Map<string, LastAct>();

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  /** Those that live, valid or not. */
  living(key: string): readonly Copy[] {
    return [...(this.#living.get(key) ?? [])];
  }

  onBegin(copy: Copy): void {
    this.begun += 1;
    const copies = this.#living.get(copy.key) ?? new Set<Copy>();
    this.#living.set(copy.key, copies);
    copies.add(copy);
    this.#timeline.note(`begin ${copy.node} ${copy.key} fence ${copy.fence}`);
    this.#checkAlone(copy, "begins");
  }

  onAct(copy: Copy): void {
    this.acts += 1;
    this.#checkAlone(copy, "acts");
    const last = this.#last.get(copy.key);
    this.#last.set(copy.key, { copy, atUs: this.#timeline.nowUs });
    if (last === undefined || last.copy.fence <= copy.fence) return;
    const since = `fence ${last.copy.fence} acted on node ${last.copy.node} at ${last.atUs / 1000} ms`;
    this.#timeline.fail(
      "acts-in-order-of-fences",
      `"${copy.key}" acts on node ${copy.node} under fence ${copy.fence}, and ${since}`,
    );
  }

  onEnd(copy: Copy): void {
    if (this.#living.get(copy.key)?.delete(copy) === true) this.#timeline.note(`end ${copy.node} ${copy.key}`);
  }

  /** The process of a node is gone. */
  onNodeEnd(node: number): void {
    for (const copies of this.#living.values()) {
      for (const copy of copies) if (copy.node === node) copies.delete(copy);
    }
  }

  #checkAlone(copy: Copy, what: string): void {
    for (const other of this.#living.get(copy.key) ?? []) {
      if (other === copy || !other.isValid()) continue;
      const where = `on node ${copy.node} under fence ${copy.fence}`;
      this.#timeline.fail(
        "one-holder-acts",
        `"${copy.key}" ${what} ${where}, while another lives on node ${other.node} under fence ${other.fence}`,
      );
    }
  }
}
