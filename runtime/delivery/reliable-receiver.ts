/**
 * The receiving end of reliable delivery: takes the streams of any number of senders and hands their messages to one consumer.
 *
 *     data ─▶ next in its stream? ─▶ consumer ─▶ confirmDelivery ─▶ ack: forget up to here, send up to there
 *                └─ no: said once; the sender sends again from there
 *
 * At most `window` messages of a stream are at the consumer unconfirmed: that is the consumer's demand, and all that is kept.
 */
import type { Behavior, Signal } from "../behavior.ts";
import type { Context } from "../context.ts";
import type { Ref } from "../ref.ts";
import { checkReceiver } from "./check-delivery.ts";
import { DeliveryError } from "./delivery-error.ts";
import { isReceiverFrame, type ReceiverFrame, type SenderFrame } from "./delivery-frame.ts";
import type { ReceiverCommand } from "./delivery.ts";
import { Incoming, type Unconfirmed } from "./incoming.ts";
import { createReceiverMemory, type ReceiverMemory } from "./receiver-memory.ts";
import type { ReliableReceiverOptions } from "./reliable-options.ts";

/** What a reliable receiver takes; its commands come from functions of this folder. */
export type ReliableReceiverMessage<M> =
  | ReceiverFrame<M>
  | ReceiverCommand
  /** The end of a burst: acknowledge it. */
  | { readonly type: "acknowledge" }
  | { readonly type: "sweep" };

const WINDOW = 64;
const STREAMS_MAX = 1024;

/** A stream without unconfirmed messages whose sender has been silent for so long is forgotten. */
const FORGET_MS = 3_600_000;
const SWEEP_MS = 600_000;

/**
 * A behaviour that receives what `reliableSender`s send to it. Spawn it as a child of the consumer, under a name that senders know;
 * each behaviour once.
 *
 * @throws RangeError for limits that are none, TypeError without `deliver`; DeliveryError `delivery-in-use` when spawned twice, which crashes the actor.
 */
export function reliableReceiver<M>(
  options: ReliableReceiverOptions<M>,
): Behavior<ReliableReceiver<M>, ReliableReceiverMessage<M>> {
  const { window = WINDOW, memory = createReceiverMemory() } = options;
  checkReceiver(options);
  const kept: Kept = { owner: null, senders: new Map() };
  return {
    name: "reliable-receiver",
    accepts: (message): message is ReliableReceiverMessage<M> => isReceiverFrame(message),
    init: (ctx) => new ReliableReceiver({ ...options, window, memory }, kept, ctx),
    receive: (receiver, message) => receiver.receive(message),
    onSignal: (receiver, signal) => receiver.signalled(signal),
  };
}

/** What outlives a restart: whom to tell that there is a new life. */
interface Kept {
  owner: string | null;
  readonly senders: Map<string, Ref<SenderFrame>>;
}

type Settings<M> = ReliableReceiverOptions<M> & { readonly memory: ReceiverMemory; readonly window: number };

/** The state of a reliable receiver; opaque. */
export class ReliableReceiver<M> {
  readonly #options: Settings<M>;
  readonly #kept: Kept;
  readonly #ctx: Context<ReliableReceiverMessage<M>>;
  readonly #life: string;
  readonly #streams = new Map<string, Incoming<M>>();
  readonly #toAcknowledge = new Set<Incoming<M>>();

  /** @internal */
  constructor(options: Settings<M>, kept: Kept, ctx: Context<ReliableReceiverMessage<M>>) {
    this.#options = options;
    this.#kept = kept;
    this.#ctx = ctx;
    const self = ctx.self.toString();
    if (kept.owner !== null && kept.owner !== self) {
      throw new DeliveryError(
        "delivery-in-use",
        `Cannot start the reliable receiver ${self}: its behaviour runs as ${kept.owner}; make one for each`,
      );
    }
    kept.owner = self;
    this.#life = `${ctx.random.integer(2 ** 32).toString(36)}${ctx.random.integer(2 ** 32).toString(36)}`;
    for (const [stream, from] of kept.senders) this.#hello(stream, from);
    kept.senders.clear();
    ctx.setTimer("sweep", SWEEP_MS, { type: "sweep" });
  }

