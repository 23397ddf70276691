/**
 * The sending end of reliable delivery: one stream of messages to one receiver, kept until they are confirmed.
 *
 *     send ─▶ buffer ─▶ store, if there is one ─▶ answer ─▶ data, as far as the receiver allows ─▶ confirmed: forgotten
 *
 * Akka's reliable delivery, with TCP's (RFC 9293) numbers: acknowledged up to a number, sent up to a limit, sent again from where
 * the receiver says. Nothing is sent while there is no link; when it is up again, or when no answer comes, it asks where the
 * receiver stands, with backoff.
 */
import type { Behavior, Signal } from "../behavior.ts";
import type { Context } from "../context.ts";
import type { LinkEvent } from "../ports/remoting.ts";
import type { Ref } from "../ref.ts";
import { checkSender } from "./check-delivery.ts";
import { DeliveryError } from "./delivery-error.ts";
import { isSenderFrame, type ReceiverFrame, type SenderFrame } from "./delivery-frame.ts";
import type { DeliveryStoreResult, StoredDelivery } from "./delivery-store.ts";
import { Outgoing } from "./outgoing.ts";
import type { ReliableSenderOptions } from "./reliable-options.ts";

/** To a reliable sender. Without `replyTo`, a message that is refused is a dead letter. */
export interface SendReliably<M> {
  readonly type: "send-reliably";
  readonly message: M;
  readonly replyTo?: Ref<SendResult>;
}

/** What became of one reliable message. */
export type SendResult =
  /** It will be delivered, as far as the table in the README says; its number in the stream. */
  | { readonly ok: true; readonly seq: number }
  /** As many messages as `bufferMax` are not confirmed. Wait for `confirmed`. */
  | { readonly ok: false; readonly code: "buffer-full" }
  /** The store did not take it, and the sender crashed. It may have kept it all the same. */
  | { readonly ok: false; readonly code: "delivery-store-failed" };

/** What a reliable sender takes; its commands come from functions of this folder. */
export type ReliableSenderMessage<M> =
  | SendReliably<M>
  | SenderFrame
  | { readonly type: "loaded"; readonly result: DeliveryStoreResult<StoredDelivery<M>> }
  | { readonly type: "appended"; readonly upTo: number; readonly result: DeliveryStoreResult<null> }
  | { readonly type: "link"; readonly event: LinkEvent }
  | { readonly type: "ask-again" };

const BUFFER_MAX = 10_000;
const RESEND_MS = 500;
const RESEND_MAX_MS = 30_000;
const JITTER = 0.2;

/** Messages of one write: what encodes in some milliseconds, and shares the cost of a disk's sync well enough. */
const WRITE_MAX = 1000;

/** How often a receiver that has everything, and has not confirmed it, is asked whether it is still there. */
const PROBE_MS = 5000;

/**
 * A behaviour that delivers what it is told with `sendReliably` to one receiver: in order, each once, as the README's
 * table says. Spawn each behaviour once: what is not confirmed stays with it over restarts.
 *
 * @throws RangeError for limits that are none, TypeError when `to` is no ref.
 * @throws DeliveryError `delivery-in-use` when spawned twice, `delivery-store-failed`, `delivery-store-behind`: all crash the actor.
 */
export function reliableSender<M>(
  options: ReliableSenderOptions<M>,
): Behavior<ReliableSender<M>, ReliableSenderMessage<M>> {
  checkSender(options);
  const kept: Kept<M> = { owner: null, outgoing: null };
  return {
    name: "reliable-sender",
    accepts: (message): message is ReliableSenderMessage<M> => isSenderFrame(message) || isSend(message),
    init: (ctx) => new ReliableSender(options, kept, ctx),
    receive: (sender, message) => sender.receive(message),
    onSignal: (sender, signal) => sender.signalled(signal),
  };
}

/** A message for `reliableSender`. `replyTo` hears whether it was taken, when it is in the store if there is one. */
export function sendReliably<M>(message: M, replyTo?: Ref<SendResult>): SendReliably<M> {
  return replyTo === undefined ? { type: "send-reliably", message } : { type: "send-reliably", message, replyTo };
}

/** What outlives a restart. */
interface Kept<M> {
  owner: string | null;
  outgoing: Outgoing<M> | null;
}

