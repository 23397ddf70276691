/** The bank of the examples: its sagas in virtual time, under the simulator, and with the bug that its README plants. */
import { expect, test } from "vitest";
import { account, type AccountCommand, type Booked } from "../../examples/bank/account.ts";
import bank from "../../examples/bank/simulation.ts";
import { startBank } from "../../examples/bank/bank.ts";
import type { Transfers } from "../../examples/bank/transfers.ts";
import { createMemoryJournal } from "../../library/index.ts";
import { formatSimulations } from "../../library/sim.ts";
import { createManualCluster, createProbe } from "../../library/testkit.ts";
import { findExample, readmeProblems, sweepExample } from "./simulated-example.ts";

/** A seed takes a tenth of a second. */
const TIMEOUT_MS = 240_000;

test("account() books a key once and answers as before when it is asked again", () => {
  using cluster = openCluster(["n1"]);
  const system = cluster.system("n1");
  const probe = createProbe<Booked>(system, cluster.world);
  const ada = system.spawn(account({ name: "ada", openingCents: 100 }));
  const book = (transfer: string, cents: number): AccountCommand => {
    return { type: "book", transfer, kind: "withdraw", cents, replyTo: probe.ref };
  };
  for (const command of [book("t1", 70), book("t2", 70), book("t1", 70), book("t3", 30)]) system.tell(ada, command);
  const outcomes = probe.receiveN(4).map(({ transfer, outcome }) => `${transfer} ${outcome}`);
  expect(outcomes).toEqual(["t1 booked", "t2 too-little", "t1 booked", "t3 booked"]);
});

test("a transfer between two nodes goes on after the link is back", () => {
  using cluster = openCluster(["n1", "n2"]);
  let steps: Transfers = {};
  const nodes = ["n1", "n2"].map((node) => {
    return startBank(cluster.system(node), {
      nodes: ["n1", "n2"],
      onTransfers: (name, state) => {
        if (name === "n1") steps = state;
      },
    });
  });
  cluster.world.settle();
  cluster.cut("n1", "n2");
  const [transfers] = nodes;
  if (transfers === undefined) throw new Error("n1 has no transfers");
  cluster.system("n1").tell(transfers, { type: "transfer", id: "t1", from: "ada", to: "bob", cents: 5 });
  cluster.world.advance(5000);
  expect(steps["t1"]?.step).toBe("deposit");
  cluster.heal("n1", "n2");
  cluster.world.advance(1000);
  expect(steps["t1"]?.step).toBe("done");
});

test(
  "the bank loses no money under partitions, crashes and slow disks, and its sagas end in every way",
  async () => {
    const summary = await sweepExample(bank, { count: 25 });
    expect(summary.ok, formatSimulations(summary)).toBe(true);
    expect(Object.keys(summary.faults).length).toBeGreaterThan(8);
  },
  TIMEOUT_MS,
);

test(
  "a retry without a look at the key is found, made short, and fails from its file; mended it is clean",
  async () => {
    const { invariant, events } = await findExample(bank, "books-twice", { from: 1, runsMax: 120 });
    expect(invariant).toBe("no transfer is booked twice");
    expect(events.length).toBeLessThan(5);
  },
  TIMEOUT_MS,
);

test(
  "the commands of the README do what it says",
  async () => {
    expect(await readmeProblems("bank")).toEqual([]);
  },
  TIMEOUT_MS,
);

function openCluster(nodes: readonly string[]): ReturnType<typeof createManualCluster> & Disposable {
  const cluster = createManualCluster(nodes, { ports: (_, world) => ({ journal: createMemoryJournal(world) }) });
  return Object.assign(cluster, { [Symbol.dispose]: () => cluster.close() });
}
