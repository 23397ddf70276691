/** The job queue of the examples: its shelf alone, the whole under the simulator, and with the fault that its README plants. */
import { expect, test } from "vitest";
import jobQueue from "../../examples/job-queue/simulation.ts";
import type { LeaderMessage, ShelfCommand } from "../../examples/job-queue/messages.ts";
import { shelf, type Shelf } from "../../examples/job-queue/shelf.ts";
import { createMemoryJournal } from "../../library/index.ts";
import { formatSimulations } from "../../library/sim.ts";
import { createManualCluster, createProbe } from "../../library/testkit.ts";
import { findExample, readmeProblems, sweepExample } from "./simulated-example.ts";

/** A seed takes a third of a second, on a machine that does nothing else. */
const TIMEOUT_MS = 240_000;

test.each([
  [true, { fence: 9, version: 1, jobs: { a: "waiting" } }],
  [false, { fence: 7, version: 5, jobs: {} }],
])("shelf() that looks at fences (%s) has of two leaders' saves in the end %o", (looksAtFence, wanted) => {
  const cluster = createManualCluster(["n1"], { ports: (_, world) => ({ journal: createMemoryJournal(world) }) });
  try {
    const system = cluster.system("n1");
    const { ref: replyTo } = createProbe<LeaderMessage>(system, cluster.world);
    let now: Shelf | undefined;
    const to = system.spawn(shelf({ looksAtFence, onState: (state) => (now = state) }));
    const commands: readonly ShelfCommand[] = [
      { type: "load", fence: 7, replyTo },
      { type: "load", fence: 9, replyTo },
      { type: "save", fence: 9, version: 1, jobs: { a: "waiting" }, replyTo },
      { type: "save", fence: 7, version: 5, jobs: {}, replyTo },
    ];
    for (const command of commands) system.tell(to, command);
    cluster.world.advance(100);
    expect(now).toEqual(wanted);
  } finally {
    cluster.close();
  }
});

test(
  "every accepted job is done, whoever leads",
  async () => {
    const summary = await sweepExample({ ...jobQueue, sometimes: ["accepted", "done", "led again"] }, { count: 8 });
    expect(summary.ok, formatSimulations(summary)).toBe(true);
  },
  TIMEOUT_MS,
);

test(
  "a shelf that looks at no fence is found, the run made short, and it fails from its file; mended it is clean",
  async () => {
    const { invariant, events } = await findExample(jobQueue, "no-fence", { from: 1, runsMax: 120 });
    expect(["an accepted job is on the shelf", "what is done stays done"]).toContain(invariant);
    expect(events.length).toBeLessThan(40);
  },
  TIMEOUT_MS,
);

test(
  "the commands of the README do what it says",
  async () => {
    expect(await readmeProblems("job-queue")).toEqual([]);
  },
  TIMEOUT_MS,
);
