/** What becomes of messages that an actor puts away, and of an actor that becomes something else; both against a model. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { functional, type Behavior, type Handler, type Ref } from "../../runtime/index.ts";
import { Stash } from "../../runtime/stash.ts";
import { record } from "./recorder.ts";

const RESTART = { onCrash: "restart", backoff: { minMs: 0, maxMs: 0, jitter: 0 } } as const;

/** Puts everything away until it is told `open`, then handles it. */
function gate(handled: string[]): Behavior<boolean, string> {
  return {
    name: "gate",
    init: () => false,
    receive: (isOpen, message, ctx) => {
      if (message === "fail") throw new Error("asked to fail");
      if (message === "open") {
        ctx.unstashAll();
        return true;
      }
      if (isOpen) handled.push(message);
      else ctx.stash();
      return isOpen;
    },
  };
}

test("unstashAll() brings messages back in their order, ahead of what waits", () => {
  const { world, system, steps } = record();
  const ref = system.spawn(gate(steps));
  for (const message of ["a", "b", "open", "c"]) system.tell(ref, message);
  world.settle();
  expect(steps).toEqual(["a", "b", "c"]);
});

test("a restart brings the stash back, and the message in hand is a dead letter", () => {
  const { world, system, steps, deadLetters } = record();
  const behavior = gate(steps);
  let lives = 0;
  const opensInSecondLife = { ...behavior, init: () => ++lives > 1 };
  const ref = system.spawn(opensInSecondLife, { supervision: RESTART });
  for (const message of ["a", "b", "fail", "c"]) system.tell(ref, message);
  world.settle();
  expect(steps).toEqual(["a", "b", "c"]);
  expect(deadLetters).toEqual(["fail crashed"]);
});

test("a restart drops answers and timers of the earlier life from the stash", () => {
  const { world, system, steps, deadLetters } = record();
  let lives = 0;
  const behavior: Behavior<boolean, string> = {
    ...gate(steps),
    init: (ctx) => {
      lives += 1;
      if (lives === 1) ctx.setTimer("own", 10, "timer");
      return lives > 1;
    },
  };
  const ref = system.spawn(behavior, { supervision: RESTART });
  system.tell(ref, "a");
  world.advance(10);
  system.tell(ref, "fail");
  world.settle();
  expect(steps).toEqual(["a"]);
  expect(deadLetters).toEqual(["fail crashed"]);
});

test("the end of an actor makes dead letters of its stash, before those of its mailbox", () => {
  const { world, system, steps, deadLetters } = record();
  const ref = system.spawn(gate(steps));
  for (const message of ["a", "b"]) system.tell(ref, message);
  world.settle();
  system.tell(ref, "c");
  system.stopActor(ref);
  expect(deadLetters).toEqual(["a stopped", "b stopped", "c stopped"]);
});

test("a stash that is full crashes the actor, by code, and keeps what it holds", () => {
  const { world, system, steps, crashes, deadLetters } = record();
  const ref = system.spawn(gate(steps), { name: "gate", stash: 2, supervision: { onCrash: "resume" } });
  for (const message of ["a", "b", "c", "open"]) system.tell(ref, message);
  world.settle();
  expect(crashes).toEqual(['gate: Cannot stash in actor "gate": its stash holds 2, its limit: resume']);
  expect(deadLetters).toEqual(["c crashed"]);
  expect(steps).toEqual(["a", "b"]);
});

test("a handler that throws has stashed, unstashed and become nothing", () => {
  const { world, system, steps, deadLetters } = record();
  const behavior: Behavior<null, string> = {
    name: "undecided",
    init: () => null,
    receive: (state, message, ctx) => {
      steps.push(message);
      if (message !== "fail") return state;
      ctx.stash();
      ctx.unstashAll();
      ctx.become(gate(steps));
      throw new Error("asked to fail");
    },
  };
  const ref = system.spawn(behavior, { supervision: { onCrash: "resume" } });
  for (const message of ["fail", "after"]) system.tell(ref, message);
  world.settle();
  expect(steps).toEqual(["fail", "after"]);
  expect(deadLetters).toEqual(["fail crashed"]);
});

test("stash() outside of a message is refused by code", () => {
  const { world, system, crashes } = record();
  const behavior: Behavior<null, string> = {
    name: "early",
    init: (ctx) => {
      ctx.stash();
      return null;
    },
    receive: (state) => state,
  };
  system.spawn(behavior, { name: "early" });
  world.settle();
  expect(crashes).toEqual(['early: Cannot stash in actor "early": it is not handling a message: stop']);
});

