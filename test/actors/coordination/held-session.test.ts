/** How long a node takes its session to last: from before it asked, however late the answer comes. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { LEASE_MS, RENEW_MS } from "../../../actors/cluster/lease.ts";
import type { ProposeReply, ReplicaRequest } from "../../../actors/cluster/replica-protocol.ts";
import { coordinatorActor } from "../../../actors/coordination/coordinator-actor.ts";
import type { CoordinatorRequest, SessionEvent } from "../../../actors/coordination/coordinator-protocol.ts";
import type { SessionTerm } from "../../../actors/coordination/tenure.ts";
import { ActorSystem, stateless, type Ref } from "../../../runtime/index.ts";
import { createManualWorld, createProbe, type ManualWorld, type Probe } from "../../../runtime/testkit/index.ts";

type Proposed = Extract<ReplicaRequest, { readonly type: "propose" }>;

let world: ManualWorld;
let system: ActorSystem;
let proposed: Proposed[];
let coordinator: Ref<CoordinatorRequest>;
let holder: Probe<SessionEvent>;

beforeEach(() => {
  world = createManualWorld();
  system = ActorSystem.create({ node: "n1", world });
  proposed = [];
  const replica = stateless<ReplicaRequest>("replica", (request, ctx) => {
    if (request.type === "propose") proposed.push(request);
    else if (request.type === "subscribe-coordination") {
      ctx.tell(request.subscriber, { type: "coordination-synced", version: 0, records: [] });
    }
  });
  coordinator = system.spawn(coordinatorActor({ replica: system.spawn(replica) }));
  holder = createProbe<SessionEvent>(system, world);
  system.tell(coordinator, { type: "hold-session", holder: holder.ref });
  world.settle();
});
afterEach(() => system.stop());

/** Answers the oldest proposal that has none. */
function answer(type: Proposed["command"]["type"], reply: ProposeReply): void {
  const { command, replyTo } = proposed.shift() as Proposed;
  expect(command.type).toBe(type);
  system.tell(replyTo, reply);
  world.settle();
}

function carriedOut(version: number): ProposeReply {
  return { ok: true, outcome: { ok: true, version, changed: true, resource: null } };
}

function held(): SessionTerm {
  const event = holder.expectMessage();
  if (event.type !== "session-held") throw new Error(`Got ${event.type}`);
  return event.term;
}

test("a session lasts a lease from when its opening was asked for, not from the answer", () => {
  const askedMs = world.clock.monotonicMs();
  world.advance(1000);
  answer("open-session", carriedOut(7));
  expect(held().untilMs).toBe(askedMs + LEASE_MS);
});

test("a renewal extends it from when it was asked for, not from the answer", () => {
  const openedMs = world.clock.monotonicMs();
  answer("open-session", carriedOut(7));
  const term = held();
  world.advance(RENEW_MS);
  const askedMs = world.clock.monotonicMs();
  expect(askedMs).toBe(openedMs + RENEW_MS);
  world.advance(1000);
  expect(term.untilMs).toBe(openedMs + LEASE_MS);
  answer("renew-session", carriedOut(8));
  expect(term.untilMs).toBe(askedMs + LEASE_MS);
});

test("an opening that the cluster refuses, or that nobody answers, is asked for again", () => {
  answer("open-session", { ok: false, code: "no-leader", message: "" });
  world.advance(250);
  answer("open-session", { ok: true, outcome: { ok: false, version: 9, code: "stale", message: "" } });
  world.advance(250);
  const askedMs = world.clock.monotonicMs();
  answer("open-session", carriedOut(11));
  expect(held()).toMatchObject({ session: 11, untilMs: askedMs + LEASE_MS });
});

test("a renewal that the cluster refuses ends it at once, and it is opened anew when its holder has let go", () => {
  answer("open-session", carriedOut(7));
  const term = held();
  world.advance(RENEW_MS);
  answer("renew-session", { ok: true, outcome: { ok: false, version: 9, code: "stale", message: "" } });
  expect(term.isValid(world.clock.monotonicMs())).toBe(false);
  holder.expectMessage({ type: "session-lost", session: 7 });
  expect(proposed).toEqual([]);
  system.tell(coordinator, { type: "release-session", holder: holder.ref, session: 7 });
  world.settle();
  answer("open-session", carriedOut(10));
  expect(held().session).toBe(10);
});

test("a renewal is waited for as long as it is of use, and not proposed a second time meanwhile", () => {
  answer("open-session", carriedOut(7));
  const term = held();
  world.advance(RENEW_MS);
  const [renewal] = proposed;
  expect(renewal?.timeoutMs).toBe(term.untilMs - 500 - world.clock.monotonicMs());
  world.advance(LEASE_MS - RENEW_MS - 600);
  expect(proposed).toHaveLength(1);
  answer("renew-session", carriedOut(8));
  expect(term.untilMs).toBe(RENEW_MS + LEASE_MS);
});

test("a renewal that is answered when its session has ended changes nothing", () => {
  answer("open-session", carriedOut(7));
  const term = held();
  world.advance(LEASE_MS);
  const { untilMs } = term;
  answer("renew-session", carriedOut(8));
  expect(term.untilMs).toBe(untilMs);
});
