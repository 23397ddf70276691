/** One message as the consumer gets it, and what it does with it: handle it, record its number, confirm it. */
import type { Context } from "../context.ts";
import type { Ref } from "../ref.ts";
import type { ReceiverMemory } from "./receiver-memory.ts";

/** One reliable message, as its receiver gets it. */
export interface Delivery<out M> {
  readonly message: M;
  /** Who sends: what the sender was given as `producer`, or its address. */
  readonly producer: string;
  /** The numbering that `seq` belongs to. A sender without a store begins a new one in each process. */
  readonly stream: string;
  /** 1, 2, 3, … within the stream. */
  readonly seq: number;
  /** @internal */
  readonly receiver: Ref<ReceiverCommand>;
  /** @internal */
  readonly memory: ReceiverMemory;
}

/** What a consumer tells its receiver; made by `confirmDelivery` and `redeliver`. */
export type ReceiverCommand =
  | { readonly type: "confirm"; readonly stream: string; readonly seq: number }
  | { readonly type: "redeliver" };

/**
 * Confirms a delivery and all before it of its stream: they never come again, and the sender may send as many more.
 * Call it when what they changed is as safe as it should be; with durable state, after the write.
 */
export function confirmDelivery(ctx: Pick<Context<never>, "tell">, delivery: Delivery<unknown>): void {
  const { stream, seq, receiver, memory } = delivery;
  // At once, not when the receiver has its turn: a crash in between must not bring it back.
  memory.confirmed?.(stream, seq);
  ctx.tell(receiver, { type: "confirm", stream, seq });
}

/**
 * Makes the receiver deliver again what is not confirmed: for a consumer that restarted while its receiver did not. The receiver asks
 * its memory first.
 */
export function redeliver(ctx: Pick<Context<never>, "tell">, receiver: Ref<ReceiverCommand>): void {
  ctx.tell(receiver, { type: "redeliver" });
}
