/**
 * What a reliable sender keeps on its host's disk. A write takes a while; when the process ends meanwhile, it is there or it
 * is not. A confirmation may be forgotten then, as the interface allows.
 */
import type { DeliveryStore, Random } from "../../runtime/index.ts";
import type { ProcessLife } from "../timeline/process-life.ts";
import type { Timeline } from "../timeline/timeline.ts";

/** Longest write. */
const WRITE_MAX_US = 20_000;

export class DeliveryDisk<Message> {
  readonly #timeline: Timeline;
  readonly #random: Random;
  #stream: string | null = null;
  #base = 1;
  #messages: Message[] = [];

  constructor(timeline: Timeline, random: Random) {
    this.#timeline = timeline;
    this.#random = random;
  }

  /** Opens it for one life of the node's process. */
  open(life: ProcessLife): DeliveryStore<Message> {
    return {
      load: (fresh, done) => {
        this.#stream ??= fresh;
        const value = { stream: this.#stream, base: this.#base, messages: [...this.#messages] };
        this.#later(life, () => done({ ok: true, value }));
      },
      append: (after, messages, done) => {
        if (after !== this.#base + this.#messages.length - 1) {
          this.#timeline.fail("delivery-store", `A sender appends after ${after}, and its disk holds another number`);
        }
        const isEarly = this.#random.next() < 0.5;
        if (isEarly) this.#messages.push(...messages);
        this.#later(life, () => {
          if (!isEarly) this.#messages.push(...messages);
          done({ ok: true, value: null });
        });
      },
      confirm: (seq) => {
        if (this.#random.next() < 0.3) return;
        this.#messages.splice(0, seq - this.#base + 1);
        this.#base = Math.max(this.#base, seq + 1);
      },
    };
  }

  #later(life: ProcessLife, run: () => void): void {
    this.#timeline.after(this.#random.integer(WRITE_MAX_US), () => life.enter(run));
  }
}
