/**
 * Small clusters of real cores, explored whole. The numbers of states stand here so that a change of what members do is seen: when one is meant, run
 * `blixard sim --explore NAME` and put the new number in; when none is, something tells states apart, or no longer does.
 */
import { expect, test } from "vitest";
import { explore, RAFT_SETUPS, RaftModel } from "../../../sim/index.ts";

type Setup = (typeof RAFT_SETUPS)[number];

function setupOf(name: string): Setup {
  return RAFT_SETUPS.find((setup) => setup.name === name) as Setup;
}

const EXPLORED: readonly (readonly [name: string, states: number, depth: number])[] = [
  ["two-elect", 1805, 20],
  ["two-crash", 8210, 22],
  ["two-propose", 24_826, 28],
  ["two-remove", 8389, 27],
  ["two-add", 56_168, 29],
  ["three-elect", 19_057, 16],
  ["three-elect-crash", 77_161, 18],
  ["three-propose", 8914, 26],
];

test.each(EXPLORED)(
  "explore() looks at every state of %s: %i, up to %i steps deep",
  (name, states, depth) => {
    const model = new RaftModel(setupOf(name));
    const result = explore(model);
    expect(result.failure).toBeUndefined();
    expect(result).toMatchObject({ ok: true, end: "complete", states, depth });
    // What is taken for one state of a member answers alike.
    const { checked, fault } = model.lives.faultyMerge(300);
    expect(fault).toBeNull();
    expect(checked).toBeGreaterThan(300);
  },
  120_000,
);

test("every setup is explored by a test", () => {
  expect(RAFT_SETUPS.map(({ name }) => name).toSorted()).toEqual(EXPLORED.map(([name]) => name).toSorted());
});

test("a vote that is not written with its term (fault 5) elects two leaders of one term, in 13 steps", () => {
  const twoCandidates: Setup = { ...setupOf("three-elect-crash"), impatient: [0, 1], rules: ["election-safety"] };
  const { failure } = explore(new RaftModel({ ...twoCandidates, planted: [5] }));
  expect(failure?.message).toBe("Term 2 has two leaders, n1 and n2");
  const steps = failure?.steps.map(({ text }) => text) ?? [];
  expect(steps).toHaveLength(13);
  expect(steps.filter((step) => step.includes("crashes and starts again"))).toHaveLength(1);
  expect(steps.at(-1)).toContain("n2 gets from n1: vote-response of term 2: yes; it is leader in term 2");
  expect(explore(new RaftModel(twoCandidates))).toMatchObject({ ok: true, end: "complete" });
}, 120_000);

test("a vote that is not written is seen as soon as it counts, by the rule about disks", () => {
  const { failure } = explore(new RaftModel({ ...setupOf("three-elect"), planted: [5] }));
  expect([failure?.rule, failure?.steps.length]).toEqual(["elected-by-quorum", 6]);
});

test.each([
  [7, "what counts is the match at the quorum's place of an unsorted list", 7],
  [19, "a leader's own log counts before it is durable", 9],
])("fault %i is found: %s", (fault, _, steps) => {
  const { failure } = explore(new RaftModel({ ...setupOf("two-propose"), planted: [fault] }));
  expect([failure?.rule, failure?.steps.length]).toEqual(["committed-on-quorum", steps]);
});
