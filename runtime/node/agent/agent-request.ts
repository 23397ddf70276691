/**
 * One request to a guest's agent and what may still be said about it.
 *
 * The guest is held to what it was told: output beyond the credit, a second beginning, bytes for a request that has none end the request,
 * and everything that still comes under its number is ignored.
 */
import { STREAM_CHUNK, STREAM_WINDOW } from "../../ports/guest-streams.ts";
import type { VerbFailure } from "../../ports/guest-verbs.ts";
import { VerbError } from "../instances/machine-driver.ts";
import type { AddressKind, Answer, FinalAnswer } from "./agent-line.ts";

export interface GuestAddress {
  readonly interface: string;
  readonly kind: AddressKind;
  readonly address: string;
}

export interface AnswerListener {
  onFile?(sizeBytes: number, mode: string): void;
  onOutput?(channel: "out" | "err", bytes: Buffer): void;
  onGrant?(bytes: number): void;
  onAddress?(address: GuestAddress): void;
  /** Exactly once, last: the guest's last word, or why there is none. */
  onEnd(end: FinalAnswer | VerbError): void;
}

/** A guest has a handful; more than this is a flood. */
const ADDRESSES_MAX = 256;
/** Grants are collected up to so much: the guest has the rest of the window meanwhile. */
const GRANT_BYTES_MIN = STREAM_WINDOW / 8;
/** Words besides data for one request, all in all: windows are resized and signals sent by people. */
const WORDS_MAX = 10_000;

export class AgentRequest {
  readonly id: number;
  readonly #listener: AnswerListener;
  readonly #send: (words: readonly (string | number)[], body?: Uint8Array) => void;
  #over = false;
  /** What the guest may still send. */
  #credit = STREAM_WINDOW;
  /** What may still be sent to it. */
  #room = STREAM_WINDOW;
  #addresses = 0;
  #ungranted = 0;
  #words = 0;
  #begun = false;

  constructor(
    id: number,
    listener: AnswerListener,
    send: (words: readonly (string | number)[], body?: Uint8Array) => void,
  ) {
    this.id = id;
    this.#listener = listener;
    this.#send = send;
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** A word about this request to the guest; nothing when it is over. */
  tell(...words: readonly (string | number)[]): void {
    if (!this.#over && ++this.#words <= WORDS_MAX) this.#send(words);
  }

  /** Input, in pieces as the protocol wants them. @throws {RangeError} for more than the guest has granted. */
  send(bytes: Uint8Array): void {
    if (this.#over) return;
    if (bytes.length > this.#room) {
      throw new RangeError(`Cannot send ${bytes.length} bytes to the guest: it has granted ${this.#room}`);
    }
    this.#room -= bytes.length;
    for (let at = 0; at < bytes.length; at += STREAM_CHUNK) this.#send(["in"], bytes.subarray(at, at + STREAM_CHUNK));
  }

  /** Lets the guest send so much more; what goes beyond the window is not granted. */
  grant(bytes: number): void {
    if (this.#over) return;
    this.#ungranted = Math.min(this.#ungranted + bytes, STREAM_WINDOW - this.#credit);
    if (this.#ungranted < GRANT_BYTES_MIN) return;
    this.#credit += this.#ungranted;
    this.#send(["more", this.#ungranted]);
    this.#ungranted = 0;
  }

  cancel(reason: VerbError): void {
    if (!this.#over) this.#send(["cancel"]);
    this.end(reason);
  }

  /** Returns whether the guest was allowed to say that. */
  take(answer: Answer): boolean {
    const { word } = answer;
    switch (word) {
      case "out":
      case "err":
        if (this.#listener.onOutput === undefined || answer.bytes.length > this.#credit) return this.#violated(word);
        this.#credit -= answer.bytes.length;
        this.#listener.onOutput(word, answer.bytes);
        return true;
      case "more":
        // More room than the window has is a lie.
        if (this.#listener.onGrant === undefined || this.#room + answer.bytes > STREAM_WINDOW)
          return this.#violated(word);
        this.#room += answer.bytes;
        this.#listener.onGrant(answer.bytes);
        return true;
      case "begin":
        if (this.#listener.onFile === undefined || this.#begun) return this.#violated(word);
        this.#begun = true;
        this.#listener.onFile(answer.sizeBytes, answer.mode);
        return true;
      case "address":
        if (this.#listener.onAddress === undefined || ++this.#addresses > ADDRESSES_MAX) return this.#violated(word);
        this.#listener.onAddress(answer);
        return true;
      default:
        this.end(answer);
        return true;
    }
  }

  end(end: FinalAnswer | VerbError): void {
    if (this.#over) return;
    this.#over = true;
    this.#listener.onEnd(end);
  }

  #violated(word: string): false {
    this.cancel(new VerbError("failed", `the guest's agent broke the protocol: "${word}" that it may not say`));
    return false;
  }
}

const FAILURES: Readonly<Record<string, VerbFailure>> = {
  "not-found": "not-found",
  "no-space": "no-space",
  unsupported: "unsupported",
  damaged: "damaged",
};

/** The guest's refusal in the port's words. */
export function refusalOf({ code, message }: { readonly code: string; readonly message: string }): VerbError {
  return new VerbError(FAILURES[code] ?? "failed", `the guest says: ${message}`);
}
