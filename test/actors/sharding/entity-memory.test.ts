/** What a host says of its remembered entities, when the cluster answers, refuses or is silent. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ProposeReply, ReplicaRequest } from "../../../actors/cluster/replica-protocol.ts";
import { EntityMemory } from "../../../actors/sharding/entity-memory.ts";
import type { ShardHostMessage } from "../../../actors/sharding/shard-protocol.ts";
import { ActorSystem, stateless, type Context, type Ref } from "../../../runtime/index.ts";
import { createManualWorld, type ManualWorld } from "../../../runtime/testkit/index.ts";

type Proposed = Extract<ReplicaRequest, { readonly type: "propose" }>;

const DONE: ProposeReply = { ok: true, outcome: { ok: true, version: 1, changed: true, resource: null } };
const SILENCE: ProposeReply = { ok: false, code: "no-leader", message: "" };
const TOO_MANY: ProposeReply = { ok: true, outcome: { ok: false, version: 1, code: "invalid", message: "" } };
const STALE: ProposeReply = { ok: true, outcome: { ok: false, version: 1, code: "stale", message: "" } };

let world: ManualWorld;
let system: ActorSystem;
let proposed: Proposed[];
let refused: string[];
let memory: EntityMemory;

beforeEach(() => {
  world = createManualWorld();
  system = ActorSystem.create({ node: "n1", world });
  proposed = [];
  refused = [];
  const replica = system.spawn(
    stateless<ReplicaRequest>("replica", (request) => void (request.type === "propose" && proposed.push(request))),
  );
  system.spawn({
    name: "host",
    init: (ctx: Context<ShardHostMessage>) => remembering(ctx, replica),
    receive: (state: EntityMemory, message: ShardHostMessage) => {
      if (message.type === "remembered") state.answered(message.shard, message.reply);
      if (message.type === "remember-due") state.send(message.shard);
      return state;
    },
  });
});
afterEach(() => system.stop());

function remembering(ctx: Context<ShardHostMessage>, replica: Ref<ReplicaRequest>): EntityMemory {
  memory = new EntityMemory({
    ctx,
    replica,
    shardType: "carts",
    homeOf: () => ({ session: 1, fence: 2 }),
    onRefused: (entity) => void refused.push(entity),
  });
  return memory;
}

/** What the only open proposal says; answers it. */
function said(reply: ProposeReply): { readonly started: readonly string[]; readonly ended: readonly string[] } {
  world.settle();
  expect(proposed).toHaveLength(1);
  const { command, replyTo } = proposed.pop() as Proposed;
  if (command.type !== "remember-entities") throw new Error(`Got ${command.type}`);
  system.tell(replyTo, reply);
  world.settle();
  return { started: command.started, ended: command.ended };
}

test("put() says one thing at a time, and the last word about an entity", () => {
  memory.put(0, "a", true);
  memory.put(0, "b", true);
  memory.put(0, "b", false);
  memory.put(0, "c", true);
  expect(said(DONE)).toEqual({ started: ["a"], ended: [] });
  expect(said(DONE)).toEqual({ started: ["c"], ended: ["b"] });
  expect(proposed).toEqual([]);
});

test("what nobody confirmed is said again, unless it has changed since", () => {
  memory.put(0, "a", true);
  said(SILENCE);
  memory.put(0, "a", false);
  expect(said(DONE)).toEqual({ started: [], ended: ["a"] });
});

test("where too many are remembered, what has ended is forgotten all the same, and the others are named", () => {
  memory.put(0, "a", true);
  memory.put(0, "b", false);
  memory.put(0, "c", true);
  said(DONE);
  expect(said(TOO_MANY)).toEqual({ started: ["c"], ended: ["b"] });
  expect(said(DONE)).toEqual({ started: [], ended: ["b"] });
  expect(refused).toEqual(["c"]);
  memory.put(0, "d", true);
  said(TOO_MANY);
  expect(refused).toEqual(["c", "d"]);
  expect(proposed).toEqual([]);
});

test("a shard that is at home elsewhere by now has another's word", () => {
  memory.put(0, "a", true);
  said(STALE);
  world.advance(5000);
  expect(proposed).toEqual([]);
  expect(refused).toEqual([]);
});
