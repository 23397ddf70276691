/** How a leader finds out what all members can apply, where not all of them answer at once. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { LEVEL } from "../../../actors/cluster/cluster-level.ts";
import { LevelDesk } from "../../../actors/cluster/level-desk.ts";
import type { ReplicaMessage } from "../../../actors/cluster/replica-message.ts";
import { createConfiguration } from "../../../actors/raft/index.ts";
import { ActorSystem } from "../../../runtime/index.ts";
import { createManualWorld, type ManualWorld } from "../../../runtime/testkit/index.ts";

const MEMBERS = createConfiguration(["n1@a", "n2@b", "n3@c"]);

let world: ManualWorld;
let system: ActorSystem;
let desk: LevelDesk;
let raised: number[];
let inDesk: (act: () => void) => void;

beforeEach(() => {
  world = createManualWorld();
  system = ActorSystem.create({ node: "n1", world });
  raised = [];
  // What it asks goes nowhere, or here: the test answers.
  const ref = system.spawn<null, unknown>({
    name: "replica",
    init: (ctx) => {
      desk = new LevelDesk(ctx as ConstructorParameters<typeof LevelDesk>[0]);
      return null;
    },
    receive: (state, message) => {
      if (typeof message === "function") (message as () => void)();
      const said = message as ReplicaMessage;
      if (said.type === "propose" && said.command.type === "raise-level") raised.push(said.command.to);
      return state;
    },
  });
  inDesk = (act) => {
    system.tell(ref, act);
    world.settle();
  };
});
afterEach(() => system.stop());

function tend(answers: Readonly<Record<string, number | null>>): void {
  inDesk(() => desk.tend(1, MEMBERS));
  inDesk(() => {
    for (const [node, software] of Object.entries(answers)) desk.answered(node, software, 1);
  });
}

test("the level is raised once each member was heard, not all in the same round", () => {
  tend({ n1: LEVEL, n2: LEVEL, n3: null });
  expect(raised).toEqual([]);
  // Who has said that it can apply all is not asked again: n1 and n2 need not answer.
  tend({ n3: LEVEL });
  expect(raised).toEqual([LEVEL]);
});

test("a member that can apply less is asked again, and holds the level until it is upgraded", () => {
  tend({ n1: LEVEL, n2: 1, n3: LEVEL });
  expect(raised).toEqual([]);
  tend({ n2: LEVEL });
  expect(raised).toEqual([LEVEL]);
});

test("what was said in a tenure counts for nothing in the next", () => {
  tend({ n1: LEVEL, n2: LEVEL, n3: null });
  inDesk(() => desk.end());
  tend({ n3: LEVEL });
  expect(raised).toEqual([]);
});
