/** What comes from other nodes and is not as it should be: refused by name, and nothing else is disturbed. */
import { expect, test } from "vitest";
import {
  KERNEL_PATH,
  Ref,
  stateless,
  type ActorSystem,
  type AnyRef,
  type AskResult,
  type Behavior,
  type DeadLetterReason,
} from "../../../runtime/index.ts";
import { openNetwork } from "./open-network.ts";
import type { TestNetwork } from "./test-network.ts";

interface Greet {
  readonly type: "greet";
  readonly replyTo: Ref<string>;
}

/** Takes greetings only, from other nodes. */
const greeter: Behavior<null, Greet> = {
  name: "greeter",
  init: () => null,
  accepts: (message): message is Greet =>
    typeof message === "object" && message !== null && "type" in message && message.type === "greet",
  receive(state, { replyTo }, ctx) {
    ctx.tell(replyTo, `hello from ${ctx.node}`);
    return state;
  },
};

async function ask(
  network: TestNetwork,
  to: Ref<unknown>,
  make: (replyTo: Ref<string>) => unknown,
): Promise<AskResult<string>> {
  const answer = network.system("n1").ask<unknown, string>(to, make, { timeoutMs: 1_000_000 });
  network.settle();
  return await answer;
}

function reasonsOf(system: ActorSystem): DeadLetterReason[] {
  const reasons: DeadLetterReason[] = [];
  system.inspection.subscribe((event) => void (event.type === "dead-letter" && reasons.push(event.letter.reason)));
  return reasons;
}

test("a message that the behaviour does not accept is a dead letter there, an ask of it fails, and others go on", async () => {
  const network = openNetwork();
  network.system("n2").spawn(greeter, { name: "greeter" });
  const to = network.system("n1").refAt<unknown>({ node: "n2", path: "greeter" });
  network.system("n1").tell(to, "of another version");
  expect(await ask(network, to, (replyTo) => ({ type: "greet2", replyTo }))).toEqual({ ok: false, code: "wrong-type" });
  expect(await ask(network, to, (replyTo) => ({ type: "greet", replyTo }))).toEqual({
    ok: true,
    answer: "hello from n2",
  });
  expect(network.system("n2").deadLettersBy("wrong-type")).toBe(2);
});

test("a check that throws has not accepted, and crashes nobody", async () => {
  const network = openNetwork();
  const picky: Behavior<null, Greet> = {
    ...greeter,
    accepts: (message): message is Greet => (message as Greet).type === "greet",
  };
  const ref = network.system("n2").spawn(picky, { name: "greeter" });
  const to = network.system("n1").refAt<unknown>({ node: "n2", path: "greeter" });
  network.system("n1").tell(to, null);
  network.settle();
  expect(network.system("n2").deadLettersBy("wrong-type")).toBe(1);
  expect(await ask(network, to, (replyTo) => ({ type: "greet", replyTo }))).toMatchObject({ ok: true });
  expect(ref.path).toBe("greeter");
});

test("an ask of an actor that does not exist fails at once, also one that ends with the ask waiting", async () => {
  const network = openNetwork();
  const n1 = network.system("n1");
  const n2 = network.system("n2");
  const nobody = n1.refAt<unknown>({ node: "n2", path: "nobody" });
  expect(await ask(network, nobody, (replyTo) => ({ replyTo }))).toEqual({ ok: false, code: "no-recipient" });
  const slow = n2.spawn(
    stateless<unknown>("slow", () => {}),
    { name: "slow" },
  );
  const waiting = n1.ask<unknown, string>(n1.refAt({ node: "n2", path: "slow" }), (replyTo) => replyTo, {
    timeoutMs: 1000,
  });
  network.deliver();
  n2.stopActor(slow);
  network.settle();
  expect(await waiting).toEqual({ ok: false, code: "no-recipient" });
});

test("an ask of a full mailbox that fails asks fails at once on the other node too", async () => {
  const network = openNetwork();
  network.system("n2").spawn(
    stateless("busy", () => {}),
    { name: "busy", mailbox: { capacity: 1, overflow: "fail-ask" } },
  );
  const n1 = network.system("n1");
  const busy = n1.refAt<unknown>({ node: "n2", path: "busy" });
  n1.tell(busy, "first");
  const answer = n1.ask<unknown, string>(busy, (replyTo) => replyTo, { timeoutMs: 1000 });
  network.deliver();
  network.deliver();
  expect(await answer).toEqual({ ok: false, code: "mailbox-full" });
});

