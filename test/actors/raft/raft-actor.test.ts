/** The Raft actor: three nodes in one manual world, with stores that keep everything in memory and can be made to fail. */
import { afterEach, expect, test } from "vitest";
import {
  RAFT_SPAWN_OPTIONS,
  raftActor,
  type RaftActorMessage,
  type RaftEvent,
  type RaftProposeReply,
  type RaftActorStatus,
  type RaftView,
} from "../../../actors/index.ts";
import {
  ActorSystem,
  stateless,
  StoreError,
  type Envelope,
  type LinkEvent,
  type LogEntry,
  type Ref,
} from "../../../runtime/index.ts";
import { createManualWorld, createMemoryLog, createMemorySnapshots } from "../../../runtime/testkit/index.ts";

const NAMES = ["n1", "n2", "n3"];
const systems: ActorSystem[] = [];

afterEach(() => {
  for (const system of systems.splice(0)) system.stop();
});

function setup() {
  const world = createManualWorld();
  const receivers = new Map<string, (envelope: Envelope) => void>();
  const cut = new Set<string>();
  const nodes = NAMES.map((name) => {
    const later = (run: () => void): void => void world.clock.setTimer(0, run);
    const store = createMemoryLog({ later });
    const snapshots = createMemorySnapshots({ later });
    const events: RaftEvent[] = [];
    const replies: RaftProposeReply[] = [];
    const remoting = {
      send: (envelope: Envelope) => {
        if (!cut.has(name) && !cut.has(envelope.to.node)) receivers.get(envelope.to.node)?.(envelope);
      },
      onEnvelope: (receive: (envelope: Envelope) => void) => void receivers.set(name, receive),
      // A cut of this network is silence, not the loss of a link.
      onLink: (listen: (event: LinkEvent) => void) => {
        for (const peer of NAMES) if (peer !== name) listen({ type: "up", node: peer, incarnation: peer });
      },
    };
    const system = ActorSystem.create({ node: name, world: { ...world, random: world.random.fork(), remoting } });
    systems.push(system);
    const subscriber = system.spawn(
      stateless<RaftEvent>("replica", (event) => void events.push(event)),
      {
        name: "replica",
      },
    );
    const client = system.spawn(
      stateless<RaftProposeReply>("client", (reply) => void replies.push(reply)),
      {
        name: "client",
      },
    );
    return {
      name,
      store,
      snapshots,
      events,
      replies,
      system,
      subscriber,
      client,
      raft: null as Ref<RaftActorMessage> | null,
      views: [] as RaftView[],
    };
  });
  type Node = (typeof nodes)[number];
  const start = (node: Node): void => {
    const { subscriber, views } = node;
    const store = node.store.open();
    const snapshots = node.snapshots.open();
    const onStart = (view: RaftView): void => void views.push(view);
    const behavior = raftActor({ voters: NAMES, store, snapshots, subscriber, onStart });
    node.raft = node.system.spawn(behavior, RAFT_SPAWN_OPTIONS);
  };
  const tell = (node: Node | undefined, message: RaftActorMessage): void => {
    if (node?.raft) node.system.tell(node.raft, message);
    world.settle();
  };
  const leader = (): Node => {
    const found = nodes.find(({ views }) => views.at(-1)?.status().role === "leader");
    if (!found) throw new Error("there is no leader");
    return found;
  };
  const followers = (): Node[] => nodes.filter((node) => node !== leader());
  return { world, nodes, cut, start, tell, leader, followers };
}

function started(): ReturnType<typeof setup> {
  const made = setup();
  for (const node of made.nodes) made.start(node);
  made.world.advance(3000);
  return made;
}

/** What the subscriber has been given to apply. */
function applied(events: readonly RaftEvent[]): readonly string[] {
  return events.flatMap((event) => (event.type === "committed" ? event.entries.map(describeEntry) : []));
}

