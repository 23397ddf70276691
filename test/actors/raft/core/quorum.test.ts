/** Quorums, simple and joint, against a slow reference that looks at every set of members there is. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  createConfiguration,
  EMPTY_CONFIGURATION,
  type Configuration,
} from "../../../../actors/raft/core/configuration.ts";
import { majoritySize, quorumValue, voteResult } from "../../../../actors/raft/core/quorum.ts";

const NAMES = [..."abcdefg"];

const half = fc.subarray(NAMES, { maxLength: 7 });
/** Also with an empty half, and with nobody at all. */
const configurations: fc.Arbitrary<Configuration> = fc
  .tuple(half, fc.oneof(fc.constant([]), half))
  .map(([voters, votersOutgoing]) => ({ ...EMPTY_CONFIGURATION, voters, votersOutgoing }));
const values = fc.record(Object.fromEntries(NAMES.map((name) => [name, fc.nat({ max: 9 })])));
const votes = fc.array(fc.tuple(fc.constantFrom(...NAMES), fc.boolean())).map((list) => new Map(list));

const SETS: readonly (readonly string[])[] = Array.from({ length: 2 ** NAMES.length }, (_, bits) =>
  NAMES.filter((_name, at) => (bits & (1 << at)) !== 0),
);

/** More than half of each half; an empty half asks for nobody. */
function isQuorum({ voters, votersOutgoing }: Configuration, members: readonly string[]): boolean {
  return [voters, votersOutgoing].every(
    (list) => list.length === 0 || 2 * list.filter((voter) => members.includes(voter)).length > list.length,
  );
}

test("quorumValue() is the highest number that all of some quorum have reached (fault 7)", () => {
  fc.assert(
    fc.property(configurations, values, (configuration, valueOf) => {
      const quorums = SETS.filter((set) => isQuorum(configuration, set));
      const reached = Math.max(...quorums.map((set) => Math.min(...set.map((name) => valueOf[name] ?? 0))));
      expect(quorumValue(configuration, (voter) => valueOf[voter] ?? 0)).toBe(reached);
    }),
    { numRuns: 500 },
  );
});

test("quorumValue() does not depend on the order in which voters are listed (fault 7)", () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(NAMES, { minLength: 1 }), values, (voters, valueOf) => {
      const value = (list: readonly string[]): number =>
        quorumValue({ ...EMPTY_CONFIGURATION, voters: list }, (voter) => valueOf[voter] ?? 0);
      expect(value(voters)).toBe(value(voters.toSorted()));
    }),
  );
});

test("voteResult() is won when a quorum has granted, lost when none can any more, else pending", () => {
  fc.assert(
    fc.property(configurations, votes, (configuration, cast) => {
      const granted = NAMES.filter((name) => cast.get(name) === true);
      const notRefused = NAMES.filter((name) => cast.get(name) !== false);
      const expected = isQuorum(configuration, granted)
        ? "won"
        : isQuorum(configuration, notRefused)
          ? "pending"
          : "lost";
      expect(voteResult(configuration, cast)).toBe(expected);
    }),
    { numRuns: 500 },
  );
});

test("two quorums of one configuration always share a voter, and a joint one shares one with both halves", () => {
  fc.assert(
    fc.property(
      fc.subarray(NAMES, { minLength: 1 }),
      fc.subarray(NAMES, { minLength: 1 }),
      fc.subarray(NAMES),
      fc.subarray(NAMES),
      (voters, votersOutgoing, one, other) => {
        const joint = { ...EMPTY_CONFIGURATION, voters, votersOutgoing };
        if (!isQuorum(joint, one)) return;
        for (const list of [voters, votersOutgoing]) {
          if (isQuorum(createConfiguration(list), other))
            expect(one.filter((name) => other.includes(name))).not.toEqual([]);
        }
        expect(2 * majoritySize(voters)).toBeGreaterThan(voters.length);
      },
    ),
  );
});

test("quorumValue() does not count who is no voter (fault 8)", () => {
  const configuration = { ...createConfiguration(["a", "b", "c"]), learners: ["learner"] };
  const match: Record<string, number> = { a: 5, b: 1, c: 1, learner: 9, former: 9 };
  expect(quorumValue(configuration, (voter) => match[voter] ?? 0)).toBe(1);
  const cast = new Map(["a", "learner", "former"].map((name) => [name, true]));
  expect(voteResult(configuration, cast)).toBe("pending");
});

test("an empty half agrees to everything, as in etcd-io/raft", () => {
  expect(quorumValue(EMPTY_CONFIGURATION, () => 0)).toBe(Infinity);
  expect(voteResult(EMPTY_CONFIGURATION, new Map())).toBe("won");
  const simple = createConfiguration(["a"]);
  expect(quorumValue(simple, () => 3)).toBe(3);
  expect(voteResult(simple, new Map([["a", false]]))).toBe("lost");
});
