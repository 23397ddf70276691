/** What the two ends of reliable delivery are made with. */
import type { Ref } from "../ref.ts";
import type { Delivery } from "./delivery.ts";
import type { ReceiverFrame } from "./delivery-frame.ts";
import type { DeliveryStore } from "./delivery-store.ts";
import type { ReceiverMemory } from "./receiver-memory.ts";

/** To whom a reliable sender delivers, and how. */
export interface ReliableSenderOptions<M> {
  /** The actor that runs `reliableReceiver`, on any node; it may start later. */
  readonly to: Ref<ReceiverFrame<M>>;
  /** What the consumer sees as the origin. Default: the sender's address. */
  readonly producer?: string;
  /** Keeps messages over a crash of the process. Default: none, they are kept in memory, also over a restart by supervision. */
  readonly store?: DeliveryStore<M>;
  /** Most messages that are not confirmed; a `send` past it is refused. Default: 10,000. */
  readonly bufferMax?: number;
  /** The wait before asking again, doubling up to `resendMaxMs`, 20 % more or less. Defaults: 500 ms, 30,000 ms. */
  readonly resendMs?: number;
  readonly resendMaxMs?: number;
  /** Told whenever messages were confirmed; make it with `ctx.callback`. */
  confirmed?(progress: DeliveryProgress): void;
}

/** How far a reliable sender is. */
export interface DeliveryProgress {
  /** All up to this number are confirmed. */
  readonly confirmed: number;
  /** How many are not. */
  readonly waiting: number;
}

/** To whom a reliable receiver delivers, and what it remembers. */
export interface ReliableReceiverOptions<M> {
  /** Hands a delivery to the consumer; make it with `ctx.callback` in the consumer's `init`. */
  deliver(delivery: Delivery<M>): void;
  /** What is confirmed already. Default: one that lives as long as this behaviour. */
  readonly memory?: ReceiverMemory;
  /** Most messages of one stream that are not confirmed, 1 to 10,000. Default: 64. */
  readonly window?: number;
  /** Most streams at once; a sender past it waits, and its attempts are dead letters. Default: 1,024. */
  readonly streamsMax?: number;
  /**
   * Whether a message is of the right type. One that is not becomes a dead letter here and counts as confirmed, so that it does not hold
   * up what comes after it. Default: all are.
   */
  accepts?(message: unknown): message is M;
}
