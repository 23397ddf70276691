/**
 * Planted faults that no random run can be expected to show, each with the steps that do, and the same steps without it. The others
 * are found by the simulator (`test/sim/faults/raft-plants.test.ts`); why these are not stands in docs/seeds-to-find.md.
 */
import { expect, test } from "vitest";
import { RaftInvariantError } from "../../../actors/raft/core/invariant.ts";
import { brokenRules } from "../../../actors/raft/core/planted-faults.ts";
import { RAFT_RULES, type RaftRules } from "../../../actors/raft/core/raft-rules.ts";
import { RaftCluster } from "./raft-cluster.ts";

/** `a` leads term 1 and commits "x" with `c`; `b` is told by somebody else, who claims that term too, that "y" is there. */
function followTwo(rules: RaftRules): RaftCluster {
  const made = new RaftCluster(["a", "b", "c"], { rules });
  made.timeout("a");
  made.deliver();
  made.propose("a", "x");
  made.deliver(({ from, to }) => from !== "b" && to !== "b");
  expect(made.appliedTexts("a")).toEqual(["x"]);
  const entry = { index: 2, term: 1, type: "command", payload: new TextEncoder().encode("y") } as const;
  const position = { previousIndex: 1, previousTerm: 1, sequence: 1 };
  made.inject("c", "b", { type: "append", term: 1, ...position, entries: [entry], commit: 2 });
  return made;
}

test("fault 17: two leaders in a term tolerated silently", () => {
  expect(() => followTwo(brokenRules([17]))).toThrow("State-machine safety");
  // The member stops before it has believed either.
  expect(() => followTwo(RAFT_RULES)).toThrow(RaftInvariantError);
});

/**
 * `d` becomes a voter while `c` is cut off, and is the only one to have the last entry of `a`, which is gone. Of four it needs
 * `b` and `c`, who has never heard of it.
 */
function electStranger(rules: RaftRules): RaftCluster {
  const made = new RaftCluster(["a", "b", "c"], { spares: ["d"], rules });
  made.timeout("a");
  made.deliver();
  made.partition(["a", "b", "d"], ["c"]);
  for (const type of ["add-learner", "promote"] as const) {
    expect(made.change("a", [{ type, member: "d" }]).ok).toBe(true);
    made.deliver();
  }
  made.propose("a", "x");
  made.deliver(({ from, to }) => (from === "a" && to === "d") || (from === "d" && to === "a"));
  made.drop(() => true);
  made.crash("a");
  made.heal();
  expect(made.core("c").status().voters).toEqual(["a", "b", "c"]);
  made.run(20_000);
  return made;
}

test("fault 34: no vote for a candidate outside the own configuration", () => {
  const stuck = electStranger(brokenRules([34]));
  expect(stuck.leader()).toBeUndefined();
  const made = electStranger(RAFT_RULES);
  expect(made.leader()).toBe("d");
  // And safe: what it leads to is what all agree on.
  made.restart("a");
  made.run(3000);
  for (const name of ["a", "b", "c", "d"]) expect(made.appliedTexts(name)).toEqual(["x"]);
});

/** `b` has the longest log and is in term 1; `a`, without which it cannot be elected, is in term 9. `b` polls so many times. */
function pollBehind(rules: RaftRules, polls: number): RaftCluster {
  const made = new RaftCluster(["a", "b", "c"], { rules });
  made.restartWith("a", [1, 1], 9);
  made.restartWith("b", [1, 1, 1], 1);
  made.restartWith("c", [1], 1);
  made.crash("c");
  for (let poll = 0; poll < polls; poll++) {
    made.timeout("b");
    made.deliver();
  }
  return made;
}

test("fault 37: the deadlock of pre-vote", () => {
  const stuck = pollBehind(brokenRules([37]), 20);
  expect([stuck.leader(), stuck.core("b").status().term]).toEqual([undefined, 1]);
  // It ends all the same when `a` polls in vain: it asks for the better log, and tells the later term with that.
  stuck.run(20_000);
  expect(stuck.leader()).toBeDefined();
  const made = pollBehind(RAFT_RULES, 2);
  expect([made.leader(), made.core("b").status().term]).toEqual(["b", 10]);
});
