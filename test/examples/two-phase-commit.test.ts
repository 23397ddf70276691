/** Two-phase commit of the examples: its protocol in virtual time, under the simulator, and with the fault that its README plants. */
import { expect, test } from "vitest";
import twoPhaseCommit from "../../examples/two-phase-commit/simulation.ts";
import type { CoordinatorMessage, Told } from "../../examples/two-phase-commit/messages.ts";
import type { Participant } from "../../examples/two-phase-commit/participant.ts";
import { startNode } from "../../examples/two-phase-commit/two-phase-commit.ts";
import { createMemoryJournal } from "../../library/index.ts";
import { formatSimulations } from "../../library/sim.ts";
import { createManualCluster, createProbe, type Probe } from "../../library/testkit.ts";
import { findExample, readmeProblems, sweepExample } from "./simulated-example.ts";

/** A seed takes a tenth of a second, on a machine that does nothing else. */
const TIMEOUT_MS = 240_000;

const NODES = ["n1", "n2", "n3"];

interface Opened extends Disposable {
  readonly cluster: ReturnType<typeof createManualCluster>;
  readonly participants: ReadonlyMap<string, Participant>;
  readonly client: Probe<Told>;
  begin(id: string, key: string, participants: readonly string[]): void;
}

/** All three nodes; transactions begin at n1. */
function open(): Opened {
  const cluster = createManualCluster(NODES, { ports: (_, world) => ({ journal: createMemoryJournal(world) }) });
  const participants = new Map<string, Participant>();
  for (const node of NODES) {
    startNode(cluster.system(node), { onParticipant: (name, state) => void participants.set(name, state) });
  }
  cluster.world.settle();
  const system = cluster.system("n1");
  const client = createProbe<Told>(system, cluster.world);
  return {
    cluster,
    participants,
    client,
    begin: (id, key, names) => {
      const to = system.refAt<CoordinatorMessage>({ node: "n1", path: "coordinator" });
      system.tell(to, { type: "begin", transaction: { id, key, participants: names }, replyTo: client.ref });
    },
    [Symbol.dispose]: () => cluster.close(),
  };
}

test("a transaction that all vote for is written by all, and by nobody else", () => {
  using opened = open();
  opened.begin("t1", "x", ["n2", "n3"]);
  opened.cluster.world.advance(100);
  expect(opened.client.receiveN(1)).toEqual([{ id: "t1", decision: "commit" }]);
  expect(NODES.map((node) => opened.participants.get(node)?.values)).toEqual([{}, { x: "t1" }, { x: "t1" }]);
});

test("a participant that cannot be reached aborts it, and learns so once it can", () => {
  using opened = open();
  const { cluster, client, participants } = opened;
  opened.begin("t1", "x", ["n2", "n3"]);
  cluster.cut("n1", "n3");
  cluster.world.advance(1100);
  expect(client.receiveN(1)).toEqual([{ id: "t1", decision: "abort" }]);
  expect(participants.get("n2")?.ended).toEqual({ t1: "abort" });
  cluster.heal("n1", "n3");
  opened.begin("t2", "x", ["n2", "n3"]);
  cluster.world.advance(1100);
  expect(client.receiveN(1)).toEqual([{ id: "t2", decision: "commit" }]);
  expect(participants.get("n3")?.values).toEqual({ x: "t2" });
});

test("two transactions of one key: the second is aborted while the first is in doubt", () => {
  using opened = open();
  opened.begin("t1", "x", ["n2", "n3"]);
  opened.begin("t2", "x", ["n2"]);
  opened.cluster.world.advance(100);
  const told = opened.client.receiveN(2).map(({ id, decision }) => `${id} ${decision}`);
  expect(told.toSorted()).toEqual(["t1 commit", "t2 abort"]);
});

test(
  "a transaction is done by all or by none under partitions, crashes and slow disks",
  async () => {
    const summary = await sweepExample(twoPhaseCommit, { count: 25 });
    expect(summary.ok, formatSimulations(summary)).toBe(true);
  },
  TIMEOUT_MS,
);

test(
  "a commit that is told before it is written is found, made short, and fails from its file; mended it is clean",
  async () => {
    const { invariant, events } = await findExample(twoPhaseCommit, "tells-first", { from: 105, runsMax: 120 });
    expect(["all or nothing", "what a client was told is so"]).toContain(invariant);
    expect(events.length).toBeLessThan(15);
  },
  TIMEOUT_MS,
);

test(
  "the commands of the README do what it says",
  async () => {
    expect(await readmeProblems("two-phase-commit")).toEqual([]);
  },
  TIMEOUT_MS,
);