function describeEntry({ index, type, payload }: LogEntry): string {
  return `${index}:${type === "command" ? new TextDecoder().decode(payload) : type}`;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("raftActor() elects one leader, tells every subscriber, and commits proposals everywhere", () => {
  const { world, nodes, tell, leader } = started();
  for (const { events } of nodes) {
    expect(events.findLast(({ type }) => type === "leadership")).toMatchObject({ leader: leader().name });
  }
  tell(leader(), { type: "propose", payload: bytes("x"), replyTo: leader().client });
  world.advance(200);
  expect(leader().replies).toEqual([{ type: "proposed", index: 3, term: 2 }]);
  for (const { events } of nodes) expect(applied(events)).toEqual(["1:configuration", "2:noop", "3:x"]);
});

test("a proposal at a follower goes on to the leader, and the answer comes from there", () => {
  const { world, nodes, tell, followers } = started();
  const [follower] = followers();
  if (!follower) throw new Error("there is no follower");
  tell(follower, { type: "propose", payload: bytes("y"), replyTo: follower.client });
  world.advance(200);
  expect(follower.replies).toEqual([{ type: "proposed", index: 3, term: 2 }]);
  for (const { events } of nodes) expect(applied(events)).toEqual(["1:configuration", "2:noop", "3:y"]);
});

test("without a leader a proposal is refused, and a read fails", () => {
  const { nodes, tell, start } = setup();
  const [first] = nodes;
  if (!first) throw new Error("there is no node");
  start(first);
  tell(first, { type: "propose", payload: bytes("x"), replyTo: first.client });
  tell(first, { type: "read", id: "r1" });
  expect(first.replies).toEqual([{ type: "propose-refused", code: "no-leader", leader: null }]);
  expect(first.events).toContainEqual({ type: "read-failed", id: "r1", code: "no-leader" });
});

test("a proposal that goes in circles is refused after three forwards", () => {
  const { world, tell, followers } = started();
  const [follower] = followers();
  if (!follower) throw new Error("there is no follower");
  tell(follower, { type: "propose", payload: bytes("x"), replyTo: follower.client, hops: 3 });
  world.settle();
  expect(follower.replies).toMatchObject([{ type: "propose-refused", code: "no-leader" }]);
});

test("a read at any node gets an index that includes what was committed before", () => {
  const { world, nodes, tell } = started();
  for (const [at, node] of nodes.entries()) {
    tell(node, { type: "propose", payload: bytes(`${at}`) });
    world.advance(200);
    tell(node, { type: "read", id: `r${at}` });
    world.advance(200);
    expect(node.events).toContainEqual({ type: "read-ready", id: `r${at}`, index: 3 + at });
  }
});

test("after the leader has gone another one takes over and loses nothing", () => {
  const { world, nodes, cut, tell, leader } = started();
  const first = leader();
  tell(first, { type: "propose", payload: bytes("x") });
  world.advance(200);
  cut.add(first.name);
  world.advance(3000);
  const second = nodes.find(({ name, views }) => name !== first.name && views.at(-1)?.status().role === "leader");
  expect(second).toBeDefined();
  expect(first.views.at(-1)?.status().role).not.toBe("leader");
  tell(second, { type: "propose", payload: bytes("y") });
  world.advance(200);
  cut.clear();
  world.advance(1000);
  for (const { events } of nodes)
    expect(applied(events)).toEqual(["1:configuration", "2:noop", "3:x", "4:noop", "5:y"]);
});

test("a member whose write fails stops serving: it acknowledges nothing and refuses by name (fault 3)", () => {
  const { world, nodes, tell, followers, leader } = started();
  const [broken] = followers();
  if (!broken) throw new Error("there is no follower");
  const error = new StoreError("store-full", { message: "Cannot write: full", path: "/x", hint: "free space" });
  broken.store.failWith(error);
  tell(leader(), { type: "propose", payload: bytes("x") });
  world.advance(300);
  expect(broken.events).toContainEqual({ type: "store-failed", error });
  expect(
    leader()
      .views.at(-1)
      ?.status()
      .peers.find(({ node }) => node.startsWith(`${broken.name}@`))?.match,
  ).toBe(2);
  const { writes } = broken.store;
  tell(broken, { type: "propose", payload: bytes("y"), replyTo: broken.client });
  tell(broken, { type: "read", id: "r1" });
  world.advance(5000);
  expect(broken.replies).toEqual([{ type: "propose-refused", code: "store-failed", leader: null }]);
  expect(broken.events).toContainEqual({ type: "read-failed", id: "r1", code: "store-failed" });
  expect(broken.store.writes).toBe(writes);
  // The others go on.
  for (const { name, events } of nodes)
    if (name !== broken.name) expect(applied(events)).toEqual(["1:configuration", "2:noop", "3:x"]);
});

test("a leader whose write fails is replaced", () => {
  const { world, nodes, tell, leader } = started();
  const first = leader();
  first.store.failWith(new StoreError("store-io", { message: "Cannot write", path: "/x", hint: "check" }));
  tell(first, { type: "propose", payload: bytes("x") });
  world.advance(3000);
  expect(nodes.some(({ name, views }) => name !== first.name && views.at(-1)?.status().role === "leader")).toBe(true);
});

test("a log that cannot be loaded is reported, and the member does not take part", () => {
  const { world, nodes, start } = setup();
  const [first, ...rest] = nodes;
  if (!first) throw new Error("there is no node");
  const error = new StoreError("store-corrupt", { message: "Cannot read", path: "/x", hint: "restore" });
  first.store.failLoadWith(error);
  for (const node of nodes) start(node);
  world.advance(3000);
  expect(first.events).toEqual([{ type: "store-failed", error }]);
  // What it may have been part of nobody knows, so the others form no cluster.
  for (const { events, views } of rest) {
    expect(events.at(-1)).toMatchObject({ type: "membership", membership: "forming" });
    expect(views).toEqual([]);
  }
});

test("replay sends again what was applied, from any index", () => {
  const { world, tell, leader } = started();
  for (const text of ["x", "y"]) tell(leader(), { type: "propose", payload: bytes(text) });
  world.advance(200);
  const { events } = leader();
  events.length = 0;
  tell(leader(), { type: "replay", fromIndex: 3 });
  expect(applied(events)).toEqual(["3:x", "4:y"]);
});

test("status answers with what the core knows", async () => {
  const { world, leader } = started();
  const { system, raft, name } = leader();
  if (!raft) throw new Error("there is no actor");
  const answer = system.ask<RaftActorMessage, RaftActorStatus>(raft, (replyTo) => ({ type: "status", replyTo }), {
    timeoutMs: 100,
  });
  world.settle();
  const found = await answer;
  expect(found).toMatchObject({ ok: true, answer: { node: name, role: "leader", term: 2, membership: "member" } });
  expect(found.ok && found.answer.members.map(({ node, votes }) => `${node} ${votes}`)).toEqual(
    NAMES.map((node) => `${node} voter`),
  );
});
