/** ctx.forward(): who passes an ask on is its sender for pressure, and the ask hears of refusals, wherever the three are. */
import { expect, test } from "vitest";
import {
  poolRouter,
  stateless,
  type Address,
  type AskResult,
  type Behavior,
  type Ref,
} from "../../../runtime/index.ts";
import { openNetwork } from "./open-network.ts";
import type { TestNetwork } from "./test-network.ts";

interface Question {
  readonly replyTo: Ref<string>;
}

function create(): TestNetwork {
  const network = openNetwork(["n1", "n2", "n3"]);
  for (const [node, system] of network.systems) {
    system.spawn(
      stateless<Question>("answerer", ({ replyTo }, ctx) => ctx.tell(replyTo, node)),
      { name: "answerer" },
    );
  }
  return network;
}

const forwarder = (to: Address): Behavior<null, Question> =>
  stateless("forwarder", (question, ctx) => ctx.forward(ctx.refAt(to), question));

/** Asks the actor `forwarder` of `node` from n1; the answer as far as it is there without time. */
async function ask(network: TestNetwork, node: string): Promise<AskResult<string> | "waits"> {
  const n1 = network.system("n1");
  const to = n1.refAt<Question>({ node, path: "forwarder" });
  const result = n1.ask(to, (replyTo: Ref<string>): Question => ({ replyTo }), { timeoutMs: 1000 });
  network.settle();
  return Promise.race([result, Promise.resolve().then(() => "waits" as const)]);
}

test.each([
  ["n1", { node: "n1", path: "answerer" }, { ok: true, answer: "n1" }],
  ["n1", { node: "n2", path: "answerer" }, { ok: true, answer: "n2" }],
  ["n2", { node: "n3", path: "answerer" }, { ok: true, answer: "n3" }],
  ["n1", { node: "n1", path: "nobody" }, { ok: false, code: "no-recipient" }],
  ["n1", { node: "n2", path: "nobody" }, { ok: false, code: "no-recipient" }],
  ["n1", { node: "n9", path: "answerer" }, { ok: false, code: "node-down" }],
  ["n2", { node: "n2", path: "nobody" }, { ok: false, code: "no-recipient" }],
  ["n2", { node: "n9", path: "answerer" }, { ok: false, code: "node-down" }],
  // n3 has no business with n1's ask, and n2 does not hear of it.
  ["n2", { node: "n3", path: "nobody" }, "waits"],
])("an ask of n1 that %s forwards to %o ends as it should", async (node, to, expected) => {
  const network = create();
  network.system(node).spawn(forwarder(to), { name: "forwarder" });
  expect(await ask(network, node)).toEqual(expected);
});

test("an ask that was forwarded to another node ends when its link does", async () => {
  const network = create();
  network.system("n1").spawn(forwarder({ node: "n2", path: "silent" }), { name: "forwarder" });
  network.system("n2").spawn(
    stateless<Question>("silent", () => {}),
    { name: "silent" },
  );
  const n1 = network.system("n1");
  const to = n1.refAt<Question>({ node: "n1", path: "forwarder" });
  const result = n1.ask(to, (replyTo: Ref<string>): Question => ({ replyTo }), { timeoutMs: 1000 });
  network.settle();
  network.cut("n1", "n2");
  network.notice("n1", "n2");
  expect(await result).toEqual({ ok: false, code: "node-down" });
});

test("a message that comes back from the stash is forwarded for its own sender", async () => {
  const network = create();
  interface Open {
    readonly replyTo: null;
  }
  const late: Behavior<boolean, Question | Open> = {
    name: "late",
    init: () => false,
    receive(isOpen, message, ctx) {
      if (message.replyTo === null) {
        ctx.unstashAll();
        return true;
      }
      if (isOpen) ctx.forward(ctx.refAt<Question>({ node: ctx.node, path: "nobody" }), message);
      else ctx.stash();
      return isOpen;
    },
  };
  const n1 = network.system("n1");
  const to = n1.spawn(late, { name: "late" });
  const result = n1.ask(to, (replyTo: Ref<string>): Question => ({ replyTo }), { timeoutMs: 1000 });
  n1.tell(to, { replyTo: null });
  network.settle();
  expect(await result).toEqual({ ok: false, code: "no-recipient" });
});

test("who forwards is held back, not who asked", () => {
  const network = create();
  const n1 = network.system("n1");
  const slow = n1.spawn(
    stateless<Question>("slow", () => {}),
    { name: "slow", mailbox: { capacity: 10, overflow: "back-pressure" } },
  );
  const to = n1.spawn(forwarder(slow), { name: "forwarder" });
  for (let i = 0; i < 500; i++) {
    void n1.ask(to, (replyTo: Ref<string>): Question => ({ replyTo }), { timeoutMs: 1000 });
  }
  network.turns(1);
  expect(to.target.actor?.metrics.depth).toBe(500 - 11);
  expect(slow.target.actor?.metrics.depth).toBe(11);
});

test("an ask through a pool ends when its routee is full", async () => {
  const network = create();
  const routee = stateless<Question>("routee", () => {});
  const routees = { mailbox: { capacity: 1, overflow: "fail-ask" } } as const;
  network.system("n2").spawn(poolRouter({ routee, size: 1, routees }), { name: "forwarder" });
  const n1 = network.system("n1");
  const to = n1.refAt<Question>({ node: "n2", path: "forwarder" });
  const asks = Array.from({ length: 3 }, () =>
    n1.ask(to, (replyTo: Ref<string>): Question => ({ replyTo }), { timeoutMs: 1000 }),
  );
  network.deliver();
  network.settle();
  network.advance(1000);
  expect((await Promise.all(asks)).map((result) => (result.ok ? "" : result.code))).toContain("mailbox-full");
});