  /** @internal */
  receive(message: ReliableReceiverMessage<M>): this {
    switch (message.type) {
      case "delivery-open":
        this.#open(message);
        break;
      case "delivery-data":
        this.#take(message);
        break;
      case "delivery-close":
        this.#forget(message.stream);
        break;
      case "confirm":
        this.#confirm(message.stream, message.seq);
        break;
      case "redeliver":
        for (const incoming of this.#streams.values()) this.#redeliver(incoming);
        break;
      case "acknowledge":
        this.#acknowledgeAll();
        break;
      case "sweep":
        this.#sweep();
        break;
      default:
        message satisfies never;
    }
    return this;
  }

  /** @internal */
  signalled(signal: Signal): this {
    if (signal.type === "post-stop") {
      this.#acknowledgeAll();
      // The next life may be there in a moment: they ask for it.
      for (const { stream, from } of this.#streams.values())
        this.#ctx.tell(from, { type: "delivery-hello", stream, life: "" });
      this.#kept.owner = null;
      this.#kept.senders.clear();
    }
    return this;
  }

  #open(open: ReceiverFrame<M> & { readonly type: "delivery-open" }): void {
    // Not asked after this life began: what it says may be older than what is confirmed.
    if (open.life !== this.#life) {
      this.#hello(open.stream, open.from);
      return;
    }
    const incoming = this.#streams.get(open.stream) ?? this.#begin(open);
    if (incoming === undefined) {
      this.#deadLetter("too-many-streams", open);
      return;
    }
    incoming.from = open.from;
    incoming.heardAtMs = this.#ctx.now();
    incoming.confirm(open.base - 1);
    this.#kept.senders.set(open.stream, open.from);
    this.#acknowledge(incoming, true);
  }

  /** Undefined when there are too many. */
  #begin(open: ReceiverFrame<M> & { readonly type: "delivery-open" }): Incoming<M> | undefined {
    if (this.#streams.size >= (this.#options.streamsMax ?? STREAMS_MAX)) return undefined;
    const { memory, window } = this.#options;
    const confirmed = Math.max(open.base - 1, memory.lastConfirmed(open.stream) ?? 0);
    const incoming = new Incoming<M>(open, { confirmed, window, nowMs: this.#ctx.now() });
    this.#streams.set(open.stream, incoming);
    return incoming;
  }

  #take(data: ReceiverFrame<M> & { readonly type: "delivery-data" }): void {
    const incoming = this.#streams.get(data.stream);
    // The sender hears of this life when it asks, which it does when nothing is acknowledged.
    if (incoming === undefined) return;
    incoming.heardAtMs = this.#ctx.now();
    const taken = incoming.judge(data.seq);
    switch (taken) {
      case "new":
        this.#takeNew(incoming, data);
        break;
      case "duplicate":
        this.#acknowledgeSoon(incoming);
        break;
      case "gap":
        if (incoming.tellGap()) this.#acknowledge(incoming, true);
        break;
      case "over-limit":
        this.#deadLetter("over-limit", data.message);
        break;
      default:
        taken satisfies never;
    }
  }

  #takeNew(incoming: Incoming<M>, { seq, message }: { readonly seq: number; readonly message: M }): void {
    const one = { seq, message, rejected: this.#options.accepts?.(message) === false };
    incoming.take(one);
    if (one.rejected) {
      this.#deadLetter("wrong-type", message);
      this.#options.memory.confirmed?.(incoming.stream, incoming.confirmed);
    }
    this.#deliver(incoming, one);
    this.#acknowledgeSoon(incoming);
  }

  #deliver({ stream, producer }: Incoming<M>, { seq, message, rejected }: Unconfirmed<M>): void {
    const { memory } = this.#options;
    if (!rejected) this.#options.deliver({ message, producer, stream, seq, receiver: this.#ctx.self, memory });
  }

  #confirm(stream: string, seq: number): void {
    const incoming = this.#streams.get(stream);
    if (incoming?.confirm(seq) !== true) return;
    this.#options.memory.confirmed?.(stream, incoming.confirmed);
    this.#acknowledgeSoon(incoming);
  }

  #redeliver(incoming: Incoming<M>): void {
    const last = this.#options.memory.lastConfirmed(incoming.stream);
    if (last !== undefined && incoming.confirm(last)) this.#acknowledgeSoon(incoming);
    for (const one of incoming.unconfirmed) this.#deliver(incoming, one);
  }

  /** Behind what waits in the mailbox: one answer for a burst. */
  #acknowledgeSoon(incoming: Incoming<M>): void {
    if (this.#toAcknowledge.size === 0) this.#ctx.tell(this.#ctx.self, { type: "acknowledge" });
    this.#toAcknowledge.add(incoming);
  }

  #acknowledgeAll(): void {
    for (const incoming of this.#toAcknowledge) this.#acknowledge(incoming, false);
    this.#toAcknowledge.clear();
  }

  #acknowledge(incoming: Incoming<M>, resend: boolean): void {
    const { stream, from, received, confirmed, limit } = incoming;
    this.#ctx.tell(from, { type: "delivery-ack", stream, life: this.#life, received, confirmed, limit, resend });
  }

  #hello(stream: string, from: Ref<SenderFrame>): void {
    this.#ctx.tell(from, { type: "delivery-hello", stream, life: this.#life });
  }

  #sweep(): void {
    this.#ctx.setTimer("sweep", SWEEP_MS, { type: "sweep" });
    const beforeMs = this.#ctx.now() - FORGET_MS;
    for (const { stream, unconfirmed, heardAtMs } of this.#streams.values()) {
      if (unconfirmed.length === 0 && heardAtMs < beforeMs) this.#forget(stream);
    }
  }

  #forget(stream: string): void {
    const incoming = this.#streams.get(stream);
    if (incoming === undefined) return;
    this.#toAcknowledge.delete(incoming);
    this.#streams.delete(stream);
    this.#kept.senders.delete(stream);
    this.#options.memory.forget?.(stream);
  }

  #deadLetter(reason: string, message: unknown): void {
    this.#ctx.tell(this.#ctx.refAt({ node: this.#ctx.node, path: `${this.#ctx.self.path}/${reason}` }), message);
  }
}
