import { expect, test } from "vitest";
import { FAULT_KINDS, FAULTS, type Round } from "../../chaos/fault.ts";
import { rounds } from "../../chaos/schedule.ts";

function take(count: number, seed: number, kinds = FAULT_KINDS): readonly Round[] {
  const drawn = rounds(seed, kinds);
  return Array.from({ length: count }, () => drawn.next().value);
}

test("rounds() gives the same schedule for the same seed, and another for another", () => {
  expect(take(50, 7)).toEqual(take(50, 7));
  expect(take(50, 7)).not.toEqual(take(50, 8));
});

test("rounds() deals each kind before any comes again, and each target of a kind", () => {
  for (let seed = 0; seed < 20; seed++) {
    const faults = take(200, seed).flatMap((round) => round.faults);
    expect(new Set(take(FAULT_KINDS.length, seed).flatMap((round) => round.faults.map(({ kind }) => kind)))).toEqual(
      new Set(FAULT_KINDS),
    );
    for (const kind of FAULT_KINDS) {
      const targets = faults.filter((fault) => fault.kind === kind).map(({ target }) => target);
      expect(new Set(targets.slice(0, FAULTS[kind].length))).toEqual(new Set(FAULTS[kind]));
    }
  }
});

test("rounds() lets one or two faults stand at a time, of different kinds, the second within the first", () => {
  const all = take(500, 1);
  expect(new Set(all.map(({ faults }) => faults.length))).toEqual(new Set([1, 2]));
  for (const { faults } of all) {
    const [first, second] = faults;
    expect(first?.afterMs).toBe(0);
    if (second === undefined) continue;
    expect(second.kind).not.toBe(first?.kind);
    expect(second.afterMs).toBeLessThan(first?.forMs ?? 0);
  }
});

test("rounds() draws only the kinds that it is given", () => {
  const kinds = take(100, 3, ["kill"]).flatMap(({ faults }) => faults.map(({ kind }) => kind));
  expect(new Set(kinds)).toEqual(new Set(["kill"]));
  expect(kinds).toHaveLength(100);
});
