/** A producer and a consumer on each node: what one is told to send reliably, the consumer of the next node records. */
import {
  confirmDelivery,
  reliableReceiver,
  reliableSender,
  sendReliably,
  type ActorSystem,
  type Behavior,
  type Delivery,
  type DeliveryStore,
  type ReceiverFrame,
  type Ref,
  type ReliableSenderMessage,
  type SendResult,
} from "../../runtime/index.ts";
import type { ReliableChecker, ReliableMessage } from "../checkers/reliable-checker.ts";

export interface ReliablePairOptions {
  /** The node whose consumer records. */
  readonly to: string;
  readonly store: DeliveryStore<ReliableMessage>;
  /** By stream: the number that this node's consumer recorded last. Outlives the process, as the consumer's own disk. */
  readonly ledger: Map<string, number>;
  readonly checker: ReliableChecker;
}

export type ProducerMessage =
  | { readonly type: "send"; readonly message: ReliableMessage }
  | { readonly type: "sent"; readonly message: ReliableMessage; readonly isTaken: boolean };

const SEND_MS = 5000;

/** Returns the producer. */
export function startReliablePair(system: ActorSystem, options: ReliablePairOptions): Ref<ProducerMessage> {
  system.spawn(consumer(options), { name: "consumer" });
  return system.spawn(producer(options), { name: "producer" });
}

function producer({
  to,
  store,
  checker,
}: ReliablePairOptions): Behavior<Ref<ReliableSenderMessage<ReliableMessage>>, ProducerMessage> {
  return {
    name: "producer",
    init: (ctx) => {
      const receiver = ctx.refAt<ReceiverFrame<ReliableMessage>>({ node: to, path: "consumer/in" });
      return ctx.spawn(reliableSender<ReliableMessage>({ to: receiver, store }), { name: "out" });
    },
    receive: (out, told, ctx) => {
      const { message } = told;
      if (told.type === "send") {
        ctx.ask<ReliableSenderMessage<ReliableMessage>, SendResult>(out, {
          make: (replyTo) => sendReliably(message, replyTo),
          timeoutMs: SEND_MS,
          adapt: (result) => ({ type: "sent", message, isTaken: result.ok && result.answer.ok }),
        });
      } else if (told.isTaken) {
        checker.onTaken(message);
      }
      return out;
    },
  };
}

function consumer({ ledger, checker }: ReliablePairOptions): Behavior<null, Delivery<ReliableMessage>> {
  return {
    name: "consumer",
    init: (ctx) => {
      const deliver = ctx.callback<Delivery<ReliableMessage>>((delivery) => delivery);
      const memory = { lastConfirmed: (stream: string) => ledger.get(stream) };
      ctx.spawn(reliableReceiver<ReliableMessage>({ deliver, memory }), { name: "in" });
      return null;
    },
    receive: (state, delivery, ctx) => {
      const { stream, seq, message } = delivery;
      // One write: what it means and its number.
      if (seq > (ledger.get(stream) ?? 0)) {
        checker.onRecorded(message);
        ledger.set(stream, seq);
      }
      confirmDelivery(ctx, delivery);
      return state;
    },
  };
}
