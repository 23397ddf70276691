/** What a member remembers of hand-overs that were in vain, whoever leads meanwhile. */
import { expect, test } from "vitest";
import { DEFAULT_RAFT_TIMING } from "../../../../actors/raft/core/raft-options.ts";
import { HandOvers } from "../../../../actors/raft/core/hand-overs.ts";
import { RaftCluster } from "../raft-cluster.ts";

const PAUSE_MS = 60_000;

test("HandOvers holds a member for in vain until it leads, longer each time", () => {
  const handOvers = new HandOvers(DEFAULT_RAFT_TIMING);
  handOvers.begun("b", 0);
  expect([handOvers.isInVain("b", PAUSE_MS - 1), handOvers.isInVain("b", PAUSE_MS)]).toEqual([true, false]);
  expect(handOvers.isInVain("c", 0)).toBe(false);
  handOvers.begun("b", PAUSE_MS);
  expect(handOvers.isInVain("b", PAUSE_MS + 2 * PAUSE_MS - 1)).toBe(true);
  handOvers.led("b");
  expect(handOvers.isInVain("b", PAUSE_MS)).toBe(false);
});

test("a preferred member that only the leader hears is asked to lead once, not again and again", () => {
  const cluster = new RaftCluster(["a", "b", "c", "d", "e"], {
    preferences: (name) => ({ priority: name === "b" ? 5 : 0 }),
  });
  for (const other of ["c", "d", "e"]) {
    cluster.cut("b", other);
    cluster.cut(other, "b");
  }
  cluster.timeout("a");
  cluster.deliver();
  cluster.run(50_000);
  // Its own election, the one that b loses, and the next one.
  expect(cluster.core(cluster.leader() ?? "").status().term).toBeLessThanOrEqual(4);
});
