/** Asks end once: with the first answer, at their deadline, or when nobody can answer; on one timer for each duration. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ActorSystem, stateless, type AskResult, type Clock, type Ref } from "../../runtime/index.ts";
import { createManualWorld, type ManualWorld } from "../../runtime/testkit/index.ts";

interface CountedWorld extends ManualWorld {
  /** Timers that are set and have not fired. */
  readonly timers: () => number;
}

function createCountedWorld(): CountedWorld {
  const world = createManualWorld();
  let timers = 0;
  const clock: Clock = {
    ...world.clock,
    setTimer: (delayMs, run) => {
      timers += 1;
      return world.clock.setTimer(delayMs, () => {
        timers -= 1;
        run();
      });
    },
    clearTimer: (handle) => {
      timers -= 1;
      world.clock.clearTimer(handle);
    },
  };
  return { ...world, clock, timers: () => timers };
}

/** An actor that answers nothing itself, and the reply refs that it was given. */
function setup(): { world: CountedWorld; system: ActorSystem; silent: Ref<Ref<number>>; replyTos: Ref<number>[] } {
  const world = createCountedWorld();
  const system = ActorSystem.create({ node: "n1", world });
  const replyTos: Ref<number>[] = [];
  const silent = system.spawn(
    stateless<Ref<number>>("silent", (replyTo) => void replyTos.push(replyTo)),
    { name: "silent" },
  );
  return { world, system, silent, replyTos };
}

interface Outcome {
  readonly atMs: number;
  readonly result: AskResult<number>;
}

/** Asks from an actor, so that each answer is handled in the same settling. */
function spawnAsker(
  system: ActorSystem,
  world: ManualWorld,
  silent: Ref<Ref<number>>,
  outcomes: Map<number, Outcome>,
): Ref<Question> {
  type Message = Question | { readonly id: number; readonly result: AskResult<number> };
  const asker = stateless<Message>("asker", (message, ctx) => {
    if ("result" in message) {
      expect(outcomes.has(message.id)).toBe(false);
      outcomes.set(message.id, { atMs: world.clock.monotonicMs(), result: message.result });
      return;
    }
    const { id, timeoutMs } = message;
    ctx.ask<Ref<number>, number>(silent, {
      make: (replyTo) => replyTo,
      timeoutMs,
      adapt: (result) => ({ id, result }),
    });
  });
  return system.spawn(asker, { name: "asker" });
}

interface Question {
  readonly id: number;
  readonly timeoutMs: number;
}

const DURATIONS = [5, 20, 20.3, 100];

const steps = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant("ask" as const), timeoutMs: fc.constantFrom(...DURATIONS) }),
    fc.record({ type: fc.constant("answer" as const), which: fc.nat() }),
    fc.record({ type: fc.constant("wait" as const), ms: fc.double({ min: 0, max: 15, noNaN: true }) }),
  ),
  { maxLength: 60 },
);

test("every ask ends once, at exactly its deadline if it has no answer, with one timer a duration", () => {
  fc.assert(
    fc.property(steps, (list) => {
      const { world, system, silent, replyTos } = setup();
      try {
        const outcomes = new Map<number, Outcome>();
        const asked: { readonly dueMs: number; answeredMs: number | null }[] = [];
        const asker = spawnAsker(system, world, silent, outcomes);
        let late = 0;
        for (const step of list) {
          const nowMs = world.clock.monotonicMs();
          if (step.type === "ask") {
            system.tell(asker, { id: asked.length, timeoutMs: step.timeoutMs });
            asked.push({ dueMs: nowMs + step.timeoutMs, answeredMs: null });
          } else if (step.type === "wait") {
            world.advance(step.ms);
          } else if (replyTos.length > 0) {
            const id = step.which % replyTos.length;
            if (outcomes.has(id)) late += 1;
            else (asked[id] as { answeredMs: number }).answeredMs = nowMs;
            system.tell(replyTos[id] as Ref<number>, id);
          }
          world.settle();
          expect(world.timers()).toBeLessThanOrEqual(DURATIONS.length);
        }
        world.advance(200);
        for (const [id, { dueMs, answeredMs }] of asked.entries()) {
          const outcome = outcomes.get(id);
          if (answeredMs !== null) expect(outcome).toEqual({ atMs: answeredMs, result: { ok: true, answer: id } });
          else {
            expect(outcome?.result).toEqual({ ok: false, code: "timeout" });
            expect(outcome?.atMs).toBeCloseTo(dueMs, 6);
          }
        }
        expect(system.deadLettersBy("no-recipient")).toBe(late);
        expect(world.timers()).toBe(0);
      } finally {
        system.stop();
      }
    }),
  );
});

test("an ask of an actor that has stopped, stops, or never was fails at once", async () => {
  const { world, system, silent } = setup();
  const ask = (to: Ref<Ref<number>>): Promise<AskResult<number>> =>
    system.ask<Ref<number>, number>(to, (replyTo) => replyTo, { timeoutMs: 1000 });
  const waiting = ask(silent);
  system.stopActor(silent);
  const refused = { ok: false, code: "no-recipient" };
  expect(await Promise.all([waiting, ask(silent), ask(system.refAt({ node: "n1", path: "nobody" }))])).toEqual([
    refused,
    refused,
    refused,
  ]);
  world.settle();
  system.stop();
});

test("stop() ends every ask from outside, and its timers", async () => {
  const { world, system, silent } = setup();
  const answers = [10, 20, 20].map((timeoutMs) =>
    system.ask<Ref<number>, number>(silent, (replyTo) => replyTo, { timeoutMs }),
  );
  world.settle();
  expect(world.timers()).toBe(2);
  system.stop();
  const ended = { ok: false, code: "node-down" };
  expect(await Promise.all(answers)).toEqual([ended, ended, ended]);
  expect(world.timers()).toBe(0);
});

test("a reply ref has a path by which it is found while the ask waits, and not after it", async () => {
  const { world, system, silent, replyTos } = setup();
  const answer = system.ask<Ref<number>, number>(silent, (replyTo) => replyTo, { timeoutMs: 10 });
  world.settle();
  const [replyTo] = replyTos;
  const byPath = system.refAt<number>({ node: "n1", path: replyTo?.path ?? "" });
  expect(byPath.path).toMatch(/^\$ask\//);
  system.tell(byPath, 7);
  expect(await answer).toEqual({ ok: true, answer: 7 });
  system.tell(system.refAt<number>({ node: "n1", path: byPath.path }), 8);
  expect(system.deadLettersBy("no-recipient")).toBe(1);
  system.stop();
});