test("every ask of a node fails with node-down when its link is lost, and at once when there is none", async () => {
  const network = openNetwork(["n1", "n2", "n3"]);
  const n1 = network.system("n1");
  for (const node of ["n2", "n3"]) {
    network.system(node).spawn(
      stateless("silent", () => {}),
      { name: "silent" },
    );
  }
  const asked = (node: string): Promise<AskResult<string>> =>
    n1.ask<unknown, string>(n1.refAt({ node, path: "silent" }), (replyTo) => replyTo, { timeoutMs: 1000 });
  const [second, third] = [asked("n2"), asked("n3")];
  network.settle();
  network.cut("n1", "n2");
  network.notice("n1", "n2");
  expect(await second).toEqual({ ok: false, code: "node-down" });
  expect(await asked("n2")).toEqual({ ok: false, code: "node-down" });
  expect(await asked("n9")).toEqual({ ok: false, code: "node-down" });
  network.advance(1000);
  expect(await third).toEqual({ ok: false, code: "timeout" });
});

test("a message to a node without a link, or that is no peer, is a dead letter: node-down", () => {
  const network = openNetwork();
  const n1 = network.system("n1");
  const known = n1.refAt<string>({ node: "n2", path: "greeter" });
  network.cut("n1", "n2");
  network.notice("n1", "n2");
  const reasons = reasonsOf(n1);
  n1.tell(known, "lost");
  n1.tell(n1.refAt<string>({ node: "stranger", path: "greeter" }), "lost");
  expect(reasons).toEqual(["node-down", "node-down"]);
});

test("a ref works again when its node is back", () => {
  const network = openNetwork();
  const n1 = network.system("n1");
  const got: string[] = [];
  network.system("n2").spawn(
    stateless<string>("sink", (message) => void got.push(message)),
    { name: "sink" },
  );
  const sink = n1.refAt<string>({ node: "n2", path: "sink" });
  n1.tell(sink, "before");
  network.settle();
  network.cut("n1", "n2");
  network.notice("n1", "n2");
  network.notice("n2", "n1");
  n1.tell(sink, "meanwhile");
  network.connect("n1", "n2");
  n1.tell(sink, "after");
  n1.tell(n1.refAt<string>({ node: "n2", path: "sink" }), "by another ref");
  network.settle();
  expect(got).toEqual(["before", "after", "by another ref"]);
});

test("a ref to a path of the kernel is refused where it is used: nothing of it leaves the node", () => {
  const network = openNetwork();
  const n1 = network.system("n1");
  const reasons = reasonsOf(n1);
  const before = network.sent.length;
  for (const node of ["n1", "n2"]) {
    for (const path of [KERNEL_PATH, "$watch", "$"]) n1.tell(n1.refAt<unknown>({ node, path }), { type: "watch" });
  }
  expect(reasons).toEqual(Array.from({ length: 6 }, () => "forged-ref"));
  expect(network.sent).toHaveLength(before);
});

test("a forged ref in a payload harms nobody: the actor that uses it causes a dead letter", () => {
  const network = openNetwork();
  const n2 = network.system("n2");
  n2.spawn(greeter, { name: "greeter" });
  const reasons = reasonsOf(n2);
  const greet = (node: string, path: string): void => {
    const replyTo = new Ref<string>({ node, path }, { receive: () => {} });
    const message = { type: "greet", replyTo };
    network.forge({ from: { node: "n1", path: "" }, to: { node: "n2", path: "greeter" }, message });
    network.settle();
  };
  greet("n2", KERNEL_PATH);
  greet("n1", KERNEL_PATH);
  greet("stranger", "greeter");
  greet("n2", "$ask/another-life-1");
  expect(reasons).toEqual(["forged-ref", "forged-ref", "node-down", "no-recipient"]);
});

test("an answer to an ask of another life of the node is a dead letter there, and answers nothing", async () => {
  const network = openNetwork();
  const n1 = network.system("n1");
  const asked: AnyRef[] = [];
  network.system("n2").spawn(
    stateless<Ref<string>>("silent", (replyTo) => void asked.push(replyTo)),
    { name: "silent" },
  );
  const answer = n1.ask<Ref<string>, string>(n1.refAt({ node: "n2", path: "silent" }), (replyTo) => replyTo, {
    timeoutMs: 100,
  });
  network.settle();
  const path = asked[0]?.path ?? "";
  const [, life, number] = /^\$ask\/(.+)-(\d+)$/.exec(path) ?? [];
  for (const forged of [`$ask/0${life}-${number}`, `$ask/${life}-${Number(number) + 1}`, "$ask", "$ask/"]) {
    network.forge({ from: { node: "n2", path: "silent" }, to: { node: "n1", path: forged }, message: "forged" });
  }
  expect(n1.deadLetters).toBe(4);
  network.advance(100);
  expect(await answer).toEqual({ ok: false, code: "timeout" });
});

