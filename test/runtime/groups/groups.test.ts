/** Groups: who joined is found, here and on linked nodes; who ended, or whose node is lost, is not. */
import { afterEach, expect, test } from "vitest";
import {
  findGroup,
  joinGroup,
  leaveGroup,
  MAILBOX_CAPACITY_DEFAULT,
  serviceKey,
  spawnReceptionist,
  unwatchGroup,
  watchGroup,
  type ActorSystem,
  type Behavior,
  type GroupScope,
  type Ref,
} from "../../../runtime/index.ts";
import { createManualCluster, type ManualCluster } from "../../../runtime/testkit/index.ts";

interface Work {
  readonly type: "work";
}
const workers = serviceKey<Work>("workers");

const open: ManualCluster[] = [];
afterEach(() => {
  for (const cluster of open.splice(0)) cluster.close();
});

function setup(...nodes: string[]): ManualCluster {
  const cluster = createManualCluster(nodes);
  open.push(cluster);
  for (const node of nodes) spawnReceptionist(cluster.system(node));
  cluster.world.settle();
  return cluster;
}

type WorkerMessage = Work | { readonly type: "leave" } | { readonly type: "crash" };

function worker(scope: GroupScope): Behavior<null, WorkerMessage> {
  return {
    name: "worker",
    init: (ctx) => {
      joinGroup(ctx, workers, { scope });
      return null;
    },
    receive: (state, message, ctx) => {
      if (message.type === "leave") leaveGroup(ctx, workers);
      if (message.type === "crash") throw new Error("as told");
      return state;
    },
  };
}

type WatcherMessage = { readonly members: readonly string[] } | "unwatch" | "pause";

/** Writes down each list it is told. */
function watcher(lists: (readonly string[])[]): Behavior<null, WatcherMessage> {
  return {
    name: "watcher",
    init: (ctx) => {
      watchGroup(ctx, workers, (members) => ({ members: members.map(String) }));
      return null;
    },
    receive: (state, message, ctx) => {
      if (message === "unwatch") unwatchGroup(ctx, workers);
      else if (message !== "pause") lists.push(message.members);
      return state;
    },
  };
}

function watch(system: ActorSystem): (readonly string[])[] {
  const lists: (readonly string[])[] = [];
  system.spawn(watcher(lists), { name: `watcher-${system.node}` });
  return lists;
}

test("watchGroup() tells who is there at once, then every change", () => {
  const cluster = setup("n1");
  const n1 = cluster.system("n1");
  n1.spawn(worker("local"), { name: "a" });
  const lists = watch(n1);
  cluster.world.settle();
  const b = n1.spawn(worker("local"), { name: "b" });
  cluster.world.settle();
  n1.tell(b, { type: "leave" });
  cluster.world.settle();
  const [a, ab] = [["blixard://n1/a"], ["blixard://n1/a", "blixard://n1/b"]];
  expect(lists).toEqual([a, ab, a]);
});

test("joinGroup() ends with the actor, not with its restart", () => {
  const cluster = setup("n1");
  const n1 = cluster.system("n1");
  const a = n1.spawn(worker("local"), { name: "a", supervision: { onCrash: "restart" } });
  const b = n1.spawn(worker("local"), { name: "b" });
  const lists = watch(n1);
  n1.tell(a, { type: "crash" });
  n1.tell(b, { type: "crash" });
  cluster.world.settle();
  expect(lists.at(-1)).toEqual(["blixard://n1/a"]);
});

test("joinGroup() of an actor that takes the name of one that stopped makes it a member", () => {
  const cluster = setup("n1");
  const n1 = cluster.system("n1");
  const first = n1.spawn(worker("local"), { name: "a" });
  cluster.world.settle();
  n1.stopActor(first);
  n1.spawn(worker("local"), { name: "a" });
  const lists = watch(n1);
  cluster.world.settle();
  expect(lists.at(-1)).toEqual(["blixard://n1/a"]);
});

test("a member of scope cluster is seen from every node, one of scope local from its own", () => {
  const cluster = setup("n1", "n2", "n3");
  const lists = ["n1", "n2", "n3"].map((node) => watch(cluster.system(node)));
  cluster.system("n2").spawn(worker("cluster"), { name: "a" });
  cluster.system("n1").spawn(worker("cluster"), { name: "b" });
  cluster.system("n1").spawn(worker("local"), { name: "c" });
  cluster.world.settle();
  const shared = ["blixard://n1/b", "blixard://n2/a"];
  expect(lists.map((list) => list.at(-1))).toEqual([
    ["blixard://n1/b", "blixard://n1/c", "blixard://n2/a"],
    shared,
    shared,
  ]);
});

