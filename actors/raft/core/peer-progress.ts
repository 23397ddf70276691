/**
 * What a leader knows of one follower's log, and the one append that is under way to it.
 *
 * Only the answer to that very append may move `next` back: an older refusal says nothing about now. `match` moves by any
 * answer of the term, since a follower never loses what it has acknowledged to its leader.
 */
export class PeerProgress {
  readonly node: string;
  /** Last index known to be durable there. */
  match = 0;
  /** First index to send. */
  next: number;
  /** Append not answered yet. */
  inFlight: { readonly sequence: number; readonly previousIndex: number; readonly sentAtMs: number } | null = null;
  heardAtMs: number;
  /** Newest round of reads it has answered. */
  round = 0;
  /** Highest commit index it was told. */
  commitSent = 0;

  /** The first append is a guess: that the follower has all but the new leader's first entry. */
  constructor(node: string, next: number, nowMs: number) {
    this.node = node;
    this.next = next;
    this.heardAtMs = nowMs;
  }

  acknowledge(sequence: number, match: number): void {
    this.match = Math.max(this.match, match);
    this.next = Math.max(this.next, this.match + 1);
    if (this.inFlight?.sequence === sequence) this.inFlight = null;
  }

  /** Sends again from the last known position. */
  retry(): void {
    this.inFlight = null;
  }
}
