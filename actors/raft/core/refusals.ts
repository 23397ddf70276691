/** What a member was sent and did not take, by reason. Counted and not told one by one, so that a flood of it costs nothing. */

/** Why the core did not take a message. */
export type RaftRefusal =
  /** A field is missing, of another kind, or no number that Raft could have sent. */
  | "malformed"
  /** Entries with gaps, falling terms or terms above the leader's own: no leader sends such. */
  | "entries-out-of-order"
  /** Several times what the limits allow. */
  | "append-too-large"
  /** Of a term further ahead than any cluster gets while a member is away (`TERM_AHEAD_MAX`). */
  | "term-too-far-ahead"
  /** A vote of somebody who has none in the configuration. */
  | "vote-of-no-voter"
  /** Claims to lead a term that another leads. */
  | "second-leader"
  /** What only the leader of the term may say, from somebody else. */
  | "not-from-leader"
  /** Claims to have entries that its leader has not. */
  | "acknowledged-beyond-log"
  /** An answer to a leader, of somebody whom it does not lead. */
  | "not-a-member";

export class Refusals {
  readonly #counts: Record<RaftRefusal, number> = {
    malformed: 0,
    "entries-out-of-order": 0,
    "append-too-large": 0,
    "term-too-far-ahead": 0,
    "vote-of-no-voter": 0,
    "second-leader": 0,
    "not-from-leader": 0,
    "acknowledged-beyond-log": 0,
    "not-a-member": 0,
  };

  count(reason: RaftRefusal): void {
    this.#counts[reason] += 1;
  }

  get counts(): Readonly<Record<RaftRefusal, number>> {
    return { ...this.#counts };
  }
}
