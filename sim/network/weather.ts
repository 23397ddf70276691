/** How messages travel, for all directions of all links; faults make it worse for a while, everywhere or for one direction. */

/** Times in microseconds. */
export interface NetworkWeather {
  /** Shortest way. */
  delayMinUs: number;
  /** Mean of the exponential part on top. */
  delayMeanUs: number;
  /** Share of messages that are lost on a link that is up. */
  loss: number;
  /** Share of messages that take `spikeUs` longer. */
  spikes: number;
  spikeUs: number;
  /** Share of messages between Raft's members that come again some time later, and of those that wait for no other. */
  duplicates: number;
  reordered: number;
  /** Each direction takes less by a factor of its own, drawn once from 1 to this. */
  readonly spread: number;
}

/** What a fault may worsen for one direction alone. */
export type LaneWeatherKey = "loss" | "delayMeanUs" | "duplicates" | "reordered";

/** The weather of one direction that a fault has made worse: of both the worse counts. */
export class LaneWeather implements NetworkWeather {
  /** What is worse here; 0 where nothing is. */
  readonly worse: Record<LaneWeatherKey, number> = { loss: 0, delayMeanUs: 0, duplicates: 0, reordered: 0 };
  readonly #everywhere: NetworkWeather;

  constructor(everywhere: NetworkWeather) {
    this.#everywhere = everywhere;
  }

  get delayMinUs(): number {
    return this.#everywhere.delayMinUs;
  }

  get delayMeanUs(): number {
    return Math.max(this.#everywhere.delayMeanUs, this.worse.delayMeanUs);
  }

  get loss(): number {
    return Math.max(this.#everywhere.loss, this.worse.loss);
  }

  get spikes(): number {
    return this.#everywhere.spikes;
  }

  get spikeUs(): number {
    return this.#everywhere.spikeUs;
  }

  get duplicates(): number {
    return Math.max(this.#everywhere.duplicates, this.worse.duplicates);
  }

  get reordered(): number {
    return Math.max(this.#everywhere.reordered, this.worse.reordered);
  }

  get spread(): number {
    return this.#everywhere.spread;
  }
}
