/**
 * A client of the store: finds the leader, goes on to the next one when it changes, and says of each call what is known.
 *
 * A write without a session whose answer is lost is `unknown`: it may have acted, or act later. With a session it is made again under
 * the same sequence until it is answered, and acts once. A session carries one write at a time. Reads are made again.
 */
import { setTimeout as pause } from "node:timers/promises";
import { decodeValue, encodeCommand, encodeQuery, fromByteString, toByteString, type KvCommand } from "./kv-command.ts";
import { KvConnection } from "./kv-connection.ts";
import { OUTCOMES, REQUEST_KINDS, type KvReply } from "./kv-protocol.ts";

export interface KvClientOptions {
  /** `HOST:PORT` where nodes serve; one that lives is enough. */
  readonly addresses: readonly string[];
  /** For a call and all its tries. Default 5,000. */
  readonly timeoutMs?: number;
  /** Makes writes act once: a name that no other client and no other life of this one has. Default: none. */
  readonly session?: string;
  /** Reads what the node that is asked has, without asking the leader. Default: false. */
  readonly stale?: boolean;
}

/** What became of a call. */
export type KvOutcome<Value> =
  | { readonly ok: true; readonly value: Value }
  /** `unknown`: of a write only, it may act or have acted. `unavailable`: it has not and will not. `refused`: it never can. */
  | { readonly ok: false; readonly code: "unknown" | "unavailable" | "refused"; readonly message: string };

/** Between two tries: an election takes some hundred milliseconds. */
const RETRY_MS = 20;

/** A node that does not answer for so long is given up; another may lead. */
const TRY_MS = 1000;

type Try = KvReply | null;

export class KvClient {
  readonly #options: KvClientOptions;
  readonly #timeoutMs: number;
  #connection: KvConnection | null = null;
  #isClosed = false;
  /** Where the leader is said to be, or else the next address in turn. */
  #address: string;
  #turn = 0;
  #sequence = 0;
  #after = 0;
  /** Writes of a session stand in line. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: KvClientOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 5000;
    this.#address = options.addresses[0] ?? refuseNoAddress();
  }

  /** The value as text; null for a key that is absent. */
  async get(key: string): Promise<KvOutcome<string | null>> {
    const kind = this.#options.stale === true ? REQUEST_KINDS.staleRead : REQUEST_KINDS.read;
    const outcome = await this.#read(kind, encodeQuery(toByteString(key)));
    if (!outcome.ok) return outcome;
    const value = decodeValue(outcome.value);
    return { ok: true, value: value === null ? null : fromByteString(value) };
  }

  async put(key: string, value: string): Promise<KvOutcome<null>> {
    const outcome = await this.#write({ type: "put", key: toByteString(key), value: toByteString(value) });
    return outcome.ok ? { ok: true, value: null } : outcome;
  }

  /** Whether the key was there. */
  async delete(key: string): Promise<KvOutcome<boolean>> {
    return this.#decide({ type: "delete", key: toByteString(key) });
  }

  /** Sets `value` if the key holds `expected`, or if it is absent where that is null. Whether it did. */
  async cas(key: string, expected: string | null, value: string): Promise<KvOutcome<boolean>> {
    return this.#decide({
      type: "cas",
      key: toByteString(key),
      expected: expected === null ? null : toByteString(expected),
      value: toByteString(value),
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#connection?.close();
  }

