/**
 * Linearizable reads at the leader (ReadIndex, Ongaro's dissertation §6.4): note the commit index, make sure by a round of
 * heartbeats that nobody else led when it was noted, then answer.
 *
 * Reads wait for one round at a time. A round's number is new, its heartbeats leave after its reads came, and a read that
 * comes later waits for the next round: an acknowledgement can never vouch for a read it did not know (fault 13, etcd
 * #20418). No round begins before the leader has committed an entry of its own term, since until then its commit index may
 * be behind what an earlier leader has answered (fault 12, etcd #7331).
 */
import type { Essence } from "./essence.ts";
import type { RaftRules } from "./raft-rules.ts";
import type { ReadFailure } from "./ready.ts";

/** A read of this member's own, or one that another member asks for. */
export type PendingRead =
  | { readonly origin: "local"; readonly id: string }
  | { readonly origin: "remote"; readonly node: string; readonly token: string };

/** Reads that a quorum has confirmed, and the index at which they are linearizable. */
export interface FinishedRound {
  readonly round: number;
  readonly index: number;
  readonly reads: readonly PendingRead[];
}

/** The reads that wait at a leader, in rounds of heartbeats (dissertation §6.4). */
export class ReadRounds {
  readonly #pendingMax: number;
  readonly #rules: RaftRules;
  /** Number of the newest round; heartbeats carry it. */
  #round = 0;
  #underWay: FinishedRound | null = null;
  #waiting: PendingRead[] = [];

  constructor(pendingMax: number, rules: RaftRules) {
    this.#pendingMax = pendingMax;
    this.#rules = rules;
  }

  get round(): number {
    return this.#round;
  }

  /** A new round, for whatever it is to be told from the ones before. */
  beat(): number {
    this.#round = this.#rules.nextRound(this.#round);
    return this.#round;
  }

  add(read: PendingRead): ReadFailure | null {
    if (this.#waiting.length + (this.#underWay?.reads.length ?? 0) >= this.#pendingMax) return "overloaded";
    this.#waiting.push(read);
    return null;
  }

  /** Begins a round at commit index `index` if reads wait and none is under way. True: heartbeats must go out now. */
  begin(index: number): boolean {
    if (this.#underWay !== null || this.#waiting.length === 0) return false;
    this.#underWay = { round: this.beat(), index, reads: this.#waiting };
    this.#waiting = [];
    return true;
  }

  /** A quorum has acknowledged every round up to `round`. */
  confirm(round: number): FinishedRound | null {
    const finished = this.#underWay;
    if (finished === null || round < finished.round) return null;
    this.#underWay = null;
    return finished;
  }

  /** `essence.ts` */
  essence(): Essence {
    return [this.#round, this.#underWay, this.#waiting];
  }

  /** All that is not answered, to be refused. */
  abandon(): readonly PendingRead[] {
    const reads = [...(this.#underWay?.reads ?? []), ...this.#waiting];
    this.#underWay = null;
    this.#waiting = [];
    return reads;
  }
}