test("a stashed message keeps its sender: an ask that was put away is answered", async () => {
  const { world, system } = record();
  interface Ask {
    readonly replyTo: Ref<string>;
  }
  const behavior: Behavior<boolean, Ask | "open"> = {
    name: "late",
    init: () => false,
    receive: (isOpen, message, ctx) => {
      if (message === "open") {
        ctx.unstashAll();
        return true;
      }
      if (isOpen) ctx.tell(message.replyTo, "answer");
      else ctx.stash();
      return isOpen;
    },
  };
  const ref = system.spawn(behavior);
  const answer = system.ask<Ask | "open", string>(ref, (replyTo) => ({ replyTo }), { timeoutMs: 100 });
  world.settle();
  system.tell(ref, "open");
  world.settle();
  expect(await answer).toEqual({ ok: true, answer: "answer" });
});

test("become() hands the next message to the new behaviour, with the state that its init makes", () => {
  const { world, system, steps } = record();
  const second: Behavior<number, string> = {
    name: "second",
    init: () => 10,
    receive: (count, message) => {
      steps.push(`second ${count} ${message}`);
      return count + 1;
    },
  };
  const first: Behavior<number, string> = {
    name: "first",
    init: () => 0,
    receive: (count, message, ctx) => {
      steps.push(`first ${count} ${message}`);
      ctx.become(second);
      return count + 1;
    },
  };
  const ref = system.spawn(first);
  for (const message of ["a", "b", "c"]) system.tell(ref, message);
  world.settle();
  expect(steps).toEqual(["first 0 a", "second 10 b", "second 11 c"]);
});

test("a behaviour whose start fails is not become: the one before it crashes, with its state", () => {
  const { world, system, steps, crashes } = record();
  const broken: Behavior<null, string> = {
    name: "broken",
    init: () => {
      throw new Error("no start");
    },
    receive: (state) => state,
  };
  const behavior: Behavior<number, string> = {
    name: "steady",
    init: () => 0,
    receive: (count, message, ctx) => {
      steps.push(`${message} ${count}`);
      if (message === "change") ctx.become(broken);
      return count + 1;
    },
  };
  const ref = system.spawn(behavior, { name: "steady", supervision: { onCrash: "resume" } });
  for (const message of ["change", "after"]) system.tell(ref, message);
  world.settle();
  expect(steps).toEqual(["change 0", "after 1"]);
  expect(crashes).toEqual(["steady: no start: resume"]);
});

test("a restart begins with the behaviour that was spawned", () => {
  const { world, system, steps } = record();
  const other: Behavior<null, string> = {
    name: "other",
    init: () => null,
    receive: (_, message) => {
      throw new Error(message);
    },
    onSignal: (state, signal) => {
      steps.push(`other ${signal.type}`);
      return state;
    },
  };
  const behavior: Behavior<null, string> = {
    name: "first",
    init: () => {
      steps.push("first starts");
      return null;
    },
    receive: (state, message, ctx) => {
      steps.push(`first ${message}`);
      ctx.become(other);
      return state;
    },
  };
  const ref = system.spawn(behavior, { supervision: RESTART });
  for (const message of ["a", "fail", "b"]) system.tell(ref, message);
  world.settle();
  expect(steps).toEqual(["first starts", "first a", "other pre-restart", "first starts", "first b"]);
});

test("behaviours that become each other in their start are a circle, and crash", () => {
  const { world, system, crashes } = record();
  const restless = (name: string): Behavior<null, string> => ({
    name,
    init: (ctx) => {
      ctx.become(restless(name));
      return null;
    },
    receive: (state) => state,
  });
  system.spawn(restless("restless"), { name: "restless" });
  world.settle();
  expect(crashes).toHaveLength(1);
  expect(crashes[0]).toContain("become each other in their start");
});

test("functional() lets each state of a machine be a function, and a restart begins at its start", () => {
  const { world, system, steps } = record();
  const locked: Handler<string> = (message) => {
    steps.push(`locked ${message}`);
    return message === "coin" ? unlocked(1) : undefined;
  };
  const unlocked =
    (coins: number): Handler<string> =>
    (message) => {
      if (message === "fail") throw new Error("asked to fail");
      steps.push(`unlocked ${coins} ${message}`);
      return message === "coin" ? unlocked(coins + 1) : locked;
    };
  const ref = system.spawn(
    functional("turnstile", () => locked),
    { supervision: RESTART },
  );
  for (const message of ["push", "coin", "coin", "push", "coin", "fail", "push"]) system.tell(ref, message);
  world.settle();
  expect(steps).toEqual([
    "locked push",
    "locked coin",
    "unlocked 1 coin",
    "unlocked 2 push",
    "locked coin",
    "locked push",
  ]);
});

type Step = "stash" | "unstash" | "take" | "restart";

