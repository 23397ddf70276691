/**
 * Messages of other members that were refused: counted by reason, and each reason told once for each sender. A refused
 * message changes nothing, so what is counted here is harmless; it says that a node is misconfigured, of another version, or hostile.
 */

export const REFUSAL_REASONS = [
  /** Of another cluster: a node whose data is another cluster's. */
  "other-cluster",
  /** To another incarnation of this node, whose disk is gone, or to another node. */
  "other-incarnation",
  /** In this member's own name. */
  "own-name",
  /** An answer of somebody who is no member, and so has nothing to answer for. */
  "unknown-member",
  /** Not a message that this version knows, or one with fields that cannot be. */
  "malformed",
  /** Entries that do not follow each other. */
  "entries-out-of-order",
  /** A term that no election can have reached. */
  "absurd-term",
] as const;

export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** Pairs of reason and sender that are told; past it only counted, so that forged names cannot flood a log. */
const TOLD_MAX = 64;

export class Refusals {
  readonly #counts = new Map<RefusalReason, number>();
  readonly #told = new Set<string>();

  /** How often, by reason; reasons that never were are absent. */
  get counts(): Readonly<Partial<Record<RefusalReason, number>>> {
    return Object.fromEntries(this.#counts);
  }

  /** Counts one. True when it is the first of its reason and sender, and so worth a line in a log. */
  add(reason: RefusalReason, from: string): boolean {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
    const pair = `${reason} ${from}`;
    if (this.#told.has(pair) || this.#told.size >= TOLD_MAX) return false;
    this.#told.add(pair);
    return true;
  }
}