test("joinGroup() again changes the scope", () => {
  const cluster = setup("n1", "n2");
  const lists = watch(cluster.system("n2"));
  const joiner: Behavior<null, Work | { readonly scope: GroupScope }> = {
    name: "joiner",
    init: () => null,
    receive: (state, message, ctx) => {
      if ("scope" in message) joinGroup(ctx, workers, { scope: message.scope });
      return state;
    },
  };
  const ref = cluster.system("n1").spawn(joiner, { name: "a" });
  for (const scope of ["local", "cluster", "local"] as const) {
    cluster.system("n1").tell(ref, { scope });
    cluster.world.settle();
  }
  expect(lists).toEqual([[], ["blixard://n1/a"], []]);
});

test("members of a node leave when its link is lost, and come back with it", () => {
  const cluster = setup("n1", "n2");
  cluster.system("n2").spawn(worker("cluster"), { name: "a" });
  const lists = watch(cluster.system("n1"));
  cluster.world.settle();
  cluster.cut("n1", "n2");
  cluster.world.settle();
  cluster.heal("n1", "n2");
  cluster.world.settle();
  expect(lists.filter((list, at) => list.length !== lists[at - 1]?.length)).toEqual(
    [[], ["blixard://n2/a"], [], ["blixard://n2/a"]].slice(lists[0]?.length === 0 ? 0 : 1),
  );
});

test("a node that restarts has the members of its new life only", () => {
  const cluster = setup("n1", "n2");
  cluster.system("n2").spawn(worker("cluster"), { name: "old" });
  const lists = watch(cluster.system("n1"));
  cluster.world.settle();
  cluster.crash("n2");
  spawnReceptionist(cluster.restart("n2"));
  cluster.system("n2").spawn(worker("cluster"), { name: "new" });
  cluster.world.settle();
  expect(lists.at(-1)).toEqual(["blixard://n2/new"]);
});

test("a receptionist that starts after its links are up learns of all members, and is learned of", () => {
  const cluster = createManualCluster(["n1", "n2"]);
  open.push(cluster);
  spawnReceptionist(cluster.system("n1"));
  cluster.system("n1").spawn(worker("cluster"), { name: "a" });
  const seen = watch(cluster.system("n1"));
  cluster.world.advance(20_000);
  spawnReceptionist(cluster.system("n2"));
  cluster.system("n2").spawn(worker("cluster"), { name: "b" });
  const lists = watch(cluster.system("n2"));
  cluster.world.settle();
  expect(lists.at(-1)).toEqual(["blixard://n1/a", "blixard://n2/b"]);
  expect(seen.at(-1)).toEqual(["blixard://n1/a", "blixard://n2/b"]);
});

test("a burst of joins is told other nodes and watchers once", () => {
  const cluster = setup("n1", "n2");
  const lists = watch(cluster.system("n2"));
  cluster.world.settle();
  const before = cluster.sent.length;
  for (let i = 0; i < 40; i++) cluster.system("n1").spawn(worker("cluster"));
  cluster.world.settle();
  const deltas = cluster.sent.slice(before).filter(({ to }) => to.path === "receptionist");
  expect(deltas).toHaveLength(1);
  expect(lists.map(({ length }) => length)).toEqual([0, 40]);
});

test("a watcher that takes its time gets the newest list, not each", () => {
  const cluster = setup("n1");
  const n1 = cluster.system("n1");
  const lists: (readonly string[])[] = [];
  const slow = n1.spawn(watcher(lists), { name: "slow" });
  cluster.world.settle();
  // A turn handles 64 messages; these keep it busy over the many turns that the receptionist has meanwhile.
  for (let i = 0; i < 640; i++) n1.tell(slow, "pause");
  let turns = 0;
  const trickle: Behavior<null, "next"> = {
    name: "trickle",
    init: (ctx) => {
      ctx.tell(ctx.self, "next");
      return null;
    },
    receive: (state, _message, ctx) => {
      ctx.spawn(worker("local"));
      for (let i = 0; i < 64; i++) ctx.tell(ctx.refAt<WatcherMessage>(slow), "pause");
      if (++turns < 8) ctx.tell(ctx.self, "next");
      return state;
    },
  };
  n1.spawn(trickle);
  cluster.world.settle();
  expect(lists.at(-1)).toHaveLength(8);
  expect(lists.length).toBeLessThan(8);
});

test("unwatchGroup() ends the lists", () => {
  const cluster = setup("n1");
  const n1 = cluster.system("n1");
  const lists: (readonly string[])[] = [];
  const ref = n1.spawn(watcher(lists));
  cluster.world.settle();
  n1.tell(ref, "unwatch");
  cluster.world.settle();
  n1.spawn(worker("local"));
  cluster.world.settle();
  expect(lists).toEqual([[]]);
});

test("findGroup() answers once, and says so when the node has no receptionist", () => {
  const results: unknown[] = [];
  const finder: Behavior<null, { readonly result: unknown }> = {
    name: "finder",
    init: (ctx) => {
      findGroup(ctx, workers, { adapt: (result) => ({ result: result.ok ? result.answer.map(String) : result.code }) });
      return null;
    },
    receive: (state, { result }) => {
      results.push(result);
      return state;
    },
  };
  const cluster = setup("n1");
  cluster.system("n1").spawn(worker("local"), { name: "a" });
  cluster.system("n1").spawn(finder);
  const without = createManualCluster(["alone"]);
  open.push(without);
  without.system("alone").spawn(finder);
  cluster.world.settle();
  without.world.advance(1000);
  expect(results[0]).toEqual(["blixard://n1/a"]);
  expect(results[1]).toBeOneOf(["timeout", "no-recipient"]);
});

