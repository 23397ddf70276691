/**
 * Parts of the simulator for contract suites, which wait for promises: while somebody waits, simulated time passes by a
 * millisecond a macrotask.
 */
import { createRandom, type Random } from "../../../runtime/index.ts";
import { EventLog } from "../../../sim/timeline/event-log.ts";
import { Timeline } from "../../../sim/timeline/timeline.ts";

const STEP_US = 1000;

export class PumpedWorld {
  readonly timeline: Timeline;
  readonly random: Random;
  #stopped = false;

  constructor(seed: number) {
    this.random = createRandom(seed);
    this.timeline = new Timeline(this.random.fork(), new EventLog({ linesKept: 100 }));
    this.#pump();
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Waits until the condition holds; rejects after `limitMs` of simulated time. */
  async until(condition: () => boolean, limitMs = 60_000): Promise<void> {
    const untilUs = this.timeline.nowUs + limitMs * 1000;
    while (!condition()) {
      if (this.timeline.nowUs > untilUs) throw new Error(`not within ${limitMs} ms: ${condition.toString()}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async pause(durationMs: number): Promise<void> {
    const untilUs = this.timeline.nowUs + durationMs * 1000;
    await this.until(() => this.timeline.nowUs >= untilUs, durationMs + 1000);
  }

  #pump(): void {
    if (this.#stopped) return;
    this.timeline.run(this.timeline.nowUs + STEP_US);
    setImmediate(() => this.#pump());
  }
}