/** The state of a reliable sender; opaque. */
export class ReliableSender<M> {
  readonly #options: ReliableSenderOptions<M>;
  readonly #kept: Kept<M>;
  readonly #ctx: Context<ReliableSenderMessage<M>>;
  #outgoing: Outgoing<M>;
  /** The receiver's, once it has said it. */
  #life = "";
  /** The receiver's present life has said where it stands. */
  #isOpen = false;
  #linked: boolean;
  /** Questions without an answer. */
  #attempts = 0;
  #asking = false;
  /** Who waits for the store, in the order of their messages. */
  #replies: (Ref<SendResult> | undefined)[] = [];
  #writing = false;

  /** @internal */
  constructor(options: ReliableSenderOptions<M>, kept: Kept<M>, ctx: Context<ReliableSenderMessage<M>>) {
    this.#options = options;
    this.#kept = kept;
    this.#ctx = ctx;
    if (kept.owner !== null && kept.owner !== ctx.self.toString()) {
      throw new DeliveryError(
        "delivery-in-use",
        `Cannot start the reliable sender ${ctx.self.toString()}: its behaviour runs as ${kept.owner}; make one for each`,
      );
    }
    kept.owner = ctx.self.toString();
    this.#linked = options.to.node === ctx.node;
    const fresh = freshStream(ctx);
    this.#outgoing = kept.outgoing ?? new Outgoing(fresh, 1, []);
    ctx.watchLinks((event) => ({ type: "link", event }));
    if (options.store === undefined) {
      kept.outgoing = this.#outgoing;
      this.#outgoing.reset();
      this.#ask();
    } else {
      ctx.hold();
      options.store.load(
        fresh,
        ctx.callback((result) => ({ type: "loaded", result }), { ahead: true }),
      );
    }
  }

  /** @internal */
  receive(message: ReliableSenderMessage<M>): this {
    switch (message.type) {
      case "send-reliably":
        this.#send(message);
        break;
      case "loaded":
        this.#loaded(message.result);
        break;
      case "appended":
        this.#appended(message.upTo, message.result);
        break;
      case "link":
        if (message.event.node === this.#options.to.node) this.#onLink(message.event);
        break;
      case "ask-again":
        this.#ask();
        break;
      case "delivery-hello":
        if (message.stream === this.#outgoing.stream) this.#onHello(message.life);
        break;
      case "delivery-ack":
        if (message.stream === this.#outgoing.stream && message.life === this.#life) this.#onAck(message);
        break;
      default:
        message satisfies never;
    }
    return this;
  }

  /** @internal */
  signalled(signal: Signal): this {
    if (signal.type !== "post-stop") return this;
    this.#kept.owner = null;
    this.#kept.outgoing = null;
    // A stream in memory ends with its actor; one in a store goes on in the next life.
    if (this.#options.store === undefined) this.#tell({ type: "delivery-close", stream: this.#outgoing.stream });
    return this;
  }

  #send({ message, replyTo }: SendReliably<M>): void {
    if (this.#outgoing.waiting >= (this.#options.bufferMax ?? BUFFER_MAX)) {
      this.#refuse(message, replyTo);
      return;
    }
    const seq = this.#outgoing.push(message);
    if (this.#options.store === undefined) {
      this.#outgoing.durable = seq;
      if (replyTo !== undefined) this.#ctx.tell(replyTo, { ok: true, seq });
      this.#transmit();
    } else {
      this.#replies.push(replyTo);
      this.#write();
    }
  }

  #refuse(message: M, replyTo: Ref<SendResult> | undefined): void {
    if (replyTo !== undefined) this.#ctx.tell(replyTo, { ok: false, code: "buffer-full" });
    else this.#ctx.tell(this.#ctx.refAt({ node: this.#ctx.node, path: `${this.#ctx.self.path}/buffer-full` }), message);
  }

  /** One write at a time; what comes meanwhile goes into the next one together. */
  #write(): void {
    const { durable, last } = this.#outgoing;
    if (this.#writing || durable === last) return;
    this.#writing = true;
    const messages = this.#outgoing.undurable(WRITE_MAX);
    const upTo = durable + messages.length;
    const done = this.#ctx.callback<DeliveryStoreResult<null>>((result) => ({ type: "appended", upTo, result }));
    this.#options.store?.append(durable, messages, done);
  }

  #appended(upTo: number, result: DeliveryStoreResult<null>): void {
    if (!result.ok) this.#fail("keep a message", result.error);
    const first = this.#outgoing.durable + 1;
    for (const [i, replyTo] of this.#replies.splice(0, upTo - first + 1).entries()) {
      if (replyTo !== undefined) this.#ctx.tell(replyTo, { ok: true, seq: first + i });
    }
    this.#outgoing.durable = upTo;
    this.#writing = false;
    this.#write();
    this.#transmit();
  }

  #loaded(result: DeliveryStoreResult<StoredDelivery<M>>): void {
    if (!result.ok) this.#fail("read its messages", result.error);
    const { stream, base, messages } = result.value;
    this.#outgoing = new Outgoing(stream, base, messages);
    this.#ctx.release();
    this.#ask();
  }

