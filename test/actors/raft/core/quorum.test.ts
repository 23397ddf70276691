/** Majorities against a slow reference that looks at every subset's meaning directly. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createConfiguration } from "../../../../actors/index.ts";
import { majoritySize, quorumValue, voteResult } from "../../../../actors/raft/core/quorum.ts";

const names = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e", "f", "g"), { minLength: 1, maxLength: 7 });
const matches = fc.record(Object.fromEntries([..."abcdefg"].map((name) => [name, fc.nat({ max: 9 })])));

/** The highest number such that more than half of the voters have at least it, by trying every number. */
function slowQuorumValue(voters: readonly string[], valueOf: Readonly<Record<string, number>>): number {
  let best = -1;
  for (let candidate = 0; candidate <= 9; candidate++) {
    let holders = 0;
    for (const voter of voters) if ((valueOf[voter] ?? 0) >= candidate) holders += 1;
    if (holders > voters.length - holders) best = candidate;
  }
  return best;
}

test("quorumValue() is what more than half have reached, in whatever order they are listed (fault 7)", () => {
  fc.assert(
    fc.property(names, matches, (voters, valueOf) => {
      const value = quorumValue(createConfiguration(voters), (voter) => valueOf[voter] ?? 0);
      expect(value).toBe(slowQuorumValue(voters, valueOf));
    }),
  );
});

test("two quorums of one configuration always share a voter", () => {
  fc.assert(
    fc.property(names, (voters) => {
      expect(2 * majoritySize(createConfiguration(voters))).toBeGreaterThan(voters.length);
    }),
  );
});

test("voteResult() is won with a quorum, lost when a quorum has become impossible, else pending", () => {
  fc.assert(
    fc.property(names, fc.array(fc.tuple(fc.constantFrom(..."abcdefg"), fc.boolean())), (voters, list) => {
      const votes = new Map(list);
      const granted = voters.filter((voter) => votes.get(voter) === true).length;
      const open = voters.filter((voter) => !votes.has(voter)).length;
      const wanted = Math.floor(voters.length / 2) + 1;
      const expected = granted >= wanted ? "won" : granted + open < wanted ? "lost" : "pending";
      expect(voteResult(createConfiguration(voters), votes)).toBe(expected);
    }),
  );
});

test("quorumValue() does not count who is no voter (fault 8)", () => {
  const configuration = createConfiguration(["a", "b", "c"]);
  const match: Record<string, number> = { a: 5, b: 1, c: 1, learner: 9, former: 9 };
  expect(quorumValue(configuration, (voter) => match[voter] ?? 0)).toBe(1);
  expect(
    voteResult(
      configuration,
      new Map([
        ["a", true],
        ["learner", true],
        ["former", true],
      ]),
    ),
  ).toBe("pending");
});

test("createConfiguration() refuses nobody and doubles", () => {
  expect(() => createConfiguration([])).toThrow("no voters");
  expect(() => createConfiguration(["a", "b", "a"])).toThrow('voter "a" is named twice');
});
