/**
 * A leader's changes of the configuration: when it may make one, and how a joint one ends by itself.
 *
 * One at a time, and none before an entry of the leader's own term is committed: else two leaders in turn could each put a
 * change of their own on top of the same configuration, and the two would have disjoint majorities (fault 2; Ongaro to
 * raft-dev, 10 July 2015). A change is done when its last entry is committed; until then the next one is refused.
 *
 * A learner is promoted only when it has caught up: as a voter that lacks the log, or is dead, it would hold up every commit
 * (fault 40; dissertation §4.2.1). Caught up means, exactly: it has acknowledged entries to this leader, it lacks at most
 * `promotionLagMax` of what is committed, and it was heard within the shortest election timeout.
 */
import { encodeConfiguration } from "./configuration-codec.ts";
import { isJoint, type Configuration } from "./configuration.ts";
import type { Member } from "./member.ts";
import { describeChange, leaveJoint, nextConfiguration, type NextConfiguration } from "./membership.ts";
import type { ChangeMembershipResult, MembershipChange } from "./ready.ts";

/** What a leader knows of a peer that is to be promoted. */
export interface PeerLog {
  readonly match: number;
  readonly heardAtMs: number;
}

type Refusal = Exclude<ChangeMembershipResult, { ok: true }>;

export class MembershipChanges {
  readonly #member: Member;
  /** Index of the no-op that opened the leader's term. */
  readonly #firstIndex: number;

  constructor(member: Member, firstIndex: number) {
    this.#member = member;
    this.#firstIndex = firstIndex;
  }

  /** Appends the next configuration to the log, where it is in force at once. The caller replicates it. */
  change(
    changes: readonly MembershipChange[],
    autoLeave: boolean,
    peer: (member: string) => PeerLog | undefined,
    nowMs: number,
  ): ChangeMembershipResult {
    const what = changes.map(describeChange).join(", then ");
    const refusal = this.#notNow(what);
    if (refusal) return refusal;
    const { configuration, rules } = this.#member;
    const next = nextConfiguration(configuration, changes, autoLeave);
    if (!next.ok) return this.#append(next);
    const way = rules.wayTo(next.configuration);
    return this.#notCaughtUp(way, peer, nowMs) ?? this.#append({ ok: true, configuration: way });
  }

  /** Ends a joint configuration that does not end by itself. */
  leave(): ChangeMembershipResult {
    return this.#notNow("leave the joint configuration") ?? this.#append(leaveJoint(this.#member.configuration));
  }

  /** Ends a joint configuration that is committed and is to end by itself; also one that an earlier leader began. True when it did. */
  leaveIfDue(): boolean {
    const { configuration } = this.#member;
    if (!isJoint(configuration) || !configuration.autoLeave || !this.#isSettled) return false;
    return this.leave().ok;
  }

  /** The configuration in force is committed, and so is an entry of the own term. */
  get #isSettled(): boolean {
    const { log, configurations } = this.#member;
    return log.commit >= this.#firstIndex && log.commit >= configurations.index;
  }

  #notNow(what: string): Refusal | null {
    const { log, configurations, term, outbox, rules } = this.#member;
    if (!this.#member.hasRoom) {
      return this.#refuse(
        "overloaded",
        `Cannot ${what}: the leader's disk has no room. Make room, or wait for another leader`,
      );
    }
    if (!rules.mayChangeMembers(log.commit, this.#firstIndex)) {
      const why = `nothing of term ${term} is committed yet${outbox.isWriting ? " (a write is under way)" : ""}`;
      return this.#refuse(
        "term-not-committed",
        `Cannot ${what}: ${why}. Try again in a moment; if it lasts, a quorum is missing`,
      );
    }
    if (log.commit < configurations.index) {
      const why = `the configuration at index ${configurations.index} is not committed yet (commit is ${log.commit})`;
      return this.#refuse(
        "change-under-way",
        `Cannot ${what}: ${why}. Wait until it is; if it lasts, a quorum is missing`,
      );
    }
    return null;
  }

  #notCaughtUp(next: Configuration, peer: (member: string) => PeerLog | undefined, nowMs: number): Refusal | null {
    const { log, limits, timing, configuration } = this.#member;
    for (const voter of next.voters) {
      if (configuration.voters.includes(voter)) continue;
      const { match = 0, heardAtMs = -Infinity } = peer(voter) ?? {};
      const what = `Cannot promote "${voter}" to a voter`;
      if (match === 0 || nowMs - heardAtMs >= timing.electionTimeoutMinMs) {
        const why = match === 0 ? "it has acknowledged nothing yet" : `it was last heard ${nowMs - heardAtMs} ms ago`;
        return this.#refuse("not-caught-up", `${what}: ${why}. Make sure that it runs and is reached`);
      }
      const lag = log.commit - match;
      if (lag > limits.promotionLagMax) {
        const why = `it lacks ${lag} committed entries, at most ${limits.promotionLagMax} may lack`;
        return this.#refuse("not-caught-up", `${what}: ${why}. Wait until it has caught up`);
      }
    }
    return null;
  }

  #append(next: NextConfiguration): ChangeMembershipResult {
    if (!next.ok) return this.#refuse(next.code, next.message);
    const { log, term } = this.#member;
    const { index } = log.append({ term, type: "configuration", payload: encodeConfiguration(next.configuration) });
    return { ok: true, index, term };
  }

  #refuse(code: Refusal["code"], message: string): Refusal {
    return { ok: false, code, message, leader: this.#member.self };
  }
}
