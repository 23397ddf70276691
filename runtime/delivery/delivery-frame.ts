/**
 * What a reliable sender and its receiver say to each other.
 *
 *     open(life unknown) ─▶            a stream is one numbering of messages, 1, 2, 3, …; the same number in the same
 *                        ◀─ hello(life)          stream is always the same message
 *     open(life, base)   ─▶            a life is one start of the receiver; `base` is as old as the sender's knowledge of
 *                        ◀─ ack                  that life, so an `open` that is late cannot pass for a new one (RFC 9293, 3.5)
 *     data(seq) …        ─▶
 *                        ◀─ ack(received, confirmed, limit)
 */
import { Ref } from "../ref.ts";

/** To a receiver. */
export type ReceiverFrame<M> =
  /** Here is a stream whose messages below `base` are all confirmed. Also asked when no answer came: the answer is an `ack`. */
  | {
      readonly type: "delivery-open";
      readonly stream: string;
      readonly producer: string;
      /** The receiver's, as far as it is known; empty before. */
      readonly life: string;
      readonly base: number;
      readonly from: Ref<SenderFrame>;
    }
  /** The same message whenever it comes, so it needs no life; a receiver to which the stream was not opened takes none. */
  | { readonly type: "delivery-data"; readonly stream: string; readonly seq: number; readonly message: M }
  /** No message of this stream will come any more. */
  | { readonly type: "delivery-close"; readonly stream: string };

/** To a sender. */
export type SenderFrame =
  /** The receiver's life; an `open` that names it is wanted. */
  | { readonly type: "delivery-hello"; readonly stream: string; readonly life: string }
  | {
      readonly type: "delivery-ack";
      readonly stream: string;
      readonly life: string;
      /** All up to here have arrived, in this life or before it. */
      readonly received: number;
      /** All up to here are confirmed by the consumer. */
      readonly confirmed: number;
      /** The last number that may be sent. */
      readonly limit: number;
      /** What was sent after `received` has not arrived: send it again. */
      readonly resend: boolean;
    };

const TEXT_LENGTH_MAX = 1024;

/** Whether another node may tell this to a receiver. The message itself is not looked at. */
export function isReceiverFrame<M>(value: unknown): value is ReceiverFrame<M> {
  if (!isObject(value) || !isText(value["stream"])) return false;
  const { type, producer, life, base, from, seq } = value;
  switch (type) {
    case "delivery-open":
      return isText(producer) && isText(life) && isNumber(base, 1) && from instanceof Ref;
    case "delivery-data":
      return isNumber(seq, 1) && "message" in value;
    case "delivery-close":
      return true;
    default:
      return false;
  }
}

/** Whether another node may tell this to a sender. */
export function isSenderFrame(value: unknown): value is SenderFrame {
  if (!isObject(value) || !isText(value["stream"]) || !isText(value["life"])) return false;
  const { type, received, confirmed, limit, resend } = value;
  if (type === "delivery-hello") return true;
  if (type !== "delivery-ack" || typeof resend !== "boolean") return false;
  return isNumber(received, 0) && isNumber(confirmed, 0) && isNumber(limit, 0) && confirmed <= received;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= TEXT_LENGTH_MAX;
}

function isNumber(value: unknown, min: number): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= min;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
