/**
 * Sessions make a retry harmless: each (session, sequence) acts at most once, and a repetition gets the first outcome.
 *
 * A session carries one open proposal at a time: its owner moves on to the next sequence only when it no longer waits for
 * the one before. So the last sequence and its outcome are all there is to remember, and order of arrival does not matter
 * within a session; a node with many proposals in flight uses as many sessions. Rejected: a window of sequences a session,
 * which needs the owner to say what it has seen and keeps every outcome until then.
 *
 * Memory is bounded by forgetting the session that was used longest ago. A repetition that comes after that is told by
 * `after`, the index its owner had applied when it first made the proposal: if the proposal had acted at index i, then
 * after < i ≤ the last use of its session ≤ `#forgottenThrough`. A proposal of an unknown session with `after` below that
 * is therefore refused; any other cannot have acted. The proof needs no clock (docs/decisions/0009-sessions.md).
 *
 * Source: Ongaro's dissertation, §6.3, where a forgotten session is refused too, but opened by a command of its own.
 */
import type { Outcome, Proposal } from "./commands.ts";
import type { Fingerprint } from "./fingerprint.ts";

/** The first outcome of a proposal. The resource is looked up again: outcomes must not keep old states alive. */
export type FirstOutcome =
  | { readonly ok: true; readonly version: number; readonly changed: boolean; readonly about: About | null }
  | Extract<Outcome, { readonly ok: false }>;

/** The resource that a command was about. */
export interface About {
  readonly kind: "Vm" | "Node";
  readonly name: string;
  readonly uid: string;
}

export type SessionVerdict =
  | { readonly type: "act" }
  | { readonly type: "repeat"; readonly first: FirstOutcome }
  /** Its owner has moved on; nobody waits for an answer. */
  | { readonly type: "superseded" }
  /** It may have acted in a session that is forgotten. Its owner makes it again, as a new proposal. */
  | { readonly type: "expired" };

interface Session {
  readonly sequence: number;
  readonly usedAt: number;
  readonly first: FirstOutcome;
}

/**
 * Sessions that are remembered: eight nodes with every slot in use. A session takes some 300 bytes, so 10 MB at most;
 * past it the least recently used one goes, which costs its owner a second proposal if it is still alive.
 */
export const SESSIONS_MAX = 32_768;

export class SessionTable {
  readonly #max: number;
  readonly #fingerprint: Fingerprint;
  /** In order of last use. */
  readonly #sessions = new Map<string, Session>();
  #forgottenThrough = 0;

  constructor(options: { readonly max: number; readonly fingerprint: Fingerprint }) {
    this.#max = options.max;
    this.#fingerprint = options.fingerprint;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** What stands under a fingerprint key. */
  record(id: string): unknown {
    return this.#sessions.get(id);
  }

  judge(proposal: Proposal): SessionVerdict {
    const session = this.#sessions.get(proposal.session);
    if (session === undefined) return { type: proposal.after < this.#forgottenThrough ? "expired" : "act" };
    if (proposal.sequence > session.sequence) return { type: "act" };
    if (proposal.sequence < session.sequence) return { type: "superseded" };
    return { type: "repeat", first: session.first };
  }

  remember(index: number, proposal: Proposal, first: FirstOutcome): void {
    const { session: id, sequence } = proposal;
    this.#sessions.delete(id);
    this.#sessions.set(id, { sequence, usedAt: index, first });
    this.#fingerprint.put(`session/${id}`);
    if (this.#sessions.size > this.#max) this.#forgetOldest();
  }

  #forgetOldest(): void {
    for (const [id, session] of this.#sessions) {
      this.#sessions.delete(id);
      this.#fingerprint.remove(`session/${id}`);
      this.#forgottenThrough = session.usedAt;
      return;
    }
  }
}
