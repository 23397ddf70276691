/** Times and limits of one member. All members of a cluster should have the same. */

/** Times of one member, in milliseconds; the same at all members of a cluster. */
export interface RaftTiming {
  /**
   * A member campaigns when it has heard no leader for a time drawn from this range. Default 600 to 1,200 ms: six missed
   * heartbeats, so that a busy disk or a garbage collection is no reason, and a new leader still stands within 2 s. The
   * lower bound is also how long a member that hears a leader refuses to vote; the upper one how long a leader leads
   * without hearing a quorum.
   */
  readonly electionTimeoutMinMs: number;
  readonly electionTimeoutMaxMs: number;
  /** Default 100 ms. */
  readonly heartbeatMs: number;
  /**
   * A member whose link to the leader is lost campaigns after a time from 0 to this: a process that was killed takes its
   * connections with it, so there is nothing to wait for. Those that still hear the leader refuse (they are sticky).
   * Default 200 ms: several round trips apart, so that two seldom campaign at once.
   */
  readonly successionMs: number;
  /** An append that is not answered for so long while its receiver answers heartbeats is sent again. Default 300 ms. */
  readonly appendRetryMs: number;
  /**
   * A snapshot under way of which nothing arrives for so long is given up, and asked for again when its receiver is heard. Default
   * 10,000 ms: a receiver that writes a chunk reports several times a second.
   */
  readonly snapshotStalledMs: number;
}

/** How much a member puts into one message and keeps under way. */
export interface RaftLimits {
  /** Most entries in an append. Default 1,024: beyond it the cost of a message is in its bytes. */
  readonly entriesPerMessageMax: number;
  /** Most payload bytes in an append, but one entry always goes. Default 1 MiB, well within a frame of the transport. */
  readonly bytesPerMessageMax: number;
  /** Largest payload of a proposal; a larger one is refused. Default 1 MiB. */
  readonly payloadBytesMax: number;
  /** Most payload bytes a leader takes before they commit; then it refuses proposals. Default 64 MiB of memory. */
  readonly uncommittedBytesMax: number;
  /**
   * How long a proposal may be expected to wait for its commit, in milliseconds; beyond it a leader refuses proposals, but vital ones, as those
   * that renew leases, only beyond four times as long. Default 1,000: a renewal behind all that is queued is still in time. What is short
   * of it is never refused, nor what comes while the oldest has waited for less than 200 ms. Infinity: no bound.
   */
  readonly uncommittedMsMax: number;
  /** Most appends under way to one follower. Default 64: a round trip of 10 ms at one append every 0.2 ms. */
  readonly appendsInFlightMax: number;
  /** Most payload bytes under way to one follower. Default 16 MiB. */
  readonly bytesInFlightMax: number;
  /** Entries that are kept behind a snapshot, for followers that are a little behind. Default 10,000. */
  readonly trailingEntries: number;
  /** Most payload bytes that are kept behind a snapshot, whatever `trailingEntries` says. Default 16 MiB. */
  readonly trailingBytesMax: number;
  /** Most committed entries that a learner may lack when it is promoted. Default 1,000: what one append brings. */
  readonly promotionLagMax: number;
  /** Most reads that wait at one member; then it refuses reads. Default 10,000: more than clients of one node. */
  readonly pendingReadsMax: number;
}

/** The times of a member whose options name none. */
/** How one member is to lead, if it does. */
export interface RaftPreferences {
  /**
   * Reads at the leader need no round of heartbeats while a lease runs that a quorum of voters with this option renews. They are linearizable
   * as long as no clock outruns another by more than 1 % (`read-lease.ts`). Its price: nobody campaigns before an election timeout
   * is over, also when the leader's process is known to be gone. Default false. To switch it off, restart one member after the other.
   */
  readonly leaseReads: boolean;
  /**
   * Who had better lead: from -10 to 10. Below 0 a member waits longer before it campaigns, by a tenth of the longest election timeout a step;
   * and a leader hands over to a caught-up voter of a higher priority than its own. Default 0: all are equal.
   */
  readonly priority: number;
}

/** What a member prefers whose options say nothing. */
export const DEFAULT_RAFT_PREFERENCES: RaftPreferences = { leaseReads: false, priority: 0 };

/** The times of a member whose options name none. */
export const DEFAULT_RAFT_TIMING: RaftTiming = {
  electionTimeoutMinMs: 600,
  electionTimeoutMaxMs: 1200,
  heartbeatMs: 100,
  successionMs: 200,
  appendRetryMs: 300,
  snapshotStalledMs: 10_000,
};

/** The limits of a member whose options name none. */
export const DEFAULT_RAFT_LIMITS: RaftLimits = {
  entriesPerMessageMax: 1024,
  bytesPerMessageMax: 1_048_576,
  payloadBytesMax: 1_048_576,
  uncommittedBytesMax: 67_108_864,
  uncommittedMsMax: 1000,
  appendsInFlightMax: 64,
  bytesInFlightMax: 16_777_216,
  trailingEntries: 10_000,
  trailingBytesMax: 16_777_216,
  promotionLagMax: 1000,
  pendingReadsMax: 10_000,
};
