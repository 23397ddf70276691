/**
 * Clients of the registers, outside of every node: each has one operation open, at any node, and repeats a write until it knows, or has
 * no more patience. What they ask and are told, and when, is the history that `checkers/linearizability.ts` judges.
 *
 *     draw ─▶ call ─▶ attempt at some node ─┬─ told ───────────────────────▶ return
 *                        ▲                  ├─ certainly not carried out ─┐
 *                        └── a while ───────┴─ nobody knows (only with a session) ┘  out of patience ─▶ unknown, or never happened
 *
 * A write of which every attempt was refused for certain is left out of the history: if it happens all the same, its value is a phantom.
 */
import { createRandom, jsonCodec, type Random } from "../../runtime/index.ts";
import type { MachineCommand, MachineReplies, MachineReply, MachineRequest } from "../../actors/raft/machine/index.ts";
import type { KvInput, Operation } from "../checkers/history.ts";
import { votersOf } from "../checkers/quorums.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { askAt } from "./door-actor.ts";
import { CHANCES, type LoadAct } from "../schedule/load-act.ts";
import type { RegisterCommand } from "./register-machine.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { SimNode } from "../cluster/sim-node.ts";

export interface KvClientsOptions {
  readonly random: Random;
  readonly clients: number;
  readonly keys: number;
  /** Mean pause of all clients together between two operations, in microseconds. */
  readonly everyUs: number;
  /** Path of the machine actor. */
  readonly path: string;
  /** An operation begins of which nobody told the clients. */
  onCall(call: KvCall): void;
}

/** An operation as it was drawn. */
export type KvCall = Extract<LoadAct, { readonly type: "call" }>;

/** One client at a time has one operation at a time. */
interface Client {
  readonly name: string;
  session: string;
  sequence: number;
  /** Highest index of any reply: what it did before was applied by then. */
  after: number;
  busy: boolean;
}

type SessionUse = NonNullable<MachineCommand["session"]>;

interface Open {
  readonly number: number;
  readonly client: Client;
  readonly key: string;
  readonly input: KvInput;
  readonly callUs: number;
  readonly untilUs: number;
  /** Of this operation alone. */
  readonly random: Random;
  /** Undefined: it acts as often as it arrives. */
  readonly session: SessionUse | undefined;
  /** Some attempt may have been carried out. */
  isDoubtful: boolean;
  attempts: number;
}

/** An attempt is given up after this; drawn, so that some are given up while they are carried out. */
const ATTEMPT_MIN_MS = 200;
const ATTEMPT_SPREAD_MS = 3000;
/** How long a client repeats a write. */
const PATIENCE_MIN_US = 500_000;
const PATIENCE_SPREAD_US = 12_000_000;
const AGAIN_AFTER_US = 150_000;

/** Shares: reads, writes without a session, of each kind of write the rest evenly; requests that are refused where nobody leads. */
const READS = 0.4;
const SESSIONLESS = 0.1;
const NEW_SESSION = 0.02;
const REFUSED_ELSEWHERE = 0.2;
const ANYWHERE = 0.2;

/** The client that asks whether the cluster goes on, its key and its value. */
const PROBE = "probe";

function keyOf(number: number): string {
  return `k${number}`;
}

export class KvClients {
  readonly history: Operation[] = [];
  acknowledged = 0;
  reads = 0;
  refused = 0;
  unknown = 0;
  repeated = 0;
  readonly #options: KvClientsOptions;
  readonly #random: Random;
  readonly #probing: Random;
  readonly #clients: readonly Client[];
  /** By key: the value that was seen last, to expect it. */
  readonly #seen = new Map<string, string | null>();
  #cluster!: Cluster;
  /** Null: all. */
  #nodes: ReadonlySet<number> | null = null;
  #active = false;
  #operations = 0;
  #sessions = 0;

