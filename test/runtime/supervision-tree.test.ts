/**
 * Random trees of actors under random crashes: what the guarantee table of runtime/README.md states, and nothing beyond it.
 *
 * No message is lost without a word and none is handled twice; each actor handles its messages in order, one life after the
 * other; whoever watches an actor hears of its end exactly once.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  ActorSystem,
  type Behavior,
  type Directive,
  type InspectionEvent,
  type Ref,
  type SpawnOptions,
  type Strategy,
} from "../../runtime/index.ts";
import { createManualWorld } from "../../runtime/testkit/index.ts";

interface Node {
  readonly options: SpawnOptions;
  readonly children: readonly Node[];
}

interface Message {
  readonly id: number;
  /** Handling it crashes the actor, and so do so many of its next starts; null: it does not crash. */
  readonly failsStarts: number | null;
}

type Action =
  | { readonly type: "tell"; readonly to: number; readonly failsStarts: number | null }
  | { readonly type: "advance"; readonly ms: number };

const options: fc.Arbitrary<SpawnOptions> = fc.record({
  strategy: fc.constantFrom<Strategy>("one-for-one", "all-for-one", "rest-for-one"),
  supervision: fc.record({
    onCrash: fc.constantFrom<Directive>("restart", "restart", "restart", "resume", "stop", "escalate"),
    intensity: fc.record({ restartsMax: fc.integer({ min: 0, max: 4 }), windowMs: fc.integer({ min: 1, max: 500 }) }),
    backoff: fc.record({
      minMs: fc.integer({ min: 0, max: 50 }),
      maxMs: fc.constant(100),
      jitter: fc.constantFrom(0, 0.5),
    }),
    children: fc.constantFrom("stop", "keep"),
  }),
});

function tree(depth: number): fc.Arbitrary<Node> {
  const children = depth === 0 ? fc.constant([]) : fc.array(tree(depth - 1), { maxLength: 3 });
  return fc.record({ options, children });
}

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("tell" as const),
      to: fc.nat({ max: 1000 }),
      failsStarts: fc.oneof({ weight: 2, arbitrary: fc.constant(null) }, fc.integer({ min: 0, max: 2 })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("advance" as const), ms: fc.nat({ max: 120 }) }) },
);

function pathsOf(nodes: readonly Node[], below = ""): string[] {
  return nodes.flatMap(({ children }, at) => [`${below}c${at}`, ...pathsOf(children, `${below}c${at}/`)]);
}

interface Seen {
  /** By message: how it ended, one entry a time. */
  readonly fates: Map<number, string[]>;
  /** By path: the messages it handled, in order. */
  readonly handled: Map<string, number[]>;
  /** What an actor did that it must not do. */
  readonly wrong: string[];
  /** By path: ends of actors, and how often the watcher heard of one. */
  readonly ended: Map<string, number>;
  readonly heard: Map<string, number>;
}

function count(of: Map<string, number>, key: string): void {
  of.set(key, (of.get(key) ?? 0) + 1);
}

function push<Key, Value>(of: Map<Key, Value[]>, key: Key, value: Value): void {
  of.set(key, [...(of.get(key) ?? []), value]);
}

interface Life {
  isOver: boolean;
}

/** An actor of the tree; it reports what happens to it. */
function actorOf(
  node: Node,
  seen: Seen,
  failingStarts: Map<string, number>,
  watcher: Ref<Ref<Message>>,
): Behavior<Life, Message> {
  let current: Life | null = null;
  return {
    name: "node",
    init: (ctx) => {
      const { path } = ctx.self;
      if (current !== null && !current.isOver) seen.wrong.push(`${path} begins a life within another`);
      const failures = failingStarts.get(path) ?? 0;
      failingStarts.set(path, failures - 1);
      if (failures > 0) throw new Error("start");
      for (const [at, child] of node.children.entries()) {
        if (ctx.child(`c${at}`) !== undefined) continue;
        const behavior = actorOf(child, seen, failingStarts, watcher);
        ctx.tell(watcher, ctx.spawn(behavior, { ...child.options, name: `c${at}` }));
      }
      current = { isOver: false };
      return current;
    },
    receive: (life, { id, failsStarts }, ctx) => {
      if (life.isOver || life !== current) seen.wrong.push(`${ctx.self.path} handles ${id} after its life`);
      if (failsStarts !== null) {
        failingStarts.set(ctx.self.path, failsStarts);
        throw new Error("crash");
      }
      push(seen.fates, id, "handled");
      push(seen.handled, ctx.self.path, id);
      return life;
    },
    onSignal: (life, signal, ctx) => {
      if (signal.type === "terminated") return life;
      if (life.isOver) seen.wrong.push(`${ctx.self.path} ends a life twice`);
      life.isOver = true;
      return life;
    },
  };
}

function watcherOf(seen: Seen): Behavior<null, Ref<Message>> {
  return {
    name: "watcher",
    init: () => null,
    receive: (state, ref, ctx) => {
      ctx.watch(ref);
      return state;
    },
    onSignal: (state, signal) => {
      if (signal.type === "terminated") count(seen.heard, signal.ref.path);
      return state;
    },
  };
}

function run(nodes: readonly Node[], actions: readonly Action[]): { seen: Seen; told: number; failed: boolean } {
  const world = createManualWorld();
  const seen: Seen = { fates: new Map(), handled: new Map(), wrong: [], ended: new Map(), heard: new Map() };
  let failed = false;
  const system = ActorSystem.create({ node: "n1", world, onFailure: () => (failed = true) });
  system.inspection.subscribe((event: InspectionEvent) => {
    if (event.type === "stopped") count(seen.ended, event.ref.path);
    if (event.type !== "dead-letter") return;
    push(seen.fates, (event.letter.message as Message).id, event.letter.reason);
  });
  const failingStarts = new Map<string, number>();
  const watcher = system.spawn(watcherOf(seen), { name: "watcher" });
  for (const [at, node] of nodes.entries()) {
    const behavior = actorOf(node, seen, failingStarts, watcher);
    system.tell(watcher, system.spawn(behavior, { ...node.options, name: `c${at}` }));
  }
  world.settle();
  const paths = pathsOf(nodes);
  let told = 0;
  for (const one of actions) {
    if (failed) break;
    if (one.type === "advance") world.advance(one.ms);
    else {
      const path = paths[one.to % paths.length] as string;
      system.tell(system.refAt<Message>({ node: "n1", path }), { id: told++, failsStarts: one.failsStarts });
    }
  }
  world.advance(10_000);
  // The watcher lives no longer than the system; until then it has heard of every end.
  if (!failed) expect(seen.heard).toEqual(seen.ended);
  system.stop();
  return { seen, told, failed };
}

test("a tree under random crashes loses no message without a word and handles none twice", () => {
  let [restarts, failures] = [0, 0];
  fc.assert(
    fc.property(
      fc.array(tree(2), { minLength: 1, maxLength: 3 }),
      fc.array(action, { maxLength: 60 }),
      (nodes, actions) => {
        const { seen, told, failed } = run(nodes, actions);
        if (failed) failures += 1;
        expect(seen.wrong).toEqual([]);
        for (let id = 0; id < told; id++) expect([id, seen.fates.get(id)?.length]).toEqual([id, 1]);
        for (const ids of seen.handled.values()) expect(ids).toEqual(ids.toSorted((a, b) => a - b));
        for (const fates of seen.fates.values()) if (fates[0] === "crashed") restarts += 1;
      },
    ),
    { numRuns: 300 },
  );
  // The property looked at something.
  expect(restarts).toBeGreaterThan(100);
  expect(failures).toBeGreaterThan(5);
});
