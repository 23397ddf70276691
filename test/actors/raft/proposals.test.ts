/** What may wait at the leader for a moment: it shares an append with what comes then, is never late, and follows the leadership. */
import { afterEach, expect, test } from "vitest";
import type { RaftProposeReply, TransferResult } from "../../../actors/raft/index.ts";
import { jsonCodec } from "../../../runtime/index.ts";
import { RaftNodes, type RaftNode } from "./raft-nodes.ts";

const NAMES = ["n1", "n2", "n3"];

let nodes: RaftNodes | undefined;
afterEach(() => nodes?.close());

function led(): { readonly made: RaftNodes; readonly leader: RaftNode; readonly followers: readonly RaftNode[] } {
  const made = new RaftNodes(NAMES);
  nodes = made;
  made.write(1, "first");
  made.settled();
  const leader = made.leader();
  for (const node of made.nodes.values()) node.events = [];
  return { made, leader, followers: made.followers() };
}

const proposePatiently = (made: RaftNodes, node: RaftNode, text: string): void =>
  made.tell(node, { type: "propose", payload: jsonCodec.encode(text), urgency: "vital", patient: true });

/** Texts by how they were handed to the machine of a node. */
const batches = ({ events }: RaftNode): readonly (readonly unknown[])[] =>
  events.flatMap((event) =>
    event.type === "committed" ? [event.entries.map(({ payload }) => jsonCodec.decode(payload))] : [],
  );

test("what is patient and comes from all nodes within milliseconds goes in one append", () => {
  const { made, leader, followers } = led();
  for (const node of [leader, ...followers]) {
    proposePatiently(made, node, node.name);
    made.advance(3);
  }
  made.settled();
  made.advance(200);
  for (const node of made.nodes.values()) {
    expect(batches(node)).toHaveLength(1);
    expect(batches(node)[0]?.toSorted()).toEqual(NAMES);
  }
});

test("what is patient waits 20 ms at most, where nothing else comes", () => {
  const { made, leader } = led();
  const { lastIndex = 0 } = leader.view?.status() ?? {};
  proposePatiently(made, leader, "alone");
  made.advance(19);
  expect(leader.view?.status().lastIndex).toBe(lastIndex);
  made.advance(1);
  expect(leader.view?.status().lastIndex).toBe(lastIndex + 1);
});

test("what is not patient waits for nothing, and takes along what is", () => {
  const { made, leader } = led();
  const { lastIndex = 0 } = leader.view?.status() ?? {};
  proposePatiently(made, leader, "patient");
  made.propose(leader, "other");
  expect(leader.view?.status().lastIndex).toBe(lastIndex + 2);
  made.settled();
  expect(leader.texts.slice(-2)).toEqual(["patient", "other"]);
});

test("who leads no longer holds nothing back: whoever proposed is told at once", () => {
  const { made, leader } = led();
  const payload = jsonCodec.encode("late");
  const told = made.ask<RaftProposeReply>(leader, (replyTo) => {
    return { type: "propose", payload, urgency: "vital", patient: true, replyTo };
  });
  const [next] = made.followers();
  made.ask<TransferResult>(leader, (replyTo) => ({ type: "transfer", to: next?.name ?? "", force: false, replyTo }));
  made.until("it follows", () => leader.view?.status().role === "follower", 19);
  expect(told).toMatchObject([{ type: "propose-refused", code: "no-leader" }]);
});