test("only the node that was asked can say that an ask will get no answer", async () => {
  const network = openNetwork(["n1", "n2", "n3"]);
  const n1 = network.system("n1");
  network.system("n2").spawn(
    stateless("silent", () => {}),
    { name: "silent" },
  );
  const fail = (node: string, path: string): void =>
    network.forge({
      from: { node, path: KERNEL_PATH },
      to: { node: "n1", path: KERNEL_PATH },
      message: { type: "ask-failed", path, code: "no-recipient" },
    });
  const asked: string[] = [];
  const answer = n1.ask<unknown, string>(
    n1.refAt({ node: "n2", path: "silent" }),
    (replyTo) => {
      asked.push(replyTo.path);
      return replyTo;
    },
    { timeoutMs: 100 },
  );
  fail("n3", asked[0] ?? "");
  let ended = false;
  void answer.then(() => (ended = true));
  await Promise.resolve();
  expect(ended).toBe(false);
  fail("n2", asked[0] ?? "");
  expect(await answer).toEqual({ ok: false, code: "no-recipient" });
});

test("what no kernel says is a dead letter: malformed, in the name of an actor, or of a node without a link", () => {
  const network = openNetwork();
  const n1 = network.system("n1");
  n1.spawn(
    stateless("target", () => {}),
    { name: "target" },
  );
  const kernel = { node: "n1", path: KERNEL_PATH };
  const garbage: readonly unknown[] = [
    null,
    "watch",
    { type: "watch" },
    { type: "watch", id: 1, path: 7, watcher: "w" },
    { type: "watch", id: -1, path: "target", watcher: "w" },
    { type: "watch", id: 1, path: "$ask/1", watcher: "w" },
    { type: "watch", id: 1, path: "target", watcher: KERNEL_PATH },
    { type: "terminated", id: 1, reason: "bored" },
    { type: "credit", path: "target", limit: -1 },
    { type: "credit", path: "target", limit: Number.POSITIVE_INFINITY },
    { type: "credit", path: "", limit: 1 },
    { type: "report", sent: 1 },
    { type: "ask-failed", path: "$ask/1", code: "bored" },
    { type: "explode" },
  ];
  for (const message of garbage) network.forge({ from: { node: "n2", path: KERNEL_PATH }, to: kernel, message });
  const watch = { type: "watch", id: 1, path: "target", watcher: "w" };
  // As an actor, and by a kernel to an actor.
  network.forge({ from: { node: "n2", path: "somebody" }, to: kernel, message: watch });
  network.forge({ from: { node: "n2", path: KERNEL_PATH }, to: { node: "n1", path: "target" }, message: watch });
  expect(n1.deadLettersBy("malformed")).toBe(garbage.length + 2);
  network.forge({ from: { node: "stranger", path: KERNEL_PATH }, to: kernel, message: watch });
  expect(n1.deadLettersBy("node-down")).toBe(1);
  network.settle();
  expect(network.sent).toEqual([]);
});

test("nobody waits for a system that has stopped while its link is up: not asks, watches, nor credit", async () => {
  const network = openNetwork();
  const [n1, n2] = [network.system("n1"), network.system("n2")];
  const sink = n1.refAt<unknown>({ node: "n2", path: "sink" });
  n2.spawn(
    stateless<unknown>("sink", () => {}),
    { name: "sink", mailbox: { overflow: "back-pressure" } },
  );
  n1.tell(sink, 0);
  network.settle();
  n2.stop();
  network.settle();
  const signals: string[] = [];
  n1.spawn<null, never>({
    name: "watcher",
    init: (ctx) => {
      ctx.watch(sink);
      return null;
    },
    receive: () => null,
    onSignal: (state, signal) => {
      if (signal.type === "terminated") signals.push(signal.reason);
      return state;
    },
  });
  const result = n1.ask(sink, (replyTo: Ref<string>) => ({ replyTo }), { timeoutMs: 1000 });
  for (let i = 0; i < 1000; i++) n1.tell(sink, i);
  network.settle();
  await n1.ready(sink);
  expect(await result).toEqual({ ok: false, code: "no-recipient" });
  expect(signals).toEqual(["not-found"]);
  expect(n2.deadLetters).toBe(0);
});

test("credit for a channel that is none, and a report of one, do no harm", () => {
  const network = openNetwork();
  const n1 = network.system("n1");
  const from = { node: "n2", path: KERNEL_PATH };
  network.forge({ from, to: { node: "n1", path: KERNEL_PATH }, message: { type: "credit", path: "x", limit: 5 } });
  network.forge({ from, to: { node: "n1", path: "nobody" }, message: { type: "report", sent: 5 } });
  expect(n1.deadLetters).toBe(0);
  expect(network.sent.map(({ message }) => message)).toEqual([{ type: "credit", path: "nobody", limit: null }]);
});
