/**
 * The clusters that are explored whole: small enough for that, large enough that most faults of Raft have room in them. Bounds are what makes
 * them small: raise one, and the states are ten times as many.
 */
import type { RaftSetup } from "./setup.ts";

const ELECTIONS = ["pre-vote-request", "pre-vote-response", "vote-request", "vote-response", "newer-term"] as const;

export const RAFT_SETUPS: readonly RaftSetup[] = [
  {
    name: "two-elect",
    summary: "two members elect a leader, which brings its log to the other",
    voters: 2,
    termMax: 2,
    appendsMax: 2,
    reaches: ["a member leads", "two members campaign in one term", "an entry is committed"],
  },
  {
    name: "two-crash",
    summary: "as two-elect, and a process ends at any moment",
    voters: 2,
    termMax: 2,
    appendsMax: 2,
    crashesMax: 1,
    reaches: ["a member leads", "a candidate was restarted after its vote", "an entry is committed"],
  },
  {
    name: "two-propose",
    summary: "two members, one leader, a command",
    voters: 2,
    termMax: 2,
    impatient: [0],
    appendsMax: 3,
    proposalsMax: 1,
    reaches: ["a command is committed", "everybody has applied a command"],
  },
  {
    name: "three-elect",
    summary: "three members elect a leader; what it says then is lost",
    voters: 3,
    termMax: 2,
    appendsMax: 2,
    carries: ELECTIONS,
    reaches: ["a member leads", "two members campaign in one term"],
  },
  {
    name: "three-elect-crash",
    summary: "as three-elect, and a process ends at any moment",
    voters: 3,
    termMax: 2,
    appendsMax: 2,
    carries: ELECTIONS,
    crashesMax: 1,
    reaches: ["a member leads", "two members campaign in one term", "a candidate was restarted after its vote"],
  },
  {
    name: "three-propose",
    summary: "three members, one leader, a command; any message may be lost, late and doubled",
    voters: 3,
    termMax: 2,
    impatient: [0],
    pollsAgain: false,
    leaderBeats: false,
    appendsMax: 4,
    proposalsMax: 1,
    reaches: ["a command is committed", "everybody has applied a command"],
  },
  {
    name: "two-remove",
    summary: "two members, of which one is removed",
    voters: 2,
    termMax: 2,
    impatient: [0],
    appendsMax: 4,
    changes: [{ type: "remove", member: "n2" }],
    reaches: ["two majorities are needed", "n1 votes alone"],
  },
  {
    name: "two-add",
    summary: "one member is joined by another, which becomes a voter",
    voters: 1,
    joining: 1,
    termMax: 2,
    impatient: [0],
    appendsMax: 5,
    changes: [
      { type: "add-learner", member: "n2" },
      { type: "promote", member: "n2" },
    ],
    reaches: ["two majorities are needed", "n2 has been added"],
  },
];