test("joinGroup() is refused beyond the limit of a node", () => {
  const cluster = setup("n1");
  const answers: unknown[] = [];
  const greedy: Behavior<null, Work | { readonly type: "refused"; readonly code: string }> = {
    name: "greedy",
    init: (ctx) => {
      for (let i = 0; i <= 10_000; i++) {
        joinGroup(ctx, serviceKey<Work>(`k${i}`), {
          scope: "cluster",
          refused: (code) => ({ type: "refused", code }),
        });
      }
      return null;
    },
    receive: (state, message) => {
      answers.push(message);
      return state;
    },
  };
  cluster.system("n1").spawn(greedy);
  cluster.world.settle();
  expect(answers).toEqual([{ type: "refused", code: "too-many-members" }]);
});

test("serviceKey() refuses an id that is none", () => {
  for (const id of ["", "a b", "x".repeat(201), "ä"]) expect(() => serviceKey(id)).toThrow(`service key "${id}"`);
});

test("what another node says to a receptionist is checked: garbage is a dead letter, local requests are not taken", () => {
  const cluster = setup("n1", "n2");
  const n2 = cluster.system("n2");
  const lists = watch(cluster.system("n1"));
  cluster.world.settle();
  const before = cluster.system("n1").deadLetters;
  const from = n2.refAt({ node: "n2", path: "receptionist" });
  const garbage: readonly unknown[] = [
    null,
    { type: "flush" },
    { type: "join", key: "workers", member: from, scope: "local" },
    { type: "peer-pull", token: "t" },
    { type: "peer-full", from, token: "t", life: "l", version: 1.5, members: [] },
    { type: "peer-delta", from, life: "l", version: 1, joined: [["workers"]], left: [] },
    { type: "peer-delta", from, life: "l", version: 1, joined: [["a b", "x"]], left: [] },
  ];
  const receptionist = n2.refAt<unknown>({ node: "n1", path: "receptionist" });
  for (const message of garbage) n2.tell(receptionist, message);
  // Well formed, but not asked for.
  n2.tell(receptionist, {
    type: "peer-full",
    from,
    token: "t",
    life: "l",
    version: 1,
    members: [["workers", "ghost"]],
  });
  cluster.world.settle();
  expect(cluster.system("n1").deadLetters - before).toBe(garbage.length);
  expect(lists).toEqual([[]]);
});

test("members leave also while the receptionist's mailbox is full", () => {
  const cluster = setup("n1");
  const n1 = cluster.system("n1");
  const lists = watch(n1);
  const member: Behavior<null, Work> = {
    name: "member",
    init: (ctx) => {
      joinGroup(ctx, workers);
      return null;
    },
    receive: (state, _, ctx) => {
      ctx.stop();
      return state;
    },
  };
  const ref = n1.spawn(member, { name: "member" });
  cluster.world.settle();
  n1.tell(ref, { type: "work" });
  const receptionist = n1.refAt<unknown>({ node: "n1", path: "receptionist" });
  for (let i = 0; i < MAILBOX_CAPACITY_DEFAULT; i++) {
    n1.tell(receptionist, { type: "unwatch", key: "workers", watcher: receptionist });
  }
  cluster.world.settle();
  expect(lists.at(-1)).toEqual([]);
});

test("a member deep in the tree does not hide its node's other members", () => {
  const cluster = setup("n1", "n2");
  const lists = watch(cluster.system("n1"));
  const nested = (depth: number): Behavior<null, WorkerMessage> => ({
    ...worker("cluster"),
    init: (ctx) => {
      if (depth > 0) ctx.spawn(nested(depth - 1), { name: `${depth}-`.padEnd(128, "x") });
      else joinGroup(ctx, workers, { scope: "cluster" });
      return null;
    },
  });
  cluster.system("n2").spawn(nested(20), { name: "deep" });
  cluster.system("n2").spawn(worker("cluster"), { name: "flat" });
  cluster.world.settle();
  expect(lists.at(-1)).toContain("blixard://n2/flat");
});

test("only an actor that accepts the group's messages may join, by type", () => {
  const other: Behavior<null, "other"> = {
    name: "other",
    init: (ctx) => {
      // @ts-expect-error: it does not accept Work.
      joinGroup(ctx, workers);
      return null;
    },
    receive: (state) => state,
  };
  const finder: Behavior<null, readonly Ref<Work>[]> = {
    name: "finder",
    init: (ctx) => {
      // @ts-expect-error: the members take Work, not strings.
      watchGroup(ctx, workers, (members: readonly Ref<string>[]) => members);
      return null;
    },
    receive: (state) => state,
  };
  expect([other.name, finder.name]).toEqual(["other", "finder"]);
});