  #fail(what: string, error: Error): never {
    for (const replyTo of this.#replies) {
      if (replyTo !== undefined) this.#ctx.tell(replyTo, { ok: false, code: "delivery-store-failed" });
    }
    throw new DeliveryError(
      "delivery-store-failed",
      `The reliable sender ${this.#ctx.self.toString()} cannot ${what}: ${error.message}`,
      error,
    );
  }

  #onLink({ type }: LinkEvent): void {
    this.#linked = type === "up";
    this.#attempts = 0;
    this.#ask();
  }

  #onHello(life: string): void {
    if (life === this.#life) return;
    this.#life = life;
    this.#isOpen = false;
    this.#outgoing.reset();
    this.#attempts = 0;
    this.#ask();
  }

  #onAck(ack: SenderFrame & { readonly type: "delivery-ack" }): void {
    const newly = this.#outgoing.acked(ack);
    if (newly === undefined) {
      throw new DeliveryError(
        "delivery-store-behind",
        `The reliable sender ${this.#ctx.self.toString()} has ${this.#outgoing.durable} messages in its stream, and its receiver ` +
          `has received ${ack.received} of it: the store is older than what was sent from it. Start it on an empty store`,
      );
    }
    this.#attempts = 0;
    this.#asking = false;
    this.#isOpen = true;
    if (newly > 0) {
      const { base, waiting } = this.#outgoing;
      this.#options.store?.confirm(base - 1);
      this.#options.confirmed?.({ confirmed: base - 1, waiting });
    }
    this.#transmit();
    this.#setTimer();
  }

  #transmit(): void {
    if (!this.#linked) return;
    if (!this.#isOpen) {
      if (!this.#asking) this.#ask();
      return;
    }
    const wasCalm = this.#outgoing.inFlight === 0;
    for (let next = this.#outgoing.next(); next !== undefined; next = this.#outgoing.next()) {
      this.#tell({ type: "delivery-data", stream: this.#outgoing.stream, ...next });
    }
    if (wasCalm && this.#outgoing.inFlight > 0 && !this.#asking) this.#setTimer();
  }

  /** Asks where the receiver stands, and again until it answers: once when nothing waits; without a link, when there is one. */
  #ask(): void {
    if (!this.#linked || (this.#outgoing.waiting === 0 && this.#attempts > 0)) {
      this.#asking = false;
      this.#ctx.cancelTimer("ask");
      return;
    }
    this.#asking = true;
    const { stream, base } = this.#outgoing;
    const producer = this.#options.producer ?? this.#ctx.self.toString();
    this.#tell({ type: "delivery-open", stream, producer, life: this.#life, base, from: this.#ctx.self });
    this.#setTimer();
    this.#attempts += 1;
  }

  #setTimer(): void {
    if (this.#outgoing.waiting === 0 && !this.#asking) {
      this.#ctx.cancelTimer("ask");
      return;
    }
    const { resendMs = RESEND_MS, resendMaxMs = RESEND_MAX_MS } = this.#options;
    const isCalm = !this.#asking && this.#outgoing.inFlight === 0;
    const baseMs = isCalm ? PROBE_MS : Math.min(resendMaxMs, resendMs * 2 ** Math.min(this.#attempts, 20));
    this.#ctx.setTimer("ask", baseMs * (1 + JITTER * (2 * this.#ctx.random.next() - 1)), { type: "ask-again" });
  }

  #tell(frame: ReceiverFrame<M>): void {
    this.#ctx.tell(this.#options.to, frame);
  }
}

/** A name that no other numbering has. */
function freshStream(ctx: Pick<Context<never>, "random" | "self">): string {
  const word = (): string => ctx.random.integer(2 ** 32).toString(36);
  return `${ctx.self.toString()}#${word()}${word()}`;
}

function isSend(value: unknown): value is SendReliably<never> {
  if (typeof value !== "object" || value === null) return false;
  return (value as Partial<SendReliably<never>>).type === "send-reliably" && "message" in value;
}