  constructor(options: KvClientsOptions) {
    this.#options = options;
    this.#random = options.random;
    this.#probing = options.random.fork();
    this.#clients = Array.from({ length: options.clients }, (_, at) => {
      return { name: `c${at}`, session: this.#newSession(), sequence: 0, after: 0, busy: false };
    });
  }

  attach(cluster: Cluster): void {
    this.#cluster = cluster;
  }

  /** `scheduled`: operations begin when `call` is told to, and by themselves otherwise. */
  start(load: Schedule["load"] = "drawn"): void {
    this.#active = true;
    if (load === "drawn") this.#beginSoon();
  }

  /** Begins an operation that was recorded. False when its client waits for an answer. */
  call(call: KvCall): boolean {
    const client = this.#clients[call.client];
    if (!this.#active || client === undefined || client.busy) return false;
    this.#call(client, call);
    return true;
  }

  stop(): void {
    this.#active = false;
  }

  /** From now on operations are attempted at these nodes only. */
  keepTo(nodes: ReadonlySet<number>): void {
    this.#nodes = nodes;
  }

  /** How many operations are open. */
  get open(): number {
    return this.#clients.filter(({ busy }) => busy).length;
  }

  /** A write, and then a read of every key; each is repeated until it is answered, up to `untilUs`. */
  probe(done: () => void, untilUs: number): void {
    const client: Client = { name: PROBE, session: this.#newSession(), sequence: 0, after: 0, busy: false };
    const get: KvInput = { type: "get" };
    const keys = Array.from({ length: this.#options.keys }, (_, key) => keyOf(key));
    const steps = [
      { key: PROBE, input: { type: "put", value: PROBE } as KvInput },
      ...[PROBE, ...keys].map((key) => ({ key, input: get })),
    ];
    const random = this.#probing;
    const next = (): void => {
      const step = steps[0];
      if (step === undefined) return done();
      this.#begin({ client, ...step, untilUs, random, hasSession: true }, (isAnswered) => {
        if (isAnswered) steps.shift();
        if (isAnswered || this.#cluster.timeline.nowUs < untilUs) next();
      });
    };
    next();
  }

  #newSession(): string {
    this.#sessions += 1;
    return `s${this.#sessions}`;
  }

  /** Who decides upon operations draws aside, and as much for each, whoever is free: what is drawn later does not hang on it. */
  #beginSoon(): void {
    const random = this.#random;
    const pauseUs = -Math.log(1 - random.next()) * this.#options.everyUs;
    this.#cluster.timeline.afterAside(
      pauseUs,
      () => {
        if (!this.#active) return;
        const free = this.#clients.filter(({ busy }) => !busy);
        const client = free[random.integer(Math.max(1, free.length))];
        const key = random.integer(this.#options.keys);
        const how = this.#drawHow();
        const chance = random.integer(CHANCES);
        if (client !== undefined) {
          const call: KvCall = { type: "call", client: this.#clients.indexOf(client), key, how, chance };
          this.#options.onCall(call);
          this.#call(client, call);
        }
        this.#beginSoon();
      },
      "load",
    );
  }

  #call(client: Client, { key: number, how, chance }: KvCall): void {
    const random = createRandom(chance);
    const key = keyOf(number);
    const input = this.#inputOf(how, key);
    const untilUs = this.#cluster.timeline.nowUs + PATIENCE_MIN_US + random.integer(PATIENCE_SPREAD_US);
    if (random.next() < NEW_SESSION) [client.session, client.sequence] = [this.#newSession(), 0];
    this.#begin({ client, key, input, untilUs, random, hasSession: random.next() >= SESSIONLESS }, () => {});
  }

  #drawHow(): KvCall["how"] {
    const drawn = this.#random.next();
    if (drawn < READS) return "get";
    const kind = (drawn - READS) / (1 - READS);
    if (kind < 0.45) return "put";
    return kind < 0.9 ? "cas" : "delete";
  }

  #inputOf(how: KvCall["how"], key: string): KvInput {
    const value = `v${this.#operations}`;
    switch (how) {
      case "put":
        return { type: "put", value };
      case "cas":
        return { type: "cas", expected: this.#seen.get(key) ?? null, value };
      default:
        return { type: how };
    }
  }

  #begin(
    asked: Pick<Open, "client" | "key" | "input" | "untilUs" | "random"> & { readonly hasSession: boolean },
    done: (isAcknowledged: boolean) => void,
  ): void {
    const { client, key, input, untilUs, random, hasSession } = asked;
    client.busy = true;
    client.sequence += 1;
    this.#operations += 1;
    const callUs = this.#cluster.timeline.nowUs;
    const { session: name, sequence, after } = client;
    const session = hasSession ? { session: name, sequence, after } : undefined;
    const number = this.#operations;
    const open: Open = { client, key, input, untilUs, random, session, number, callUs, isDoubtful: false, attempts: 0 };
    this.#cluster.timeline.note(
      `call ${open.number} ${client.name} ${input.type} ${key} ${session?.session ?? "once"}`,
    );
    this.#attempt(open, (output) => {
      client.busy = false;
      this.#record(open, output);
      done(output !== undefined);
    });
  }

  #record({ number, client, key, input, callUs, isDoubtful }: Open, output: Operation["output"]): void {
    const returnUs = this.#cluster.timeline.nowUs;
    const call: Operation = { client: client.name, key, input, callUs };
    const what = output !== undefined ? JSON.stringify(output) : isDoubtful ? "unknown" : "refused";
    this.#cluster.timeline.note(`return ${number} ${what}`);
    if (output !== undefined) {
      this.history.push({ ...call, output, returnUs });
      if (input.type === "get") this.reads += 1;
      else this.acknowledged += 1;
      this.#remember(key, input, output);
    } else if (isDoubtful) {
      this.unknown += 1;
      this.history.push(call);
    } else this.refused += 1;
  }

  #remember(key: string, input: KvInput, output: Operation["output"]): void {
    if (input.type === "get") this.#seen.set(key, output as string | null);
    else if (input.type === "delete") this.#seen.set(key, null);
    else if (output === true) this.#seen.set(key, input.value);
  }

  #attempt(open: Open, done: (output: Operation["output"]) => void): void {
    const { timeline } = this.#cluster;
    const node = this.#drawNode(open);
    const timeoutMs = ATTEMPT_MIN_MS + open.random.integer(ATTEMPT_SPREAD_MS);
    open.attempts += 1;
    if (open.attempts > 1) this.repeated += 1;
    if (node !== undefined) timeline.note(`ask ${open.number} at ${node.index}`);
    let isOver = false;
    const once = (reply: MachineReply | null): void => {
      if (isOver) return;
      isOver = true;
      this.#onReply(open, reply, done);
    };
    const isAsked =
      node !== undefined &&
      askAt<MachineRequest, MachineReplies>(node, this.#options.path, {
        make: (replyTo) => this.#request(open, timeoutMs, replyTo),
        timeoutMs: timeoutMs + 500,
        done: (replies) => once(replies?.replies[0] ?? null),
      });
    if (isAsked) timeline.after((timeoutMs + 1000) * 1000, () => once(null));
    else this.#again(open, done);
  }

  #request(
    { number, key, input, session, random }: Open,
    timeoutMs: number,
    replyTo: MachineRequest["replyTo"],
  ): MachineRequest {
    if (input.type === "get") {
      const queries = [{ id: number, bytes: jsonCodec.encode(key) }];
      return { type: "query", queries, consistency: "linearizable", timeoutMs, replyTo };
    }
    const command: RegisterCommand = { operation: number, key, input };
    const commands = [{ id: number, bytes: jsonCodec.encode(command), ...(session && { session }) }];
    const elsewhere = random.next() < REFUSED_ELSEWHERE ? "refuse" : "forward";
    return { type: "execute", commands, timeoutMs, elsewhere, replyTo };
  }

  #onReply(open: Open, reply: MachineReply | null, done: (output: Operation["output"]) => void): void {
    const { client, input, session } = open;
    client.after = Math.max(client.after, reply?.index ?? 0);
    if (reply?.ok === true) return done(jsonCodec.decode(reply.bytes) as string | boolean | null);
    if (input.type === "get") return this.#again(open, done);
    const code = reply === null ? "unknown" : reply.code;
    this.#cluster.timeline.note(`refused ${open.number} ${code}`);
    if (code === "unknown") open.isDoubtful = true;
    if (code === "session-expired" || code === "session-moved-on" || (code === "unknown" && session === undefined)) {
      [client.session, client.sequence] = [this.#newSession(), 0];
      return done(undefined);
    }
    this.#again(open, done);
  }

  #again(open: Open, done: (output: Operation["output"]) => void): void {
    const { timeline } = this.#cluster;
    if (timeline.nowUs >= open.untilUs) return done(undefined);
    timeline.after(open.random.integer(2 * AGAIN_AFTER_US), () => this.#attempt(open, done));
  }

  /** Mostly one that belongs to the cluster; one that does not can only refuse. */
  #drawNode({ client, random }: Open): SimNode | undefined {
    const { nodes, raft } = this.#cluster;
    const placed = raft.configurations.committed;
    const members = placed === null ? [] : votersOf(placed.configuration).map((member) => raft.nodeOf(member));
    const isAnywhere = placed === null || (client.name !== PROBE && random.next() < ANYWHERE);
    const mayAsk = (node: number): boolean =>
      (this.#nodes?.has(node) ?? true) && (isAnywhere || members.includes(node));
    const running = nodes.filter((node) => node.running && mayAsk(node.index));
    return running[random.integer(Math.max(1, running.length))];
  }
}
