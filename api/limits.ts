/** The limits of the REST server: what a client, a crowd or an enemy may cost, and what happens past it. */

export interface ApiLimits {
  /** Largest request body. Less than a Raft entry (1 MiB), so that what passes here can be proposed; past it: 413. */
  readonly bodyMaxBytes: number;
  /** Largest request head, as Node.js counts it; past it: 431. */
  readonly headersMaxBytes: number;
  /** Time for a request's head to arrive; past it: 408. What a slow loris lives on. */
  readonly headersMs: number;
  /** Time for a whole request to arrive; past it: 408. */
  readonly requestMs: number;
  /** Time that an unused connection is kept. */
  readonly idleMs: number;
  /** Open connections; further ones are closed at once. */
  readonly connectionsMax: number;
  /** Open watches and log streams; past it: 429. Each may hold `backlogMaxBytes`, so all of them 128 MiB. */
  readonly streamsMax: number;
  /** What waits for a client of a stream that reads slower than things change; past it the stream ends and says why. */
  readonly backlogMaxBytes: number;
  /** Time that a client of a stream may read nothing while something waits for it; past it the stream ends. */
  readonly stallMs: number;
  /** Silence on a stream after which a bookmark or heartbeat shows that it lives. */
  readonly bookmarkMs: number;
  /** Time for the replica to answer a read; past it: 503. An election takes less than two seconds. */
  readonly readMs: number;
  /** Time for a write to be applied; past it: 503, and its fate is unknown. */
  readonly writeMs: number;
  /** Time for a node that is to be added to link and say who it is; past it: 502. Dialing is tried every 2.4 s. */
  readonly joinMs: number;
  /** Time for a snapshot that was asked for to be on disk; past it: 503. Some 3 GB at 50 MB/s. */
  readonly snapshotMs: number;
  /** Time for another node's API to begin an answer; past it that node counts as unreachable. */
  readonly peerMs: number;
  /** Time for a node's guests to say what they use; past it they are named as silent. Less than `peerMs`, so that others hear of it. */
  readonly metricsMs: number;
  /** Time for open requests to end when the server closes; past it their connections are cut. */
  readonly closeMs: number;
}

export const DEFAULT_API_LIMITS: ApiLimits = {
  bodyMaxBytes: 1_000_000,
  headersMaxBytes: 16_384,
  headersMs: 5_000,
  requestMs: 15_000,
  idleMs: 65_000,
  connectionsMax: 1_000,
  streamsMax: 256,
  backlogMaxBytes: 524_288,
  stallMs: 30_000,
  bookmarkMs: 5_000,
  readMs: 5_000,
  writeMs: 10_000,
  joinMs: 6_000,
  snapshotMs: 60_000,
  peerMs: 1_500,
  metricsMs: 1_000,
  closeMs: 2_000,
};

/** How often Node.js looks for requests that are late: its default of 30 s would make the limits above six times as long. */
export const LATENESS_CHECK_MS = 500;

/** Most lines of a log that one request may ask for; what is kept of a log is little more. */
export const LOG_TAIL_MAX = 10_000;