test("Stash holds to a model: two queues, the one that comes back ahead", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom<Step>("stash", "unstash", "take", "restart")), (todo) => {
      const stash = new Stash();
      let held: number[] = [];
      let returning: number[] = [];
      let next = 0;
      const isOwn = (message: number): boolean => message % 3 === 0;
      for (const step of todo) {
        if (step === "stash") {
          stash.put({ message: next, sender: null, isOwn: isOwn(next) });
          held.push(next++);
        } else if (step === "take") {
          expect(stash.hasNext).toBe(returning.length > 0);
          if (returning.length > 0) expect(stash.next().message).toBe(returning.shift());
        } else {
          returning = held.concat(returning);
          held = [];
          if (step === "unstash") stash.bringBack();
          else {
            stash.restart();
            returning = returning.filter((message) => !isOwn(message));
          }
        }
        expect(stash.size).toBe(held.length);
      }
      expect(stash.drain().map(({ message }) => message)).toEqual([...returning, ...held]);
      expect([stash.size, stash.hasNext]).toEqual([0, false]);
    }),
  );
});

/** What a handler does with a message: any order of the two, then maybe another behaviour, or a crash. */
interface Script {
  readonly calls: readonly ("stash" | "unstash")[];
  readonly becomes: boolean;
  readonly crashes: boolean;
}

const script: fc.Arbitrary<Script> = fc.record({
  calls: fc.array(fc.constantFrom<"stash" | "unstash">("stash", "unstash"), { maxLength: 3 }),
  becomes: fc.boolean(),
  crashes: fc.boolean(),
});

interface Scripted {
  readonly id: number;
  /** What it does the first time that it is handled; later it is simply done with. */
  readonly script: Script;
}

/** The line of messages as the table states it: an interpreter of the scripts over plain lists. */
function model(messages: readonly Scripted[], supervised: "resume" | "restart"): string[] {
  const log: string[] = [];
  const seen = new Set<number>();
  let [front, stashed, behavior]: [Scripted[], Scripted[], number] = [[...messages], [], 0];
  for (let one = front.shift(); one !== undefined; one = front.shift()) {
    log.push(`${behavior} handles ${one.id}`);
    if (seen.has(one.id)) continue;
    seen.add(one.id);
    const { calls, becomes, crashes } = one.script;
    if (crashes) {
      log.push(`dead ${one.id}`);
      if (supervised === "restart") [front, stashed, behavior] = [[...stashed, ...front], [], 0];
      continue;
    }
    const stashedAt = calls.indexOf("stash");
    const unstashedLast = calls.lastIndexOf("unstash");
    const comesBack = stashedAt !== -1 && unstashedLast > stashedAt;
    if (unstashedLast !== -1) {
      front = [...stashed, ...(comesBack ? [one] : []), ...front];
      stashed = [];
    }
    if (stashedAt !== -1 && !comesBack) stashed.push(one);
    if (becomes) behavior += 1;
  }
  return [...log, ...stashed.map(({ id }) => `stopped ${id}`)];
}

function run(messages: readonly Scripted[], supervised: "resume" | "restart"): string[] {
  const { world, system, steps } = record();
  const seen = new Set<number>();
  system.inspection.subscribe((event) => {
    if (event.type !== "dead-letter") return;
    const { message, reason } = event.letter;
    steps.push(`${reason === "crashed" ? "dead" : reason} ${(message as Scripted).id}`);
  });
  const behavior = (generation: number): Behavior<null, Scripted> => ({
    name: "scripted",
    init: () => null,
    receive: (state, { id, script: { calls, becomes, crashes } }, ctx) => {
      steps.push(`${generation} handles ${id}`);
      if (seen.has(id)) return state;
      seen.add(id);
      for (const call of calls) {
        if (call === "stash") ctx.stash();
        else ctx.unstashAll();
      }
      if (becomes) ctx.become(behavior(generation + 1));
      if (crashes) throw new Error("scripted");
      return state;
    },
  });
  const supervision = { ...RESTART, onCrash: supervised, intensity: { restartsMax: 1000, windowMs: 1 } };
  const ref = system.spawn(behavior(0), { supervision });
  for (const message of messages) system.tell(ref, message);
  world.settle();
  system.stop();
  return steps;
}

test("an actor that stashes, unstashes, becomes and crashes at will handles its messages as the model does", () => {
  const scripts = fc.array(script, { maxLength: 30 });
  fc.assert(
    fc.property(scripts, fc.constantFrom<"resume" | "restart">("resume", "restart"), (all, supervised) => {
      const messages = all.map((one, id) => ({ id, script: one }));
      expect(run(messages, supervised)).toEqual(model(messages, supervised));
    }),
  );
});
