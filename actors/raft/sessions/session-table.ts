/**
 * Sessions make a retry harmless: each (session, sequence) acts at most once, and a repetition gets the first outcome.
 *
 * Part of the state of a replicated machine: moved only by what is committed, carried in its snapshots, and so the same at every member,
 * over restarts and whoever leads. Used by the replicated map (`../../cluster/`) and by the machine layer (`../machine/`).
 *
 * A session carries one open request at a time: its owner moves on to the next sequence only when it no longer waits for
 * the one before. So the last sequence and its outcome are all there is to remember, and order of arrival does not matter
 * within a session; whoever has many requests in flight uses as many sessions. Rejected: a window of sequences a session,
 * which needs the owner to say what it has seen and keeps every outcome until then.
 *
 * A session is forgotten when it was not used for `expiryMs` of replicated time, or when there are more than `max` and it is
 * the one that was used longest ago. A repetition that comes after that is told by `after`, an index that its owner knew of when
 * it first made the request: if the request had acted at index i, then after < i ≤ the last use of its session ≤
 * `forgottenThrough`. A request of an unknown session with `after` below that is therefore refused; any other cannot have
 * acted. The proof needs no clock (docs/decisions/0009-sessions.md).
 *
 * Source: Ongaro's dissertation, §6.3, where a forgotten session is refused too, but opened by a command of its own.
 */

/** What makes a request unique, and a late repetition of it known. */
export interface SessionUse {
  /** Who asks. Never used by anybody else, nor again by a later life of the same process. */
  readonly session: string;
  /** Grows with each new request of the session; the same for its repetitions. */
  readonly sequence: number;
  /** An index that was applied when the request was first made, the higher the better; 0 when none is known. */
  readonly after: number;
}

export type SessionVerdict<First> =
  | { readonly type: "act" }
  | { readonly type: "repeat"; readonly first: First }
  /** Its owner has moved on; nobody waits for an answer. */
  | { readonly type: "superseded" }
  /** It may have acted in a session that is forgotten. Its owner makes it again, as a new request. */
  | { readonly type: "expired" };

/** A session as it stands; never modified. */
export interface Session<First> {
  readonly sequence: number;
  /** Index of its last use. */
  readonly usedAt: number;
  /** Replicated time of its last use. */
  readonly usedAtMs: number;
  /** The outcome of `sequence`. */
  readonly first: First;
}

/** The sessions as of some index; what is applied later does not change it. */
export interface SessionsView<First> {
  readonly forgottenThrough: number;
  /** In order of last use. */
  readonly sessions: readonly (readonly [id: string, session: Session<First>])[];
}

/** Is told the id of each session that has changed or gone. */
export interface SessionListener {
  put(id: string): void;
  remove(id: string): void;
}

/** How many sessions are remembered for how long, and who hears of those that go. */
export interface SessionTableOptions {
  /** Default SESSIONS_MAX. The same at every member: what is forgotten is part of the state. */
  readonly max?: number;
  /** Default SESSION_EXPIRY_MS. The same at every member. */
  readonly expiryMs?: number;
  readonly listener?: SessionListener;
}

/**
 * Sessions that are remembered. A session takes some 300 bytes and its outcome, so 10 MB for small outcomes;
 * past it the least recently used one goes, which costs its owner a second request if it is still alive.
 */
export const SESSIONS_MAX = 32_768;

/** How long a session is remembered that is not used. An hour: nobody repeats a request for so long, and it is no hurry. */
export const SESSION_EXPIRY_MS = 3_600_000;

export class SessionTable<First> {
  readonly #max: number;
  readonly #expiryMs: number;
  readonly #listener: SessionListener | undefined;
  /** In order of last use. */
  #sessions = new Map<string, Session<First>>();
  #forgottenThrough = 0;

  constructor(options: SessionTableOptions = {}) {
    this.#max = options.max ?? SESSIONS_MAX;
    this.#expiryMs = options.expiryMs ?? SESSION_EXPIRY_MS;
    this.#listener = options.listener;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** The highest last use of any session that is forgotten. */
  get forgottenThrough(): number {
    return this.#forgottenThrough;
  }

  get(id: string): Session<First> | undefined {
    return this.#sessions.get(id);
  }

  judge({ session: id, sequence, after }: SessionUse): SessionVerdict<First> {
    const session = this.#sessions.get(id);
    if (session === undefined) return { type: after < this.#forgottenThrough ? "expired" : "act" };
    if (sequence > session.sequence) return { type: "act" };
    if (sequence < session.sequence) return { type: "superseded" };
    return { type: "repeat", first: session.first };
  }

  /** Notes the outcome of what acted at `index`, at replicated time `timeMs`; both never go back. */
  remember(
    { session: id, sequence }: SessionUse,
    { index, timeMs, first }: { readonly index: number; readonly timeMs: number; readonly first: First },
  ): void {
    this.#sessions.delete(id);
    this.#sessions.set(id, { sequence, usedAt: index, usedAtMs: timeMs, first });
    this.#listener?.put(id);
    if (this.#sessions.size > this.#max) this.#forgetOldest();
  }

  /** Forgets what was not used for so long, now that replicated time is `timeMs`. */
  expire(timeMs: number): void {
    const usedBefore = timeMs - this.#expiryMs;
    for (const { usedAtMs } of this.#sessions.values()) {
      if (usedAtMs > usedBefore) return;
      this.#forgetOldest();
    }
  }

  /** Costs a copy of the list, not of the sessions. */
  view(): SessionsView<First> {
    return { forgottenThrough: this.#forgottenThrough, sessions: [...this.#sessions] };
  }

  /** Replaces everything by what a view has shown. */
  restore({ forgottenThrough, sessions }: SessionsView<First>): void {
    for (const id of this.#sessions.keys()) this.#listener?.remove(id);
    this.#sessions = new Map(sessions);
    this.#forgottenThrough = forgottenThrough;
    for (const [id] of sessions) this.#listener?.put(id);
  }

  #forgetOldest(): void {
    for (const [id, session] of this.#sessions) {
      this.#sessions.delete(id);
      this.#listener?.remove(id);
      this.#forgottenThrough = session.usedAt;
      return;
    }
  }
}
