/** What an exploration of Raft must reach, or it has shown less than it seems to: by name, as predicates over a state. */
import { isJoint, type Configuration } from "../../../actors/raft/index.ts";
import type { Chronicle } from "./chronicle.ts";
import type { MemberState } from "./member-lives.ts";

export type RaftMark =
  | "a member leads"
  | "two members campaign in one term"
  | "a candidate was restarted after its vote"
  | "an entry is committed"
  | "a command is committed"
  | "everybody has applied a command"
  | "two majorities are needed"
  | "n1 votes alone"
  | "n2 has been added";

type Mark = (members: readonly MemberState[], chronicle: Chronicle) => boolean;

const leaders = (members: readonly MemberState[]): readonly MemberState[] =>
  members.filter(({ status }) => status.role === "leader");

/** Whether such a configuration is in force and known to be committed. */
const isCommittedSomewhere = (
  members: readonly MemberState[],
  isSuch: (configuration: Configuration) => boolean,
): boolean =>
  members.some(({ status: { configuration } }) => configuration.committed && isSuch(configuration.configuration));

export const RAFT_MARKS: Readonly<Record<RaftMark, Mark>> = {
  "a member leads": (members) => leaders(members).length > 0,
  "two members campaign in one term": (members) => {
    const terms = members.filter(({ status }) => status.role === "candidate").map(({ status }) => status.term);
    return new Set(terms).size < terms.length;
  },
  "a candidate was restarted after its vote": (members) =>
    members.some(({ status: { role, vote, self } }) => role === "follower" && vote === self),
  "an entry is committed": (_, { committed }) => committed.length > 1,
  "a command is committed": (_, { committed }) => committed.some(({ entry }) => entry.type === "command"),
  "everybody has applied a command": (members) =>
    members.every(({ log, status }) => log.some(({ type, index }) => type === "command" && index <= status.applied)),
  "two majorities are needed": (members) =>
    members.some(({ status: { configuration } }) => isJoint(configuration.configuration)),
  "n1 votes alone": (members) => isCommittedSomewhere(members, ({ voters }) => voters.join() === "n1"),
  "n2 has been added": (members) => isCommittedSomewhere(members, ({ voters }) => voters.join() === "n1,n2"),
};
