/** What a holder knows of its lease, and what keeps it from acting without one. */
import { expect, test } from "vitest";
import { fenced, FenceGate, guarded, SessionTerm, Tenure } from "../../../actors/index.ts";
import { ActorSystem, type Behavior } from "../../../runtime/index.ts";
import { createManualWorld } from "../../../runtime/testkit/index.ts";

test("a tenure is valid until its term ends, is longer after a renewal, and over for good when it was given up", () => {
  const term = new SessionTerm(7, 1000);
  const tenure = new Tenure(9, term);
  expect([tenure.isValid(999), tenure.isValid(1000)]).toEqual([true, false]);
  term.extend(2000);
  expect([tenure.isValid(1999), tenure.validUntilMs]).toEqual([true, 2000]);
  term.extend(1500);
  expect(tenure.validUntilMs).toBe(2000);
  const other = new Tenure(10, term);
  tenure.end();
  expect([tenure.isValid(0), tenure.validUntilMs, other.isValid(0)]).toEqual([false, 0, true]);
  term.end();
  term.extend(9000);
  expect(other.isValid(0)).toBe(false);
});

test("fenced() does the effect with the fence while the tenure is valid, else nothing", () => {
  const tenure = new Tenure(9, new SessionTerm(7, 1000));
  const done: number[] = [];
  expect(fenced(tenure, 999, (fence) => done.push(fence))).toBe(true);
  expect(fenced(tenure, 1000, (fence) => done.push(fence))).toBe(false);
  expect(done).toEqual([9]);
});

test("FenceGate lets the newest fence through, and refuses older ones", () => {
  const gate = new FenceGate();
  expect([3, 3, 5, 4, 3, 5].map((fence) => gate.admit(fence))).toEqual([true, true, true, false, false, true]);
  expect(new FenceGate(gate.newest).admit(4)).toBe(false);
  expect(() => gate.admit(0)).toThrow("a fence is a positive integer");
  expect(() => gate.admit(1.5)).toThrow("Cannot admit an effect under fence 1.5");
});

test("guarded() handles nothing past the deadline: the actor ends, and what waits is a dead letter", () => {
  const world = createManualWorld();
  const system = ActorSystem.create({ node: "guard", world });
  const seen: string[] = [];
  const behavior: Behavior<null, string> = {
    name: "holder",
    init: () => null,
    receive: (state, message) => {
      seen.push(message);
      return state;
    },
    onSignal: (state, signal) => {
      seen.push(signal.type);
      return state;
    },
  };
  const ref = system.spawn(guarded(behavior, new Tenure(1, new SessionTerm(1, 1000))));
  system.tell(ref, "in time");
  world.settle();
  world.advance(1000);
  for (const late of ["late", "later"]) system.tell(ref, late);
  world.settle();
  expect(seen).toEqual(["in time", "post-stop"]);
  expect(system.deadLetters).toBe(2);
  // One that begins when it is over does not begin.
  system.spawn(guarded(behavior, new Tenure(1, new SessionTerm(1, 1000))));
  world.settle();
  expect(seen).toEqual(["in time", "post-stop"]);
  system.stop();
});