  async #decide(command: KvCommand): Promise<KvOutcome<boolean>> {
    const outcome = await this.#write(command);
    return outcome.ok ? { ok: true, value: outcome.value[0] === 1 } : outcome;
  }

  async #read(kind: number, bytes: Uint8Array): Promise<KvOutcome<Uint8Array>> {
    const endMs = performance.now() + this.#timeoutMs;
    while (performance.now() < endMs) {
      const reply = await this.#try((connection, answer) => connection.send(kind, bytes, answer), endMs);
      const outcome = this.#judge(reply);
      if (outcome !== null) return outcome;
      await this.#beforeRetry(reply);
    }
    return unavailable("read");
  }

  async #write(command: KvCommand): Promise<KvOutcome<Uint8Array>> {
    const { session } = this.#options;
    const bytes = encodeCommand(command);
    if (session === undefined) return this.#writeOnce(bytes);
    const written = this.#last.then(async () => this.#writeInSession(session, bytes));
    this.#last = written;
    return written;
  }

  /** Tries again only while it is certain that it has not acted. */
  async #writeOnce(bytes: Uint8Array): Promise<KvOutcome<Uint8Array>> {
    const endMs = performance.now() + this.#timeoutMs;
    while (performance.now() < endMs) {
      let sent = false;
      const reply = await this.#try((connection, answer) => {
        sent = true;
        connection.send(REQUEST_KINDS.write, bytes, answer);
      }, endMs);
      if (sent && (reply === null || reply.outcome === OUTCOMES.unknown)) return unknown();
      const outcome = this.#judge(reply);
      if (outcome !== null) return outcome;
      await this.#beforeRetry(reply);
    }
    return unavailable("written");
  }

  async #writeInSession(session: string, bytes: Uint8Array): Promise<KvOutcome<Uint8Array>> {
    const use = { session, sequence: ++this.#sequence, after: this.#after };
    const endMs = performance.now() + this.#timeoutMs;
    let mayHaveActed = false;
    while (performance.now() < endMs) {
      let sent = false;
      const reply = await this.#try((connection, answer) => {
        sent = true;
        connection.send(REQUEST_KINDS.write, bytes, answer, use);
      }, endMs);
      if (sent && (reply === null || reply.outcome === OUTCOMES.unknown)) mayHaveActed = true;
      const outcome = this.#judge(reply);
      // A refusal is of this attempt; an earlier one may have acted all the same.
      if (outcome !== null) return outcome.ok || !mayHaveActed ? outcome : unknown();
      await this.#beforeRetry(reply);
    }
    return mayHaveActed ? unknown() : unavailable("written");
  }

  /** Null: try again. */
  #judge(reply: Try): KvOutcome<Uint8Array> | null {
    if (reply === null) return null;
    this.#after = Math.max(this.#after, reply.index);
    if (reply.outcome === OUTCOMES.ok) return { ok: true, value: reply.bytes };
    if (reply.outcome !== OUTCOMES.refused) return null;
    return { ok: false, code: "refused", message: `The store refuses it: ${Buffer.from(reply.bytes).toString()}` };
  }

  async #beforeRetry(reply: Try): Promise<void> {
    const leader = reply?.outcome === OUTCOMES.notLeader ? Buffer.from(reply.bytes).toString() : "";
    if (reply?.outcome === OUTCOMES.overloaded) {
      await pause(RETRY_MS);
      return;
    }
    const { addresses } = this.#options;
    const isNews = leader !== "" && leader !== this.#address;
    this.#address = leader !== "" ? leader : (addresses[++this.#turn % addresses.length] as string);
    this.#connection?.close();
    this.#connection = null;
    if (!isNews) await pause(RETRY_MS);
  }

  /** Null when there was no answer in time. */
  async #try(send: (connection: KvConnection, answer: (reply: KvReply) => void) => void, endMs: number): Promise<Try> {
    const tryEndMs = Math.min(endMs, performance.now() + TRY_MS);
    const { promise, resolve } = Promise.withResolvers<Try>();
    const late = setTimeout(() => resolve(null), tryEndMs - performance.now());
    const connection = this.#connection ?? (await Promise.race([this.#open(), promise]));
    if (connection instanceof KvConnection) send(connection, resolve);
    else resolve(null);
    const reply = await promise;
    clearTimeout(late);
    return reply;
  }

  async #open(): Promise<KvConnection | null> {
    const address = this.#address;
    try {
      const connection = await KvConnection.open(`ws://${address}`, () => {
        if (this.#connection === connection) this.#connection = null;
      });
      // It came late: the call has gone on, and the client with it.
      if (this.#isClosed || address !== this.#address || this.#connection !== null) {
        connection.close();
        return this.#connection;
      }
      this.#connection = connection;
      return connection;
    } catch {
      return null;
    }
  }
}

function unknown(): KvOutcome<never> {
  return { ok: false, code: "unknown", message: "No answer came: it may have been written, or be written later" };
}

function unavailable(what: string): KvOutcome<never> {
  return { ok: false, code: "unavailable", message: `It was not ${what}: no leader took it in time` };
}

function refuseNoAddress(): never {
  throw new RangeError("Cannot make a client of the store: it is given no address");
}
