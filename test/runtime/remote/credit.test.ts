/** Credit between nodes: a slow receiver holds its senders back, wherever they are. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  KERNEL_PATH,
  stateless,
  type ActorSystem,
  type Behavior,
  type DeadLetterReason,
  type Envelope,
  type Ref,
} from "../../../runtime/index.ts";
import { CHANNEL_QUEUE_MAX, GRANT_STEP, WINDOW } from "../../../runtime/remote/window.ts";
import { openNetwork } from "./open-network.ts";

interface Numbered {
  readonly from: string;
  readonly number: number;
}

/** Sends as many numbered messages as it is told. */
function source(to: (ctx: { refAt: ActorSystem["refAt"] }) => Ref<Numbered>): Behavior<number, number> {
  return {
    name: "source",
    init: () => 0,
    receive: (sent, count, ctx) => {
      for (let i = 1; i <= count; i++) ctx.tell(to(ctx), { from: ctx.self.toString(), number: sent + i });
      return sent + count;
    },
  };
}

const PRESSING = { overflow: "back-pressure" } as const;

function lettersOf(system: ActorSystem): DeadLetterReason[] {
  const reasons: DeadLetterReason[] = [];
  system.inspection.subscribe((event) => void (event.type === "dead-letter" && reasons.push(event.letter.reason)));
  return reasons;
}

test("a receiver that presses back never has more under way than its window, and gets everything in order", () => {
  const network = openNetwork();
  const received: number[] = [];
  let underWay = 0;
  let most = 0;
  network.onDelivered = ({ to }) => {
    if (to.path === "sink") most = Math.max(most, ++underWay);
  };
  network.system("n2").spawn(
    stateless<Numbered>("sink", ({ number }) => {
      underWay -= 1;
      received.push(number);
    }),
    { name: "sink", mailbox: PRESSING },
  );
  const n1 = network.system("n1");
  const sender = n1.spawn(source((ctx) => ctx.refAt({ node: "n2", path: "sink" })));
  for (let i = 0; i < 50; i++) n1.tell(sender, 100);
  for (let i = 0; i < 50; i++) {
    network.turns(1);
    network.deliver();
  }
  network.settle();
  expect(received).toEqual(Array.from({ length: 5000 }, (_, i) => i + 1));
  expect(most).toBeGreaterThan(WINDOW / 2);
  expect(most).toBeLessThanOrEqual(WINDOW);
});

test("a receiver that does not press back is free after one answer, and its senders never wait", () => {
  const network = openNetwork();
  let received = 0;
  network.system("n2").spawn(
    stateless("sink", () => void (received += 1)),
    { name: "sink" },
  );
  const n1 = network.system("n1");
  const sink = n1.refAt<number>({ node: "n2", path: "sink" });
  for (let i = 0; i <= WINDOW / 2; i++) n1.tell(sink, i);
  network.settle();
  for (let i = 0; i < 10 * WINDOW; i++) n1.tell(sink, i);
  expect(network.sent.filter(isToSink)).toHaveLength(10.5 * WINDOW + 1);
  expect(network.sent.filter(({ from }) => from.path === "$kernel")).toHaveLength(2);
  network.settle();
  expect(received).toBe(10.5 * WINDOW + 1);
});

test("a sender without credit gets no turn until the receiver has caught up; one that ignores pressure goes on", () => {
  const network = openNetwork();
  const n1 = network.system("n1");
  const handled = { waits: 0, ignores: 0 };
  const eager = (name: "waits" | "ignores"): Behavior<null, number> =>
    stateless(name, (count, ctx) => {
      handled[name] += 1;
      for (let i = 0; i < count; i++) ctx.tell(ctx.refAt<number>({ node: "n2", path: "sink" }), i);
    });
  const waits = n1.spawn(eager("waits"));
  const ignores = n1.spawn(eager("ignores"), { onPressure: "ignore" });
  // Nobody answers on n2's side yet: nothing is delivered.
  for (const ref of [waits, ignores]) for (let i = 0; i < 4; i++) n1.tell(ref, WINDOW);
  network.turns();
  const sentNow = network.sent.filter(isToSink).length;
  expect(sentNow).toBe(WINDOW);
  expect(handled.waits).toBeLessThanOrEqual(2);
  expect(handled.ignores).toBe(4);
  network.settle();
  expect(handled).toEqual({ waits: 4, ignores: 4 });
  expect(network.sent.filter(isToSink)).toHaveLength(8 * WINDOW);
});

test("system.ready() resolves when there is credit again", async () => {
  const network = openNetwork();
  const n1 = network.system("n1");
  const sink = n1.refAt<number>({ node: "n2", path: "sink" });
  await n1.ready(sink);
  for (let i = 0; i < 2 * WINDOW; i++) n1.tell(sink, i);
  let ready = false;
  const waiting = n1.ready(sink).then(() => (ready = true));
  await Promise.resolve();
  expect(ready).toBe(false);
  network.settle();
  await waiting;
  expect(ready).toBe(true);
});

