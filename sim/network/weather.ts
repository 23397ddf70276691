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
  /** Each direction takes longer by a factor of its own, drawn once from 1 to this. */
  readonly spread: number;
}
