/**
 * Messages on their way out: those that may leave at once, and those that wait for a write.
 *
 * One write is in flight at a time, and what changes meanwhile goes into the next. A held message names the write that
 * must be durable before it may leave: the next one when something is unsaved, else the one in flight. A message to the
 * member itself (its own vote) takes the same way, so it cannot count before it is durable (fault 19).
 */
import type { Essence } from "./essence.ts";
import type { AppendResponse, RaftMessage } from "./messages.ts";

/** A message and the id of the member that it goes to. */
export interface Outgoing {
  readonly to: string;
  readonly message: RaftMessage;
}

interface Held extends Outgoing {
  /** The write that must be durable first. */
  readonly token: number;
}

export class Outbox {
  #ready: Outgoing[] = [];
  #held: Held[] = [];
  #lastToken = 0;
  #writing: number | null = null;

  get isWriting(): boolean {
    return this.#writing !== null;
  }

  send(to: string, message: RaftMessage): void {
    this.#ready.push({ to, message });
  }

  /** Sends when all that is unsaved or being written at this moment is durable. */
  sendWhenDurable(to: string, message: RaftMessage, hasUnsaved: boolean): void {
    const token = hasUnsaved ? this.#lastToken + 1 : this.#writing;
    if (token === null) this.send(to, message);
    else if (!this.#joins({ to, message, token })) this.#held.push({ to, message, token });
  }

  /** A new term: what was to be said in the old one may no longer be true, and nobody waits for it. */
  dropHeld(): void {
    this.#held = [];
  }

  beginWrite(): number {
    this.#lastToken += 1;
    this.#writing = this.#lastToken;
    return this.#lastToken;
  }

  /** Appends that wait for the same write are acknowledged by one answer: that of the last, with the highest index. */
  #joins({ to, message, token }: Held): boolean {
    if (!isAcknowledgement(message)) return false;
    for (let at = this.#held.length - 1; at >= 0; at--) {
      const held = this.#held[at] as Held;
      if (held.token !== token) return false;
      if (held.to !== to || !isAcknowledgement(held.message)) continue;
      this.#held[at] = { to, message: { ...message, match: Math.max(held.message.match, message.match) }, token };
      return true;
    }
    return false;
  }

  /** The messages that waited for this write; undefined for a token that is not in flight. */
  endWrite(token: number): readonly Outgoing[] | undefined {
    if (this.#writing !== token) return undefined;
    this.#writing = null;
    const held = this.#held;
    this.#held = held.filter((waiting) => waiting.token > token);
    return this.#held.length === 0 ? held : held.filter((waiting) => waiting.token <= token);
  }

  /**
   * `essence.ts`. Writes are told by how many came since: their numbers only grow. To hold a message twice is to hold it once, for messages may
   * be lost and repeated.
   */
  essence(): Essence {
    const held = this.#held.map(({ to, message, token }) => JSON.stringify([to, message, token - this.#lastToken]));
    return [this.#writing === null ? null : this.#writing - this.#lastToken, [...new Set(held)].toSorted()];
  }

  /** What may leave now, in order. */
  take(): readonly Outgoing[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }
}

function isAcknowledgement(message: RaftMessage): message is Extract<AppendResponse, { ok: true }> {
  return message.type === "append-response" && message.ok;
}
