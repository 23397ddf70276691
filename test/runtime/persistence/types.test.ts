/** What must not compile: effects before durability, events and answers of another type. The compiler reads this file. */
import { expect, test } from "vitest";
import { eventSourced, type Ref } from "../../../runtime/index.ts";

type Command = { readonly replyTo: Ref<number> };
type Event = { readonly type: "counted" };

const counter = eventSourced<number, Command, Event>({
  name: "counter",
  streamId: "counter",
  empty: 0,
  decide(count, { replyTo }, ctx) {
    // @ts-expect-error -- nothing leaves before it is durable: `decide` has no way to tell
    const tell: unknown = ctx.tell;
    // @ts-expect-error -- nor to spawn
    const spawn: unknown = ctx.spawn;
    // @ts-expect-error -- no such event
    ctx.persist({ type: "uncounted" });
    // @ts-expect-error -- whoever asked wants a number
    ctx.reply(replyTo, `${count}`);
    // @ts-expect-error -- the state is a number
    ctx.none().thenReply(replyTo, (state) => state.length);
    // @ts-expect-error -- a decision, not a promise of one
    void ((): ReturnType<typeof decideLater> => Promise.resolve(ctx.none()));
    void [tell, spawn];
    return ctx.persist([{ type: "counted" }]).thenReply(replyTo, (state) => state);
  },
  evolve: (count) => count + 1,
});

// @ts-expect-error -- an event-sourced actor has a state to begin with
const withoutEmpty: unknown = () => eventSourced({ name: "a", streamId: "a", decide: () => {}, evolve: () => 0 });

declare const decideLater: Parameters<typeof eventSourced<number, Command, Event>>[0]["decide"];

declare const reserved: Ref<"reserved" | "sold-out">;

/** What is answered is one of the words that the asker takes, without a cast. */
const answers: typeof decideLater = (_, __, ctx) => {
  // @ts-expect-error -- no such word
  void ctx.persist([{ type: "counted" }]).thenReply(reserved, () => "gone");
  // @ts-expect-error -- nor here
  void ctx.reply(reserved, "gone");
  return ctx.persist([{ type: "counted" }]).thenReply(reserved, () => "reserved");
};
void answers;

test("an event-sourced actor is a behaviour like any other", () => {
  expect(counter.name).toBe("counter");
  expect(withoutEmpty).toBeTypeOf("function");
});
