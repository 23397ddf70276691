/**
 * A member whose disk has lost entries that it may have acknowledged: it takes the log from a leader again, and until then it
 * neither votes nor campaigns.
 *
 * Let D be its term when the damage was found. It enters D + 1 at once, so all it had acknowledged was acknowledged in D or
 * before, and its entries are of terms up to D. It is recovered when an entry of a term later than D is durable in its log: that
 * entry came from a leader of a later term, whose log held all that was committed in D or before (leader completeness), and a
 * log matches its leader's up to any entry of it (log matching). A vote before that could elect a leader which lacks a committed
 * entry whose quorum counted on this member (fault 31).
 *
 * `damagedTerm` is kept in the hard state until then: the first write replaces the damage, and a restart would not see it.
 */
import type { Essence } from "./essence.ts";
import type { RaftLog } from "./raft-log.ts";
import type { RaftRules } from "./raft-rules.ts";

export class Recovery {
  readonly #log: RaftLog;
  readonly #rules: RaftRules;
  #damagedTerm: number | null;

  /** Null: nothing is damaged. */
  constructor(damagedTerm: number | null, log: RaftLog, rules: RaftRules) {
    this.#rules = rules;
    this.#damagedTerm = damagedTerm;
    this.#log = log;
  }

  /** The term in which the damage was found, until it is made good. */
  get damagedTerm(): number | null {
    const { durable } = this.#log;
    if (this.#damagedTerm !== null && (this.#log.termAt(durable) ?? 0) > this.#damagedTerm) this.#damagedTerm = null;
    return this.#damagedTerm;
  }

  /** `essence.ts` */
  essence(): Essence {
    return [this.damagedTerm];
  }

  get isUnderWay(): boolean {
    return this.damagedTerm !== null && this.#rules.mustRecover();
  }
}
