/** What leaves for the other members, and when: a notice of a commit waits for something that says the same. */
import { expect, test } from "vitest";
import type { RaftMessage } from "../../../actors/raft/core/messages.ts";
import { Peers } from "../../../actors/raft/peers.ts";
import type { RaftActorMessage } from "../../../actors/raft/raft-actor-protocol.ts";
import { ActorSystem, stateless, type Behavior } from "../../../runtime/index.ts";
import { createManualWorld, type ManualWorld } from "../../../runtime/testkit/index.ts";

interface Subject {
  readonly world: ManualWorld;
  /** What the peer was told. */
  readonly said: RaftMessage[];
  tell(message: RaftMessage): void;
  [Symbol.dispose](): void;
}

/** An actor whose peer, of a name that is its own node's, keeps what it is told. */
function open(): Subject {
  const world = createManualWorld();
  const system = ActorSystem.create({ node: "n2", world });
  const said: RaftMessage[] = [];
  const peer = stateless<RaftActorMessage>("peer", (message) => {
    if (message.type === "peer") said.push(message.message);
  });
  const { path } = system.spawn(peer);
  const behavior: Behavior<Peers, RaftActorMessage> = {
    name: "raft",
    init: (ctx) => new Peers(ctx, path),
    receive: (peers, message) => {
      if (message.type === "resume") message.run();
      else peers.tell("n2@1", message);
      return peers;
    },
  };
  const raft = system.spawn(behavior);
  return {
    world,
    said,
    tell: (message) => {
      system.tell(raft, { type: "peer", cluster: "c", from: "n1@1", to: "n2@1", message });
      world.settle();
    },
    [Symbol.dispose]: () => system.stop(),
  };
}

const notice = (commit: number): RaftMessage => ({ type: "commit", term: 1, commit });
const heartbeat: RaftMessage = { type: "heartbeat", term: 1, commit: 8, round: 0 };

test("Peers.tell() lets a notice of a commit wait, and sends the newest when nothing else went", () => {
  using subject = open();
  for (const commit of [6, 7]) subject.tell(notice(commit));
  expect(subject.said).toEqual([]);
  subject.world.advance(2);
  expect(subject.said).toEqual([notice(7)]);
  subject.world.advance(100);
  expect(subject.said).toHaveLength(1);
});

test("Peers.tell() drops a notice that waits when a heartbeat or an append says the same", () => {
  using subject = open();
  subject.tell(notice(8));
  subject.tell(heartbeat);
  subject.world.advance(100);
  expect(subject.said).toEqual([heartbeat]);
  subject.tell(notice(9));
  subject.tell({ type: "newer-term", term: 2 });
  expect(subject.said.at(-1)).toEqual({ type: "newer-term", term: 2 });
  subject.world.advance(2);
  expect(subject.said.at(-1)).toEqual(notice(9));
});
