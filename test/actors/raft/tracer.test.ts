/** The trace of a Raft actor: JSON, in order, and enough to follow each log and to check the rules of the specification. */
import { afterEach, expect, test } from "vitest";
import type { TraceEntry, TraceEvent } from "../../../actors/raft/index.ts";
import { RaftNodes, type RaftNode } from "./raft-nodes.ts";

const NAMES = ["n1", "n2", "n3"];

let nodes: RaftNodes;

afterEach(() => nodes.close());

/** Elections, a leader that goes, a follower that catches up with a snapshot, a change of members. */
function eventfulRun(): readonly TraceEvent[] {
  const events: TraceEvent[] = [];
  nodes = new RaftNodes(NAMES, {
    snapshotting: { everyEntries: 20 },
    limits: { trailingEntries: 5 },
    onTrace: (event) => void events.push(JSON.parse(JSON.stringify(event)) as TraceEvent),
  });
  nodes.write(5);
  nodes.crash(nodes.leader().name);
  nodes.write(30, "u");
  const down = NAMES.find((name) => nodes.node(name).raft === null) ?? "";
  nodes.restart(down);
  nodes.settled();
  const [away] = nodes.followers() as [RaftNode];
  nodes.tell(nodes.leader(), {
    type: "change-membership",
    change: { type: "demote", member: away.name },
    replyTo: nodes.network.system("n1").refAt({ node: "n1", path: "nobody" }),
  });
  nodes.advance(1000);
  nodes.settled();
  return events;
}

/** The log of a member as the trace tells it, by index. */
class FollowedLog {
  readonly entries = new Map<number, TraceEntry>();

  follow({ action, appended = [], base, last }: TraceEvent): void {
    if (action === "Restart") this.entries.clear();
    const [first] = appended;
    for (const index of this.entries.keys()) {
      if (index <= base || (first !== undefined && index >= first.index)) this.entries.delete(index);
    }
    for (const entry of appended) this.entries.set(entry.index, entry);
    const lastIndex = Math.max(base, ...this.entries.keys());
    expect(lastIndex).toBe(last.index);
    expect(this.entries.get(last.index)?.term ?? last.term).toBe(last.term);
  }
}

test("a trace tells what each log holds after each action", () => {
  const logs = new Map<string, FollowedLog>();
  for (const event of eventfulRun()) {
    const log = logs.get(event.member) ?? new FollowedLog();
    logs.set(event.member, log);
    log.follow(event);
  }
  for (const name of NAMES) {
    const { log, view } = nodes.node(name);
    const followed = logs.get(log.durable.identity?.member ?? "");
    const { base = 0, lastIndex = 0 } = view?.status() ?? {};
    expect(followed?.entries.size).toBe(lastIndex - base);
    for (const { index, term } of followed?.entries.values() ?? []) expect(view?.termAt(index)).toBe(term);
  }
});

test("a trace shows the rules of Raft kept: one leader a term, one vote a term, commits of the own term, answers to what was sent", () => {
  const events = eventfulRun();
  const leaders = new Map<number, string>();
  const before = new Map<string, TraceEvent>();
  const sent = new Set<string>();
  for (const event of events) {
    const { member, action, term, vote, commit, role, received } = event;
    const last = before.get(member);
    before.set(member, event);
    if (event.sent !== undefined) sent.add(JSON.stringify(event.sent));
    if (received !== undefined && action !== "DropMessage") expect(sent).toContain(JSON.stringify(received));
    if (action === "BecomeLeader") {
      expect(leaders.get(term) ?? member).toBe(member);
      leaders.set(term, member);
      expect(role).toBe("leader");
      expect(vote).toBe(member);
    }
    if (last === undefined || action === "Restart") continue;
    expect(event.number).toBe(last.number + 1);
    expect(term).toBeGreaterThanOrEqual(last.term);
    if (term === last.term && last.vote !== null) expect(vote).toBe(last.vote);
    expect(commit).toBeGreaterThanOrEqual(last.commit);
  }
  const actions = new Set(events.map(({ action }) => action));
  for (const action of [
    ...(["Restart", "Timeout", "RequestVote", "HandleRequestVoteRequest", "HandleRequestVoteResponse"] as const),
    ...(["BecomeLeader", "ClientRequest", "AppendEntries", "HandleAppendEntriesRequest"] as const),
    ...(["HandleAppendEntriesResponse", "AdvanceCommitIndex", "ChangeConfiguration", "InstallSnapshot"] as const),
  ]) {
    expect(actions).toContain(action);
  }
});

test("a message that is refused before the core sees it is in the trace as dropped", () => {
  const events: TraceEvent[] = [];
  nodes = new RaftNodes(["n1"], { onTrace: (event) => void events.push(event) });
  nodes.write(1);
  const { cluster, member } = nodes.node("n1").log.durable.identity ?? { cluster: "", member: "" };
  const message = { type: "heartbeat", term: 1, commit: 0, round: 0 } as const;
  nodes.tell(nodes.node("n1"), { type: "peer", cluster: "other", from: "n2@x", to: member, message });
  expect(events.at(-1)).toMatchObject({ action: "DropMessage", cluster, received: { from: "n2@x", message } });
});
