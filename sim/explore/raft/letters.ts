/**
 * Messages of members as numbers: each different one, by sender and receiver, once. A network is then a short list of numbers.
 */
import type { RaftMessage, RaftRole } from "../../../actors/raft/index.ts";
import type { MemberInput } from "./member-input.ts";

/** A message on its way. Members are told by their places. */
export interface Letter {
  readonly number: number;
  readonly from: number;
  readonly to: number;
  readonly message: RaftMessage;
  /** Its arrival, as an input of the receiver. */
  readonly arrival: Extract<MemberInput, { type: "deliver" }>;
}

export class Letters {
  readonly #letters: Letter[] = [];
  readonly #numbers = new Map<string, number>();

  /** The number of that message; the same for equal ones. */
  numberOf(from: number, to: number, message: RaftMessage): number {
    const key = JSON.stringify([from, to, message]);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#letters.length;
    this.#letters.push({ number, from, to, message, arrival: { type: "deliver", letter: number } });
    this.#numbers.set(key, number);
    return number;
  }

  get(number: number): Letter {
    return this.#letters[number] as Letter;
  }
}

/**
 * Whether a message can do nothing any more at a receiver of that role whose term never goes below `floor`: an answer to what it is no longer or
 * asked in an earlier term, or word of a term that it knows. Such a message is taken for lost, so that it tells no states apart. So is
 * a refusal in a term that the receiver knows: it can only keep a candidate from counting a later vote.
 */
export function isSpent({ message }: Letter, role: RaftRole, floor: number): boolean {
  const { type, term } = message;
  switch (type) {
    case "pre-vote-response":
      // Granted, it carries the term that was asked for: the one behind the receiver's.
      return term <= floor && message.isAhead === undefined;
    case "vote-response":
      return term < floor || (term === floor && (role !== "candidate" || !message.granted));
    case "append-response":
    case "heartbeat-response":
      return term < floor || (term === floor && role !== "leader");
    case "newer-term":
      return term <= floor;
    default:
      return false;
  }
}

/** In words, as one says it of a message that arrives. */
export function describeMessage(message: RaftMessage): string {
  switch (message.type) {
    case "pre-vote-request":
    case "vote-request":
      return `${message.type} of term ${message.term} (last entry ${message.lastIndex}, of term ${message.lastTerm})`;
    case "pre-vote-response":
    case "vote-response":
      return `${message.type} of term ${message.term}: ${message.granted ? "yes" : "no"}`;
    case "append": {
      const { previousIndex, entries, commit } = message;
      const what =
        entries.length === 0
          ? "nothing"
          : entries.map(({ index, term, type }) => `${index} ${type} of term ${term}`).join(", ");
      return `append ${message.sequence} of term ${message.term}: ${what} behind ${previousIndex}, commit ${commit}`;
    }
    case "append-response": {
      const said = message.ok ? `equal up to ${message.match}` : `refused, at best equal up to ${message.hintIndex}`;
      return `append-response ${message.sequence} of term ${message.term}: ${said}`;
    }
    case "heartbeat":
    case "commit":
      return `${message.type} of term ${message.term}, commit ${message.commit}`;
    case "heartbeat-response":
      return `heartbeat-response of term ${message.term}, equal up to ${message.matched}`;
    default:
      return `${message.type} of term ${message.term}`;
  }
}
