/** What must not compile. Each `@ts-expect-error` is checked by the compiler: `tsc -b test` fails where one is not needed. */
import { expect, test } from "vitest";
import {
  functional,
  stateless,
  type AskResult,
  type Behavior,
  type Context,
  type Handler,
  type Ref,
  type SpawnOptions,
} from "../../runtime/index.ts";

type Order =
  | { readonly type: "buy"; readonly amount: number }
  | { readonly type: "price"; readonly replyTo: Ref<number> };

/** Never run: only compiled. */
function tells(ctx: Context<Order>, shop: Ref<Order>): void {
  ctx.tell(shop, { type: "buy", amount: 1 });
  // @ts-expect-error there is no such message
  ctx.tell(shop, { type: "sell", amount: 1 });
  // @ts-expect-error a field is missing
  ctx.tell(shop, { type: "buy" });
  // @ts-expect-error a field has another type
  ctx.tell(shop, { type: "buy", amount: "one" });
}

function asks(ctx: Context<number>, shop: Ref<Order>): void {
  const timeoutMs = 10;
  ctx.ask<Order, number>(shop, {
    make: (replyTo) => ({ type: "price", replyTo }),
    timeoutMs,
    adapt: (result) => (result.ok ? result.answer : 0),
  });
  ctx.ask(shop, {
    make: (replyTo: Ref<number>) => ({ type: "price", replyTo }),
    timeoutMs,
    adapt: (result) => (result.ok ? result.answer : 0),
  });
  ctx.ask(shop, {
    // @ts-expect-error there is no such message, also when the types are not spelled out
    make: (replyTo: Ref<number>) => ({ type: "cost", replyTo }),
    timeoutMs,
    adapt: () => 0,
  });
  ctx.ask<Order, string>(shop, {
    // @ts-expect-error the shop answers with a number
    make: (replyTo) => ({ type: "price", replyTo }),
    timeoutMs,
    adapt: () => 0,
  });
  ctx.ask<Order, number>(shop, {
    make: (replyTo) => ({ type: "price", replyTo }),
    timeoutMs,
    // @ts-expect-error this actor takes numbers
    adapt: () => "cheap",
  });
  ctx.ask<Order, number>(shop, {
    make: (replyTo) => ({ type: "price", replyTo }),
    timeoutMs,
    // @ts-expect-error there may be no answer
    adapt: (result: AskResult<number>) => result.answer,
  });
}

function refs(shop: Ref<Order>): void {
  const narrower: Ref<{ readonly type: "buy"; readonly amount: number }> = shop;
  // @ts-expect-error who holds it could send what the shop does not take
  const wider: Ref<Order | string> = shop;
  // @ts-expect-error nor anything
  const anything: Ref<unknown> = shop;
  void [narrower, wider, anything];
}

function becomes(ctx: Context<Order>, other: Behavior<null, Order>, strange: Behavior<null, string>): void {
  ctx.become(other);
  // @ts-expect-error whoever has a ref to this actor goes on sending orders
  ctx.become(strange);
  // @ts-expect-error a behaviour for fewer messages would get the others too
  ctx.become(stateless<{ readonly type: "buy"; readonly amount: number }>("buys only", () => {}));
}

function effects(ctx: Context<Order>): void {
  // @ts-expect-error a timer's message is one of this actor
  ctx.setTimer("key", 10, "tick");
  // @ts-expect-error so is that of a receive timeout
  ctx.setReceiveTimeout(10, "idle");
  // @ts-expect-error and what a promise becomes
  ctx.pipe(Promise.resolve(1), (settled) => settled);
  ctx.pipe(Promise.resolve(1), (settled) => ({ type: "buy", amount: settled.ok ? settled.value : 0 }));
  // @ts-expect-error it may have been rejected
  ctx.pipe(Promise.resolve(1), (settled) => ({ type: "buy", amount: settled.value }));
  // @ts-expect-error no such strategy
  const options: SpawnOptions = { strategy: "some-for-one" };
  // @ts-expect-error a graceful stop has a deadline
  ctx.stop(ctx.self, {});
  void options;
}

const asynchronous: Behavior<number, Order> = {
  name: "asynchronous",
  init: () => 0,
  // @ts-expect-error a handler does not wait
  receive: async (count) => await Promise.resolve(count),
};

const strange: Handler<string> = () => undefined;
// @ts-expect-error the next handler is one of the same messages
const machine: Behavior<Handler<Order>, Order> = functional<Order>("machine", () => () => strange);

test("what must not compile does not: the compiler says so", () => {
  expect([tells, asks, refs, becomes, effects, asynchronous, machine]).toHaveLength(7);
});
