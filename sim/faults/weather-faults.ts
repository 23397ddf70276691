/** Faults that worsen a number of the weather for a while: loss, delay, slow disks. Of several at once the worst holds. */
import type { FaultEndings } from "./fault-endings.ts";
import type { Timeline } from "../timeline/timeline.ts";

/** One number that is worse than it was drawn. */
interface Raised {
  readonly weather: object;
  readonly key: string;
  readonly value: number;
  /** What it is without any fault. */
  readonly calm: number;
}

export class WeatherFaults {
  readonly #timeline: Timeline;
  readonly #endings: FaultEndings;
  readonly #raised: Raised[] = [];

  constructor(timeline: Timeline, endings: FaultEndings) {
    this.#timeline = timeline;
    this.#endings = endings;
  }

  /** `node`, `nodes`: whose weather it is, or between whom; of everybody where both are left out. */
  raise<Key extends string>(
    weather: Record<Key, number>,
    key: Key,
    worse: {
      readonly value: number;
      readonly durationUs: number;
      readonly node?: number;
      readonly nodes?: readonly number[];
    },
  ): void {
    const { value, durationUs, node } = worse;
    const nodes = worse.nodes ?? (node === undefined ? [] : [node]);
    const isSame = (one: Raised): boolean => one.weather === weather && one.key === key;
    const calm = this.#raised.find(isSame)?.calm ?? weather[key];
    const raised: Raised = { weather, key, value, calm };
    const settle = (): void => {
      weather[key] = Math.max(calm, ...this.#raised.filter(isSame).map((one) => one.value));
    };
    this.#raised.push(raised);
    this.#timeline.note(`fault ${key} ${value.toFixed(3)}`);
    settle();
    this.#endings.after(durationUs, (core) => {
      // On a link out of the core, too: it is no cut. A leader outside would lead on by it, and nothing says how slow is too slow.
      if (core !== null && nodes.length > 0 && !nodes.some((one) => core.has(one))) return;
      this.#raised.splice(this.#raised.indexOf(raised), 1);
      settle();
    });
  }
}