test("what does not fit into a channel's queue is a dead letter, and an ask of it fails", async () => {
  const network = openNetwork();
  const n1 = network.system("n1");
  const letters = lettersOf(n1);
  const sink = n1.refAt<unknown>({ node: "n2", path: "sink" });
  for (let i = 0; i < WINDOW + CHANNEL_QUEUE_MAX + 3; i++) n1.tell(sink, i);
  expect(letters).toEqual(["no-credit", "no-credit", "no-credit"]);
  const asked = await n1.ask<unknown, string>(sink, (replyTo) => ({ replyTo }), { timeoutMs: 1000 });
  expect(asked).toEqual({ ok: false, code: "mailbox-full" });
});

test("the end of an actor that presses back sets its senders free: what they send then are dead letters there", () => {
  const network = openNetwork();
  const n2 = network.system("n2");
  const sink = n2.spawn(
    stateless("sink", () => {}),
    { name: "sink", mailbox: PRESSING },
  );
  const n1 = network.system("n1");
  const ref = n1.refAt<number>({ node: "n2", path: "sink" });
  for (let i = 0; i < 3 * WINDOW; i++) n1.tell(ref, i);
  // The mailbox holds a window when its actor ends.
  network.deliver();
  expect(network.sent.filter(isToSink)).toHaveLength(WINDOW);
  n2.stopActor(sink);
  network.settle();
  expect(network.sent.filter(isToSink)).toHaveLength(3 * WINDOW);
});

test("an actor that presses back takes the freedom back that an earlier one at its path gave", () => {
  const network = openNetwork();
  const n1 = network.system("n1");
  const n2 = network.system("n2");
  const ref = n1.refAt<number>({ node: "n2", path: "sink" });
  // Nobody is there: free.
  for (let i = 0; i < WINDOW; i++) n1.tell(ref, i);
  network.settle();
  let handled = 0;
  n2.spawn(
    stateless("sink", () => void (handled += 1)),
    { name: "sink", mailbox: PRESSING },
  );
  n1.tell(ref, 0);
  network.deliver();
  const before = network.sent.filter(isToSink).length;
  for (let i = 0; i < 10 * WINDOW; i++) n1.tell(ref, i);
  network.deliver();
  expect(network.sent.filter(isToSink).length - before).toBeLessThanOrEqual(WINDOW);
  network.settle();
  expect(handled).toBe(10 * WINDOW + 1);
});

test("two actors of two nodes that press back on each other do not stand still", () => {
  const network = openNetwork();
  let handled = 0;
  // Answers each message with two until enough have gone round, so that both windows are used up at once.
  const echo = (other: string): Behavior<null, number> =>
    stateless("echo", (left, ctx) => {
      handled += 1;
      const to = ctx.refAt<number>({ node: other, path: "echo" });
      if (left > 0) for (let i = 0; i < 2; i++) ctx.tell(to, left - 1);
    });
  network.system("n1").spawn(echo("n2"), { name: "echo", mailbox: PRESSING });
  network.system("n2").spawn(echo("n1"), { name: "echo", mailbox: PRESSING });
  network.system("n1").tell(network.system("n1").refAt<number>({ node: "n1", path: "echo" }), 12);
  network.settle();
  expect(handled).toBe(2 ** 13 - 1);
});

test("messages that a link loses cost no credit: their sender reports, and goes on", () => {
  const network = openNetwork();
  let drawn = 0;
  network.loses = () => drawn++ % 3 === 0;
  let handled = 0;
  network.system("n2").spawn(
    stateless("sink", () => void (handled += 1)),
    { name: "sink", mailbox: PRESSING },
  );
  const n1 = network.system("n1");
  const sender = n1.spawn(source((ctx) => ctx.refAt({ node: "n2", path: "sink" })));
  for (let i = 0; i < 30; i++) n1.tell(sender, WINDOW);
  network.settle();
  expect(network.sent.filter(isToSink)).toHaveLength(30 * WINDOW);
  expect(handled).toBe(20 * WINDOW);
});

/** What the property does next. */
type Action =
  | { readonly type: "send"; readonly sender: number; readonly count: number }
  | { readonly type: "steps"; readonly choices: readonly number[] }
  | { readonly type: "turns" | "deliveries"; readonly count: number }
  | { readonly type: "cut" | "connect" }
  | { readonly type: "notice"; readonly node: number };

const ACTION: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constant("send"), sender: fc.nat(2), count: fc.integer({ min: 1, max: 300 }) }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant("steps"), choices: fc.array(fc.nat(), { maxLength: 100 }) }) },
  { weight: 8, arbitrary: fc.record({ type: fc.constantFrom("turns", "deliveries"), count: fc.nat(300) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom("cut", "connect") }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("notice"), node: fc.nat(1) }) },
);

