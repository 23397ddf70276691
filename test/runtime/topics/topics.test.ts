/** Topics: who subscribes hears what is published on any linked node, in the publisher's order, one copy a node. */
import { afterEach, expect, test } from "vitest";
import {
  publish,
  spawnReceptionist,
  spawnTopics,
  stateless,
  subscribe,
  topic,
  unsubscribe,
  type ActorSystem,
  type Behavior,
  type Ref,
  type Topic,
} from "../../../runtime/index.ts";
import { createManualCluster, type ManualCluster } from "../../../runtime/testkit/index.ts";

const open: ManualCluster[] = [];
afterEach(() => {
  for (const cluster of open.splice(0)) cluster.close();
});

function setup(...nodes: string[]): ManualCluster {
  const cluster = createManualCluster(nodes);
  open.push(cluster);
  for (const node of nodes) {
    spawnReceptionist(cluster.system(node));
    spawnTopics(cluster.system(node));
  }
  cluster.world.settle();
  return cluster;
}

const prices = topic<number>("prices");

type SubscriberMessage = { readonly price: number } | "unsubscribe" | "crash";

function subscriber(
  heard: number[],
  of: Topic<number> = prices,
  pendingMax?: number,
): Behavior<null, SubscriberMessage> {
  return {
    name: "subscriber",
    init: (ctx) => {
      subscribe(ctx, of, (price) => ({ price }), pendingMax === undefined ? {} : { pendingMax });
      return null;
    },
    receive: (state, message, ctx) => {
      if (message === "unsubscribe") unsubscribe(ctx, of);
      else if (message === "crash") throw new Error("as told");
      else heard.push(message.price);
      return state;
    },
  };
}

function listen(system: ActorSystem): { heard: number[]; ref: Ref<SubscriberMessage> } {
  const heard: number[] = [];
  return { heard, ref: system.spawn(subscriber(heard)) };
}

test("publish() reaches subscribers of this node and of others, one copy a node", () => {
  const cluster = setup("n1", "n2", "n3");
  const heard = ["n1", "n2", "n2"].map((node) => listen(cluster.system(node)).heard);
  cluster.world.settle();
  const before = cluster.sent.length;
  publish(cluster.system("n1"), prices, 7);
  cluster.world.settle();
  expect(heard).toEqual([[7], [7], [7]]);
  expect(
    cluster.sent
      .slice(before)
      .filter(({ from, to }) => to.path === "topics" && from.path !== "$kernel")
      .map(({ to }) => to.node),
  ).toEqual(["n2"]);
});

test("messages of one publisher come in its order, also those from before the first list of nodes", () => {
  const cluster = setup("n1", "n2");
  const heard = listen(cluster.system("n2")).heard;
  cluster.world.settle();
  const publisher = cluster
    .system("n1")
    .spawn(stateless<number>("publisher", (price, ctx) => publish(ctx, prices, price)));
  for (let price = 0; price < 300; price++) cluster.system("n1").tell(publisher, price);
  cluster.world.settle();
  expect(heard).toEqual(Array.from({ length: 300 }, (_, price) => price));
});

test("unsubscribe(), the end of the actor, and its restart without subscribing end a subscription", () => {
  const cluster = setup("n1", "n2");
  const n2 = cluster.system("n2");
  const [left, stopped] = [listen(n2), listen(n2)];
  cluster.world.settle();
  n2.tell(left.ref, "unsubscribe");
  n2.stopActor(stopped.ref);
  cluster.world.settle();
  const before = cluster.sent.length;
  publish(cluster.system("n1"), prices, 7);
  cluster.world.settle();
  expect([left.heard, stopped.heard]).toEqual([[], []]);
  // Nobody there wants it any more, so it is not sent there.
  expect(cluster.sent).toHaveLength(before);
});

test("a subscriber that restarts and subscribes in init hears each message once", () => {
  const cluster = setup("n1");
  const heard: number[] = [];
  const ref = cluster.system("n1").spawn(subscriber(heard), { supervision: { onCrash: "restart" } });
  cluster.world.settle();
  cluster.system("n1").tell(ref, "crash");
  cluster.world.settle();
  publish(cluster.system("n1"), prices, 7);
  cluster.world.settle();
  expect(heard).toEqual([7]);
});

test("what is published while the link is down is lost; after it is up again messages come", () => {
  const cluster = setup("n1", "n2");
  const { heard } = listen(cluster.system("n2"));
  cluster.world.settle();
  cluster.cut("n1", "n2");
  publish(cluster.system("n1"), prices, 1);
  cluster.world.settle();
  cluster.heal("n1", "n2");
  cluster.world.settle();
  publish(cluster.system("n1"), prices, 2);
  cluster.world.settle();
  expect(heard).toEqual([2]);
});

test("a subscriber that is behind loses what is past its limit, others do not, and the losses are counted", () => {
  const cluster = setup("n1");
  const n1 = cluster.system("n1");
  const slow: number[] = [];
  const ref = n1.spawn(subscriber(slow, prices, 10));
  const { heard } = listen(n1);
  cluster.world.settle();
  // Keeps it busy for two turns.
  for (let i = 0; i < 128; i++) n1.tell(ref, { price: -1 });
  for (let price = 0; price < 50; price++) publish(n1, prices, price);
  cluster.world.settle();
  expect(heard).toHaveLength(50);
  expect(slow.filter((price) => price >= 0)).toEqual(Array.from({ length: 10 }, (_, price) => price));
  expect(n1.deadLetters).toBe(40);
});

test("a message of the wrong type from another node is a dead letter there", () => {
  const cluster = setup("n1", "n2");
  const checked = topic<number>("prices", (message): message is number => typeof message === "number");
  const heard: number[] = [];
  cluster.system("n2").spawn(subscriber(heard, checked));
  cluster.world.settle();
  publish(cluster.system("n1"), topic<string>("prices"), "seven");
  publish(cluster.system("n1"), prices, 7);
  cluster.world.settle();
  expect(heard).toEqual([7]);
  expect(cluster.system("n2").deadLetters).toBe(1);
});

test("a node knows so many topics, and forgets those that nobody uses", () => {
  const cluster = setup("n1");
  const n1 = cluster.system("n1");
  for (let i = 0; i < 5000; i++) publish(n1, topic<number>(`t${i}`), i);
  cluster.world.settle();
  const refusals: string[] = [];
  const late: Behavior<null, number | { readonly refused: string }> = {
    name: "late",
    init: (ctx) => {
      subscribe(ctx, prices, (price) => price, { refused: (code) => ({ refused: code }) });
      return null;
    },
    receive: (state, message) => {
      if (typeof message === "object") refusals.push(message.refused);
      return state;
    },
  };
  n1.spawn(late);
  cluster.world.settle();
  expect(refusals).toEqual(["too-many-topics"]);
  cluster.world.advance(400_000);
  const { heard } = listen(n1);
  publish(n1, prices, 7);
  cluster.world.settle();
  expect(heard).toEqual([7]);
});

test("topic() refuses an id that is none", () => {
  for (const id of ["", "a b", "x".repeat(181)]) expect(() => topic(id)).toThrow(`topic "${id}"`);
});

test("publish() takes messages of the topic only, by type", () => {
  const cluster = setup("n1");
  // @ts-expect-error: a price is a number.
  publish(cluster.system("n1"), prices, "seven");
  cluster.world.settle();
  expect(cluster.system("n1").deadLetters).toBe(0);
});
