/**
 * A producer on one node, a consumer on another, everything that can go wrong between them, and what may never be seen.
 *
 * What outlives a process is held here: the disk of the sender, the ledger of the consumer. What a handler writes into the
 * ledger is one atomic write: the message and its number.
 */
import {
  confirmDelivery,
  createMemoryJournal,
  createRandom,
  createReceiverMemory,
  journalDeliveryStore,
  reliableReceiver,
  reliableSender,
  sendReliably,
  type ActorSystem,
  type Behavior,
  type Clock,
  type Delivery,
  type DeliveryStore,
  type Journal,
  type ReceiverFrame,
  type Random,
  type ReceiverMemory,
  type Ref,
  type SenderFrame,
  type SendResult,
} from "../../../runtime/index.ts";
import { createManualCluster, type ManualCluster } from "../../../runtime/testkit/index.ts";

export interface RigOptions {
  readonly seed: number;
  /** Where the sender keeps its messages, if it does; then the consumer gives its ledger as the receiver's memory. */
  readonly store: "none" | "disk" | "journal";
  readonly window: number;
  /** The part of the delivery's own messages that is lost although the link is up. */
  readonly loss: number;
  readonly delayMs?: number;
  readonly bufferMax?: number;
}

/** What the sender keeps on its disk; a write takes a while, and a crash may keep it or not. */
class Disk implements DeliveryStore<number> {
  stream: string | null = null;
  base = 1;
  messages: number[] = [];
  readonly #clock: Clock;
  readonly #chance: () => number;
  #life = 0;

  constructor(clock: Clock, chance: () => number) {
    this.#clock = clock;
    this.#chance = chance;
  }

  load(fresh: string, done: Parameters<DeliveryStore<number>["load"]>[1]): void {
    this.#life += 1;
    this.stream ??= fresh;
    const { stream, base, messages } = this;
    this.#later(() => done({ ok: true, value: { stream, base, messages: [...messages] } }));
  }

  append(after: number, messages: readonly number[], done: Parameters<DeliveryStore<number>["append"]>[2]): void {
    if (after !== this.base + this.messages.length - 1) throw new Error(`append after ${after}`);
    const life = this.#life;
    const write = (): void => void this.messages.push(...messages);
    const isEarly = this.#chance() < 0.5;
    if (isEarly) write();
    this.#later(() => {
      if (life !== this.#life) return;
      if (!isEarly) write();
      done({ ok: true, value: null });
    });
  }

  confirm(seq: number): void {
    // Sometimes forgotten by a crash, as the interface allows.
    if (this.#chance() < 0.3) return;
    this.messages.splice(0, seq - this.base + 1);
    this.base = Math.max(this.base, seq + 1);
  }

  /** The process is gone: what was not answered may be there or not. */
  crash(): void {
    this.#life += 1;
  }

  #later(run: () => void): void {
    this.#clock.setTimer(this.#chance() * 5, run);
  }
}

type ConsumerMessage = Delivery<number> | "crash" | { readonly confirm: Delivery<number> };

export class Rig {
  readonly cluster: ManualCluster;
  /** Messages that the sender took. */
  readonly accepted: Set<number> = new Set();
  readonly refused: number[] = [];
  /** What the consumer has recorded, in order. */
  readonly recorded: number[] = [];
  /** What must never be seen, and was. */
  readonly violations: string[] = [];
  readonly progress: number[] = [];
  loss: number;
  /** The consumer crashes before it records, with this chance. */
  crashChance = 0;
  /** The consumer confirms so much later. */
  confirmMs = 0;
  readonly #options: RigOptions;
  readonly #random: Random;
  readonly #disk: Disk;
  readonly #journal: Journal;
  /** The last number that the consumer recorded, by stream. */
  readonly #ledger = new Map<string, number>();
  readonly #memory: ReceiverMemory;
  readonly #confirmed = new Set<string>();
  readonly #confirmedUpTo = new Map<string, number>();
  #next = 0;
  #checked = 0;
  readonly #limits = new Map<string, number>();

  constructor(options: RigOptions) {
    this.#options = options;
    this.loss = options.loss;
    this.#random = createRandom(options.seed);
    this.cluster = createManualCluster(["s", "r"], {
      seed: options.seed,
      delayMs: options.delayMs ?? 2,
      lose: ({ to }) => /^(producer\/out|consumer\/in)$/.test(to.path) && this.#random.next() < this.loss,
    });
    this.#disk = new Disk(this.cluster.world.clock, () => this.#random.next());
    this.#journal = createMemoryJournal(this.cluster.world);
    this.#memory = this.#isDurable ? { lastConfirmed: (stream) => this.#ledger.get(stream) } : createReceiverMemory();
    this.spawnProducer();
    this.spawnConsumer();
  }

