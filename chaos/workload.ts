/**
 * Clients in closed loops: each reads, writes, deletes and compares-and-sets a few keys that all of them fight over, believes what it is told,
 * and has it recorded. Half of them write in sessions, where an answer that is lost is asked for again and must act once.
 *
 * Keys are of a generation, which lasts some seconds; then all go on to fresh ones. So the history of a key is short enough to be judged, with
 * nobody ever standing still, and what is read at the end shows for the keys of every generation what later faults have done to them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { KvClient, type KvOutcome } from "../examples/kv/kv-client.ts";
import type { Random } from "../runtime/index.ts";
import type { KvInput } from "../sim/checkers/history.ts";
import type { Recorder } from "./recorder.ts";

const CLIENTS = 8;
const KEYS = 5;
const GENERATION_MS = 5000;

/** Of a call with all its tries; a fault often lasts longer, so that some calls end unknown. */
const CALL_MS = 3000;

/** Between a client's calls, on average: the point is to be everywhere in time, not to be fast. */
const THINK_MS = 15;

/** After so many calls a client leaves, and another begins at the next node: reads and writes meet every node in every state. */
const CALLS_A_LIFE = 40;

export interface WorkloadOptions {
  readonly addresses: readonly string[];
  readonly recorder: Recorder;
  readonly random: Random;
  /** Planted: reads from whichever node is asked, as old as it may be, are taken for linearizable. */
  readonly staleReads: boolean;
  /** Ends the loops, each after the call that it is in. */
  readonly signal: AbortSignal;
}

/** Resolves when the last client has ended. */
export async function runWorkload(options: WorkloadOptions): Promise<void> {
  const { random } = options;
  await Promise.all(
    Array.from({ length: CLIENTS }, async (_, at) =>
      new Caller(`c${at + 1}`, { ...options, random: random.fork(), hasSession: at % 2 === 0 }).run(),
    ),
  );
}

/** The same client, unless reads of the past are planted. */
interface Life {
  readonly writer: KvClient;
  readonly reader: KvClient;
}

class Caller {
  readonly #name: string;
  readonly #options: WorkloadOptions & { readonly hasSession: boolean };
  readonly #startMs = performance.now();
  /** What it saw last at each key of this generation. */
  readonly #seen = new Map<string, string | null>();
  #life: Life;
  #lives = 0;
  #values = 0;

  constructor(name: string, options: WorkloadOptions & { readonly hasSession: boolean }) {
    this.#name = name;
    this.#options = options;
    this.#life = this.#begin();
  }

  async run(): Promise<void> {
    const { random, signal } = this.#options;
    for (let calls = 1; !signal.aborted; calls++) {
      if (calls % CALLS_A_LIFE === 0) {
        this.#end();
        this.#life = this.#begin();
      }
      const generation = Math.floor((performance.now() - this.#startMs) / GENERATION_MS);
      await this.#call(`g${generation}-k${random.integer(KEYS)}`);
      await sleep(-Math.log(1 - random.next()) * THINK_MS);
    }
    this.#end();
  }

  #begin(): Life {
    const { addresses, random, staleReads, hasSession } = this.#options;
    const first = random.integer(addresses.length);
    const inTurn = [...addresses.slice(first), ...addresses.slice(0, first)];
    this.#lives += 1;
    const writer = new KvClient({
      addresses: inTurn,
      timeoutMs: CALL_MS,
      ...(hasSession && { session: `${this.#name}.${this.#lives}` }),
    });
    // One that only reads, of any node, is never told who leads.
    const reader = staleReads ? new KvClient({ addresses: inTurn, timeoutMs: CALL_MS, stale: true }) : writer;
    return { writer, reader };
  }

  #end(): void {
    this.#life.writer.close();
    this.#life.reader.close();
  }

  async #call(key: string): Promise<void> {
    const { recorder } = this.#options;
    const input = this.#draw(key);
    const call = { client: this.#name, key, input, callUs: recorder.nowUs };
    const outcome = await perform(this.#life, key, input);
    if (outcome.ok) {
      recorder.told(call, outcome.value);
      this.#learn(key, input, outcome.value);
    } else if (outcome.code === "unknown") recorder.unknown(call);
    else recorder.refused(outcome.code === "refused" ? outcome.message : outcome.code);
  }

  #draw(key: string): KvInput {
    const { random } = this.#options;
    const kind = random.next();
    if (kind < 0.4) return { type: "get" };
    if (kind < 0.45) return { type: "delete" };
    // No two writes of a run are the same, so that a value says who wrote it.
    const value = `${this.#name}-${++this.#values}`;
    if (kind < 0.75) return { type: "put", value };
    return { type: "cas", expected: this.#seen.get(key) ?? null, value };
  }

  #learn(key: string, input: KvInput, output: string | boolean | null): void {
    if (input.type === "get") this.#seen.set(key, output as string | null);
    else if (input.type === "delete") this.#seen.set(key, null);
    else if (output === true) this.#seen.set(key, input.value);
    else this.#seen.delete(key);
  }
}

/** The value of a read; of a compare-and-set whether it took place; else true. */
async function perform(
  { writer, reader }: Life,
  key: string,
  input: KvInput,
): Promise<KvOutcome<string | boolean | null>> {
  switch (input.type) {
    case "get":
      return reader.get(key);
    case "put":
      return always(await writer.put(key, input.value));
    case "delete":
      return always(await writer.delete(key));
    case "cas":
      return writer.cas(key, input.expected, input.value);
    default:
      return input satisfies never;
  }
}

/** Whether the key was there is nothing that the checker asks. */
function always(outcome: KvOutcome<unknown>): KvOutcome<true> {
  return outcome.ok ? { ok: true, value: true } : outcome;
}
