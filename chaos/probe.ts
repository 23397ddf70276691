/**
 * Does the cluster acknowledge writes? Asks every node all the time on a connection of its own, so an answer does not depend on a client that
 * still waits for a node which is gone; and keeps the longest time without one, for each kind of fault that stood meanwhile.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { encodeCommand } from "../examples/kv/kv-command.ts";
import { KvConnection } from "../examples/kv/kv-connection.ts";
import { OUTCOMES, REQUEST_KINDS } from "../examples/kv/kv-protocol.ts";

/** Stands for no fault at all. */
export const CALM = "none";

const EVERY_MS = 25;

/** A node that does not answer for so long is dialled anew. */
const ANSWER_MS = 1000;

const WRITE = encodeCommand({ type: "put", key: "probe", value: "" });

/** Milliseconds; 0 where there was none. */
export interface LongestTimes {
  /** While no other fault stood. */
  readonly aloneMs: number;
  readonly joinedMs: number;
}

export class Probe {
  /** By the name of a fault. `CALM`: while none stood. */
  readonly longest: Map<string, LongestTimes> = new Map();
  /** Whether each that stands is of a round of its own. */
  readonly #standing = new Map<string, boolean>();
  readonly #waiting = new Set<() => void>();
  #acknowledgedMs = 0;
  /** When the latest acknowledged write began. */
  #begunMs = -Infinity;

  /** Asks until the signal. */
  async run(addresses: readonly string[], signal: AbortSignal): Promise<void> {
    this.#acknowledgedMs = performance.now();
    await Promise.all(addresses.map(async (address) => this.#ask(address, signal)));
  }

  /** From now on a time without an acknowledged write is this fault's. */
  begins(fault: string, { isAlone }: { readonly isAlone: boolean }): void {
    this.#account(performance.now());
    this.#standing.set(fault, isAlone);
  }

  /** Waits for a write that began after this call. @returns after how many milliseconds it was acknowledged; null when none was in time. */
  async acknowledges(timeoutMs: number): Promise<number | null> {
    const startMs = performance.now();
    const { promise, resolve } = Promise.withResolvers<void>();
    const late = setTimeout(resolve, timeoutMs);
    const look = (): void => {
      if (this.#begunMs > startMs) resolve();
    };
    this.#waiting.add(look);
    await promise;
    clearTimeout(late);
    this.#waiting.delete(look);
    this.#account(performance.now());
    return this.#begunMs > startMs ? performance.now() - startMs : null;
  }

  /** All faults are over, and the cluster has acknowledged a write since. */
  calm(): void {
    this.#standing.clear();
  }

  async #ask(address: string, signal: AbortSignal): Promise<void> {
    let connection: KvConnection | null = null;
    let sentMs = 0;
    while (!signal.aborted) {
      if (connection !== null && connection.waiting > 0 && performance.now() - sentMs > ANSWER_MS) connection.close();
      connection ??= await open(address, () => (connection = null));
      if (connection?.waiting === 0) {
        const begunMs = performance.now();
        sentMs = begunMs;
        connection.send(REQUEST_KINDS.write, WRITE, ({ outcome }) => {
          if (outcome === OUTCOMES.ok) this.#onAcknowledged(begunMs);
        });
      }
      await sleep(EVERY_MS);
    }
    connection?.close();
  }

  #onAcknowledged(begunMs: number): void {
    const nowMs = performance.now();
    this.#account(nowMs);
    this.#acknowledgedMs = nowMs;
    this.#begunMs = Math.max(this.#begunMs, begunMs);
    for (const look of this.#waiting) look();
  }

  #account(nowMs: number): void {
    const gapMs = nowMs - this.#acknowledgedMs;
    const standing = this.#standing.size === 0 ? new Map([[CALM, true]]) : this.#standing;
    for (const [fault, isAlone] of standing) {
      const { aloneMs = 0, joinedMs = 0 } = this.longest.get(fault) ?? {};
      const known = { aloneMs, joinedMs };
      if (isAlone) this.longest.set(fault, { ...known, aloneMs: Math.max(gapMs, aloneMs) });
      else this.longest.set(fault, { ...known, joinedMs: Math.max(gapMs, joinedMs) });
    }
  }
}

/** Null when nobody is there, or does not answer in time. */
async function open(address: string, onClose: () => void): Promise<KvConnection | null> {
  const opening = KvConnection.open(`ws://${address}`, onClose).catch(() => null);
  const opened = await Promise.race([opening, sleep(ANSWER_MS, "late" as const)]);
  if (opened !== "late") return opened;
  void opening.then((connection) => connection?.close());
  return null;
}