  spawnProducer(): void {
    const { bufferMax } = this.#options;
    const store = this.#store();
    this.#spawn(
      "s",
      this.#producer({
        to: this.cluster.system("s").refAt<ReceiverFrame<number>>({ node: "r", path: "consumer/in" }),
        confirmed: ({ confirmed }) => void this.progress.push(confirmed),
        resendMs: 50,
        resendMaxMs: 1000,
        ...(store === undefined ? {} : { store }),
        ...(bufferMax === undefined ? {} : { bufferMax }),
      }),
    );
  }

  spawnConsumer(): void {
    this.#spawn("r", this.#consumer());
  }

  send(count: number): void {
    const system = this.cluster.system("s");
    const producer = system.refAt<number>({ node: "s", path: "producer" });
    for (let i = 0; i < count; i++) system.tell(producer, this.#next++);
  }

  crash(node: "s" | "r"): void {
    this.cluster.crash(node);
    if (node === "s") this.#disk.crash();
  }

  restart(node: "s" | "r"): void {
    this.cluster.restart(node);
    if (node === "s") this.spawnProducer();
    else this.spawnConsumer();
  }

  crashConsumer(): void {
    const system = this.cluster.system("r");
    system.tell(system.refAt<ConsumerMessage>({ node: "r", path: "consumer" }), "crash");
  }

  advance(durationMs: number): void {
    this.cluster.world.advance(durationMs);
    this.#checkCredits();
  }

  get #isDurable(): boolean {
    return this.#options.store !== "none";
  }

  #store(): DeliveryStore<number> | undefined {
    if (this.#options.store === "disk") return this.#disk;
    return this.#isDurable ? journalDeliveryStore({ journal: this.#journal, stream: "producer" }) : undefined;
  }

  #spawn<M>(node: string, behavior: Behavior<unknown, M>): Ref<M> {
    return this.cluster.system(node).spawn(behavior, {
      name: behavior.name,
      supervision: {
        onCrash: "restart",
        intensity: { restartsMax: 1e6, windowMs: 1 },
        backoff: { minMs: 1, maxMs: 20, jitter: 0 },
      },
    });
  }

  #producer(
    options: Parameters<typeof reliableSender<number>>[0],
  ): Behavior<unknown, number | { readonly n: number; readonly result: SendResult | null }> {
    const out = reliableSender<number>(options);
    return {
      name: "producer",
      init: (ctx) => ctx.spawn(out, { name: "out" }),
      receive: (state, message, ctx) => {
        const sender = state as ReturnType<ActorSystem["spawn"]>;
        if (typeof message === "number") {
          ctx.ask<unknown, SendResult>(sender, {
            make: (replyTo) => sendReliably(message, replyTo),
            timeoutMs: 60_000,
            adapt: (result) => ({ n: message, result: result.ok ? result.answer : null }),
          });
        } else if (message.result?.ok === true) this.accepted.add(message.n);
        else if (message.result !== null) this.refused.push(message.n);
        return state;
      },
    };
  }

  #consumer(): Behavior<unknown, ConsumerMessage> {
    return {
      name: "consumer",
      init: (ctx) => {
        // What is recorded counts as confirmed from here on.
        if (this.#isDurable) for (const [stream, seq] of this.#ledger) this.#confirm({ stream, seq });
        const deliver = ctx.callback((delivery: Delivery<number>) => delivery);
        ctx.spawn(reliableReceiver({ deliver, memory: this.#memory, window: this.#options.window }), { name: "in" });
        return null;
      },
      receive: (state, message, ctx) => {
        if (message === "crash") throw new Error("as told");
        if ("confirm" in message) {
          this.#confirm(message.confirm);
          confirmDelivery(ctx, message.confirm);
          return state;
        }
        if (this.#random.next() < this.crashChance) throw new Error("before it was recorded");
        const atOnce = message.seq - (this.#confirmedUpTo.get(message.stream) ?? 0);
        if (atOnce > this.#options.window) this.violations.push(`${atOnce} at once`);
        this.#record(message);
        ctx.setTimer(`${message.seq}`, this.#random.next() * this.confirmMs, { confirm: message });
        return state;
      },
    };
  }

  #record({ stream, seq, message }: Delivery<number>): void {
    const key = `${stream} ${seq}`;
    if (this.#confirmed.has(key)) this.violations.push(`${key} delivered after it was confirmed`);
    const last = this.#ledger.get(stream) ?? 0;
    if (this.#isDurable) {
      if (seq !== last + 1) this.violations.push(`${key} delivered after ${last}`);
      this.recorded.push(message);
    } else if (seq === last + 1) this.recorded.push(message);
    else if (seq > last) this.violations.push(`${key} delivered after ${last}`);
    this.#ledger.set(stream, Math.max(last, seq));
  }

  #confirm({ stream, seq }: Pick<Delivery<number>, "stream" | "seq">): void {
    this.#confirmedUpTo.set(stream, Math.max(seq, this.#confirmedUpTo.get(stream) ?? 0));
    for (let i = seq; i > 0 && !this.#confirmed.has(`${stream} ${i}`); i--) this.#confirmed.add(`${stream} ${i}`);
  }

  /** No message is sent past what the receiver has allowed. */
  #checkCredits(): void {
    for (; this.#checked < this.cluster.sent.length; this.#checked++) {
      const frame = this.cluster.sent[this.#checked]?.message as ReceiverFrame<number> | SenderFrame | null;
      if (typeof frame !== "object" || frame === null) continue;
      const key = frame.stream;
      if (frame.type === "delivery-ack") this.#limits.set(key, Math.max(frame.limit, this.#limits.get(key) ?? 0));
      if (frame.type === "delivery-data" && frame.seq > (this.#limits.get(key) ?? 0)) {
        this.violations.push(`${key} sent ${frame.seq} with a limit of ${this.#limits.get(key)}`);
      }
    }
  }
}
