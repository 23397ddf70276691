/** Death watch between nodes: `terminated` exactly once for each watch, whatever happens meanwhile. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Behavior, type Ref } from "../../../runtime/index.ts";
import { openNetwork } from "./open-network.ts";

/** Crashes when it is told so. */
const target: Behavior<null, "crash"> = {
  name: "target",
  init: () => null,
  receive() {
    throw new Error("cannot");
  },
};

interface Order {
  readonly type: "watch" | "unwatch";
  readonly node: string;
  readonly name: string;
}

/** What became of one watch. */
interface Watch {
  readonly on: string;
  ended: "waiting" | "unwatched" | "terminated";
}

/** Watches as it is told, and accounts for each watch; a signal without one is a failure of the test. */
function watcher(watches: Watch[]): Behavior<null, Order> {
  const open = (on: string): Watch | undefined => watches.find((watch) => watch.on === on && watch.ended === "waiting");
  return {
    name: "watcher",
    init: () => null,
    receive(state, { type, node, name }, ctx) {
      const ref = ctx.refAt({ node, path: name });
      const on = ref.toString();
      const watch = open(on);
      if (type === "watch") {
        ctx.watch(ref);
        if (watch === undefined) watches.push({ on, ended: "waiting" });
      } else {
        ctx.unwatch(ref);
        if (watch !== undefined) watch.ended = "unwatched";
      }
      return state;
    },
    onSignal(state, signal) {
      if (signal.type !== "terminated") return state;
      const watch = open(signal.ref.toString());
      if (watch === undefined) throw new Error(`terminated of ${signal.ref.toString()}, which nobody watches`);
      watch.ended = "terminated";
      return state;
    },
  };
}

const NODES = ["n1", "n2", "n3"];
const NAMES = ["a", "b"];

type Action =
  | { readonly type: "order"; readonly watcher: number; readonly order: Order }
  | { readonly type: "start" | "stop" | "crash"; readonly node: string; readonly name: string }
  | { readonly type: "cut" | "connect" | "notice"; readonly node: string; readonly other: string }
  | { readonly type: "steps"; readonly choices: readonly number[] };

const NODE = fc.constantFrom(...NODES);
const ACTION: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("order"),
      watcher: fc.nat(NODES.length - 1),
      order: fc.record({ type: fc.constantFrom("watch", "unwatch"), node: NODE, name: fc.constantFrom(...NAMES) }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constantFrom("start", "stop", "crash"),
      node: NODE,
      name: fc.constantFrom(...NAMES),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constantFrom("cut", "connect", "notice"), node: NODE, other: NODE }) },
  { weight: 8, arbitrary: fc.record({ type: fc.constant("steps"), choices: fc.array(fc.nat(), { maxLength: 12 }) }) },
);

test("terminated comes exactly once for each watch, under stops, crashes, unwatches and lost links in any order", () => {
  const ends = { unwatched: 0, terminated: 0 };
  fc.assert(
    fc.property(fc.array(ACTION, { minLength: 10, maxLength: 80, size: "max" }), (actions) => {
      const network = openNetwork(NODES);
      const watches = NODES.map((): Watch[] => []);
      const crashes: unknown[] = [];
      const watchers = NODES.map((node, i) =>
        network.system(node).spawn(watcher(watches[i] ?? []), { name: "watcher" }),
      );
      for (const [i, node] of NODES.entries()) {
        network.system(node).inspection.subscribe((event) => {
          if (event.type === "crashed" && event.ref.path === "watcher") crashes.push(event.error);
        });
        for (const name of NAMES.slice(0, i)) network.system(node).spawn(target, { name });
      }
      const live = (node: string, name: string): Ref<"crash"> => network.system(node).refAt({ node, path: name });
      const start = (node: string, name: string): void => {
        try {
          network.system(node).spawn(target, { name });
        } catch {
          // It lives already.
        }
      };
      for (const action of actions) {
        switch (action.type) {
          case "order":
            network.system(NODES[action.watcher] ?? "").tell(watchers[action.watcher] as Ref<Order>, action.order);
            break;
          case "start":
            start(action.node, action.name);
            break;
          case "stop":
            network.system(action.node).stopActor(live(action.node, action.name));
            break;
          case "crash":
            network.system(action.node).tell(live(action.node, action.name), "crash");
            break;
          case "steps":
            for (const choice of action.choices) network.step(choice);
            break;
          default:
            if (action.node === action.other) break;
            if (action.type === "cut") network.cut(action.node, action.other);
            else if (action.type === "notice") network.notice(action.node, action.other);
            else network.connect(action.node, action.other);
        }
      }
      // Everything ends: then every watch that was not given up has been told.
      network.settle();
      for (const node of NODES) {
        for (const other of NODES) if (node !== other) network.notice(node, other);
        for (const name of NAMES) network.system(node).stopActor(live(node, name));
      }
      network.settle();
      network.stop();
      expect(crashes).toEqual([]);
      expect(watches.flat().filter(({ ended }) => ended === "waiting")).toEqual([]);
      for (const { ended } of watches.flat()) if (ended !== "waiting") ends[ended] += 1;
    }),
    { numRuns: 300 },
  );
  expect(ends.terminated).toBeGreaterThan(100);
  expect(ends.unwatched).toBeGreaterThan(20);
});

test("an answer to a watch that was given up is none to the next one on the same actor", () => {
  const network = openNetwork(["n1", "n2"]);
  const watches: Watch[] = [];
  const n1 = network.system("n1");
  const n2 = network.system("n2");
  const ref = n1.spawn(watcher(watches), { name: "watcher" });
  const first = n2.spawn(target, { name: "a" });
  const order = (type: "watch" | "unwatch"): void => n1.tell(ref, { type, node: "n2", name: "a" });
  order("watch");
  network.settle();
  n2.stopActor(first);
  n2.spawn(target, { name: "a" });
  // The word of the first one's end is under way.
  order("unwatch");
  order("watch");
  network.turns();
  network.settle();
  expect(watches.map(({ ended }) => ended)).toEqual(["unwatched", "waiting"]);
  n2.stopActor(n2.refAt({ node: "n2", path: "a" }));
  network.settle();
  expect(watches.map(({ ended }) => ended)).toEqual(["unwatched", "terminated"]);
});

test("a signal that waits for an earlier watch on a name is none of the present one", () => {
  const network = openNetwork(["n1", "n2"]);
  const signals: string[] = [];
  let again: (value: null) => void = () => {};
  const behavior: Behavior<null, "watch"> = {
    name: "watcher",
    init: (ctx) => {
      ctx.watch(ctx.refAt({ node: "n2", path: "a" }));
      again = ctx.callback(() => "watch", { ahead: true });
      return null;
    },
    receive: (state, _, ctx) => {
      const ref = ctx.refAt({ node: "n2", path: "a" });
      ctx.unwatch(ref);
      ctx.watch(ref);
      return state;
    },
    onSignal: (state, signal) => {
      if (signal.type === "terminated") signals.push(signal.reason);
      return state;
    },
  };
  const n2 = network.system("n2");
  const ref = n2.spawn(target, { name: "a" });
  network.system("n1").spawn(behavior);
  network.settle();
  // Ahead of the end of the first watch, which waits behind it; the link is back by then.
  again(null);
  network.cut("n1", "n2");
  for (const node of ["n1", "n2"]) network.notice(node, node === "n1" ? "n2" : "n1");
  expect(network.connect("n1", "n2")).toBe(true);
  network.settle();
  expect(signals).toEqual([]);
  n2.stopActor(ref);
  network.settle();
  expect(signals).toEqual(["stopped"]);
});
