import { expect, test } from "vitest";
import { KnownVoters } from "../../../actors/cluster/known-voters.ts";
import { createConfiguration, EMPTY_CONFIGURATION } from "../../../actors/raft/core/configuration.ts";

function among(...names: readonly string[]): (node: string) => boolean {
  return (node) => names.includes(node);
}

test("isMajority() counts the nodes of the start until a configuration is in force", () => {
  const voters = new KnownVoters(["n1", "n2", "n3"]);
  voters.follow(EMPTY_CONFIGURATION);
  expect([voters.isMajority(among("n1", "n2")), voters.isMajority(among("n1"))]).toEqual([true, false]);
});

test("isMajority() follows a cluster that grows and shrinks", () => {
  const voters = new KnownVoters(["n1", "n2", "n3"]);
  voters.follow(createConfiguration(["n1@a", "n2@a", "n3@a", "n4@a", "n5@a"]));
  expect([voters.isMajority(among("n1", "n2")), voters.isMajority(among("n1", "n4", "n5"))]).toEqual([false, true]);
  voters.follow(createConfiguration(["n4@a"]));
  expect([voters.names, voters.isMajority(among("n4"))]).toEqual([["n4"], true]);
});

test("isMajority() takes a majority of either half while a change is under way", () => {
  const voters = new KnownVoters(["n1"]);
  const joint = { ...createConfiguration(["n1@a", "n2@a", "n4@a"]), votersOutgoing: ["n1@a", "n2@a", "n3@a"] };
  voters.follow({ ...joint, autoLeave: true });
  expect(voters.names).toEqual(["n1", "n2", "n3", "n4"]);
  expect([voters.isMajority(among("n1", "n3")), voters.isMajority(among("n1", "n2"))]).toEqual([false, true]);
});

test("a node with two members counts as one", () => {
  const voters = new KnownVoters([]);
  voters.follow(createConfiguration(["n1@a", "n2@a", "n2@b", "n3@a"]));
  expect([voters.names, voters.isMajority(among("n1", "n2"))]).toEqual([["n1", "n2", "n3"], true]);
});