test("under loss, broken links and any order of turns: credit holds, order holds, and everything drains", () => {
  let limitedRuns = 0;
  fc.assert(
    fc.property(
      fc.array(ACTION, { minLength: 5, maxLength: 40, size: "max" }),
      fc.boolean(),
      fc.integer({ min: 0, max: 20 }),
      (actions, presses, lossPercent) => {
        const network = openNetwork(["n1", "n2"]);
        const loss = network.systems.size * lossPercent;
        let drawn = 0;
        // A fixed rhythm of losses; which message it meets is the schedule's choice.
        network.loses = () => (drawn++ * 37) % 200 < loss;
        const received = new Map<string, number[]>();
        const letters = [lettersOf(network.system("n1")), lettersOf(network.system("n2"))];
        let underWay = 0;
        let most = 0;
        let lost = 0;
        network.onDelivered = () => (most = Math.max(most, ++underWay));
        network.onLost = () => (lost += 1);
        network.system("n2").spawn(
          stateless<Numbered>("sink", ({ from, number }) => {
            underWay -= 1;
            const numbers = received.get(from) ?? [];
            numbers.push(number);
            received.set(from, numbers);
          }),
          { name: "sink", ...(presses ? { mailbox: PRESSING } : {}) },
        );
        const n1 = network.system("n1");
        const senders = [0, 1, 2].map(() => n1.spawn(source((ctx) => ctx.refAt({ node: "n2", path: "sink" }))));
        let told = 0;
        const send = (at: number, count: number): void => {
          const sender = senders[at];
          if (sender === undefined) return;
          n1.tell(sender, count);
          told += count;
        };
        for (const action of actions) {
          switch (action.type) {
            case "send":
              send(action.sender, action.count);
              break;
            case "steps":
              for (const choice of action.choices) network.step(choice);
              break;
            case "turns":
              network.turns(action.count);
              break;
            case "deliveries":
              network.deliver(action.count);
              break;
            case "cut":
              network.cut("n1", "n2");
              break;
            case "connect":
              network.connect("n1", "n2");
              break;
            default:
              network.notice(action.node === 0 ? "n1" : "n2", action.node === 0 ? "n2" : "n1");
          }
        }
        network.cut("n1", "n2");
        network.notice("n1", "n2");
        network.notice("n2", "n1");
        network.settle();
        network.connect("n1", "n2");
        network.loses = () => false;
        // Every sender still gets its turns, and what it sends now arrives.
        for (const at of senders.keys()) send(at, 400);
        network.settle();
        network.stop();
        for (const numbers of received.values()) {
          expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
          expect(numbers.length).toBeGreaterThanOrEqual(400);
        }
        expect(received.size).toBe(3);
        const handled = [...received.values()].reduce((sum, numbers) => sum + numbers.length, 0);
        expect(handled + lost + letters.flat().length).toBe(told);
        expect(underWay).toBe(0);
        // A link that broke leaves what was delivered over it in the mailbox, beside one window of the next.
        const cuts = actions.filter(({ type }) => type === "cut").length;
        if (presses) expect(most).toBeLessThanOrEqual(WINDOW * (1 + cuts) + GRANT_STEP);
        if (presses && most >= WINDOW - GRANT_STEP) limitedRuns += 1;
      },
    ),
    { numRuns: 60 },
  );
  expect(limitedRuns).toBeGreaterThan(0);
});

test("a link that flaps fills no mailbox beyond twice its capacity, and credit comes back when it is handled", () => {
  const network = openNetwork();
  const received: number[] = [];
  const [n1, n2] = [network.system("n1"), network.system("n2")];
  n2.spawn(
    stateless<number>("sink", (number) => void received.push(number)),
    {
      name: "sink",
      mailbox: { capacity: 1000, overflow: "back-pressure" },
    },
  );
  const letters = lettersOf(n2);
  for (let link = 0; link < 20; link++) {
    for (let i = 0; i < WINDOW; i++) n1.tell(n1.refAt<number>({ node: "n2", path: "sink" }), i);
    network.deliver();
    network.cut("n1", "n2");
    network.notice("n1", "n2");
    network.notice("n2", "n1");
    network.connect("n1", "n2");
  }
  network.settle();
  expect(received).toHaveLength(2000);
  expect(letters).toEqual(Array.from({ length: 20 * WINDOW - 2000 }, () => "mailbox-full"));
  const sink = n1.refAt<number>({ node: "n2", path: "sink" });
  for (let i = 0; i < 5 * WINDOW; i++) n1.tell(sink, i);
  network.settle();
  expect(received).toHaveLength(2000 + 5 * WINDOW);
});

/** Of an actor, not of the kernel. */
function isToSink({ from, to }: Envelope): boolean {
  return to.path === "sink" && from.path !== KERNEL_PATH;
}
