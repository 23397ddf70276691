/** Clients with sessions that ask any node, again and again: what they were told is true, and nothing acts twice. */
import { expect, test } from "vitest";
import { type MachineReplies, type MachineReply } from "../../../../actors/index.ts";
import { stateless, type Ref } from "../../../../runtime/index.ts";
import { ascii, textOf } from "./sample-machine.ts";
import { PromisedLog } from "./promised-log.ts";

const SEEDS = 40;
const STEPS = 400;
const CLIENTS = 6;
/** Fewer than there are clients, so that some are forgotten. */
const SESSIONS = { max: 2 };

/** One write at a time, made again until it is known what became of it. */
class Client {
  readonly #log: PromisedLog;
  readonly #name: string;
  readonly #session: boolean;
  readonly #ref: Ref<MachineReplies>;
  readonly #outcomes: Outcomes;
  #sequence = 0;
  #after = 0;
  #madeAfter = 0;
  #waiting: { readonly value: string } | null = null;
  #reading: { readonly expected: readonly string[] } | null = null;

  constructor(log: PromisedLog, outcomes: Outcomes, name: string, session: boolean) {
    this.#log = log;
    this.#name = name;
    this.#session = session;
    this.#outcomes = outcomes;
    const receive = ({ replies }: MachineReplies): void => {
      for (const reply of replies) this.#onReply(reply);
    };
    this.#ref = log.system.spawn(stateless<MachineReplies>("client", receive), { name });
  }

  get isBusy(): boolean {
    return this.#waiting !== null || this.#reading !== null;
  }

  write(): void {
    this.#sequence += 1;
    this.#madeAfter = this.#after;
    this.#waiting = { value: `${this.#name}-${this.#sequence}` };
    this.#send();
  }

  read(): void {
    this.#reading = { expected: [...this.#outcomes.acknowledged.keys()] };
    const queries = [{ id: -1, bytes: ascii("k") }];
    const message = {
      type: "query",
      queries,
      consistency: "linearizable",
      timeoutMs: 300,
      replyTo: this.#ref,
    } as const;
    this.#log.system.tell(this.#node(), message);
  }

  #send(): void {
    if (this.#waiting === null) return;
    const use = { session: this.#name, sequence: this.#sequence, after: this.#madeAfter };
    const bytes = ascii(`k=${this.#waiting.value}`);
    const command = { id: this.#sequence, bytes, ...(this.#session && { session: use }) };
    const elsewhere = this.#log.random.integer(2) === 0 ? "forward" : "refuse";
    const timeoutMs = 50 + this.#log.random.integer(300);
    this.#log.system.tell(this.#node(), {
      type: "execute",
      commands: [command],
      timeoutMs,
      elsewhere,
      replyTo: this.#ref,
    });
  }

  #node() {
    const node = this.#log.nodes[this.#log.random.integer(3)];
    if (node === undefined) throw new Error("There is no node");
    return node.machine;
  }

  #onReply(reply: MachineReply): void {
    this.#after = Math.max(this.#after, reply.index);
    this.#outcomes.seen.add(reply.ok ? "ok" : reply.code);
    if (reply.id === -1) return this.#onRead(reply);
    const waiting = this.#waiting;
    if (waiting === null || reply.id !== this.#sequence) return;
    if (reply.ok) {
      this.#outcomes.acknowledged.set(waiting.value, Number(textOf(reply.bytes)));
      this.#waiting = null;
    } else if (reply.code === "session-expired" || reply.code === "session-moved-on") {
      // It made no other request meanwhile.
      if (reply.code === "session-moved-on") this.#outcomes.faults.push(`${waiting.value} was moved on from`);
      this.#waiting = null;
    } else if (!this.#session) {
      // Without a session an unknown one must not be made again, and one that certainly did not act can be.
      if (reply.code !== "unknown") this.#outcomes.certain.add(waiting.value);
      this.#waiting = null;
    } else {
      this.#send();
    }
  }

  #onRead(reply: MachineReply): void {
    const { expected } = this.#reading ?? { expected: [] };
    this.#reading = null;
    if (!reply.ok) return;
    const values = new Set(textOf(reply.bytes).split(","));
    for (const value of expected) if (!values.has(value)) this.#outcomes.faults.push(`a read did not see ${value}`);
    this.#outcomes.reads += 1;
  }
}

class Outcomes {
  /** Writes that were answered, with the length of the list that they were told. */
  readonly acknowledged = new Map<string, number>();
  /** Writes that were said to have not been carried out. */
  readonly certain = new Set<string>();
  readonly seen = new Set<string>();
  /** What must never be; a client is an actor, so that it cannot fail the test itself. */
  readonly faults: string[] = [];
  reads = 0;
}

test("whatever happens to the log, each write acts at most once, as it was answered, and reads see what was answered", () => {
  const seen = new Set<string>();
  const counts: Record<string, number> = {};
  let [acknowledged, certain, reads] = [0, 0, 0];
  for (let seed = 1; seed <= SEEDS; seed++) {
    const log = new PromisedLog(seed, SESSIONS);
    const outcomes = new Outcomes();
    const clients = Array.from({ length: CLIENTS }, (_, at) => new Client(log, outcomes, `c${at}`, at > 0));
    for (let step = 0; step < STEPS; step++) {
      const client = clients[log.random.integer(CLIENTS)];
      if (client?.isBusy === false) {
        if (log.random.integer(4) === 0) client.read();
        else client.write();
      }
      log.step();
    }
    log.quiet();
    expect(outcomes.faults, `seed ${seed}`).toEqual([]);
    const [first, ...others] = log.nodes.map(({ lists }) => lists.lists.get("k") ?? []);
    const list = first ?? [];
    for (const other of others) expect(other, `seed ${seed}`).toEqual(list);
    expect(new Set(list).size, `seed ${seed}: a write acted twice`).toBe(list.length);
    for (const [value, length] of outcomes.acknowledged) expect(list[length - 1], `seed ${seed}`).toBe(value);
    for (const value of outcomes.certain) expect(list, `seed ${seed}`).not.toContain(value);
    for (const code of outcomes.seen) seen.add(code);
    for (const [what, count] of Object.entries(log.counts)) counts[what] = (counts[what] ?? 0) + count;
    acknowledged += outcomes.acknowledged.size;
    certain += outcomes.certain.size;
    reads += outcomes.reads;
    log.system.stop();
  }
  // It is worth nothing unless all of it happened.
  expect([...seen].toSorted()).toEqual(["not-leader", "ok", "session-expired", "unavailable", "unknown"]);
  for (const what of ["election", "restart", "restore", "replay", "snapshot"])
    expect(counts[what], what).toBeGreaterThan(SEEDS);
  for (const count of [acknowledged, certain, reads]) expect(count).toBeGreaterThan(SEEDS);
});
