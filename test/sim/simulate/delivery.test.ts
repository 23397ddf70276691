/** Reliable delivery, groups and topics in the simulator: partitions, crashes, pauses, power losses, drawn from the seed. */
import { expect, test } from "vitest";
import { formatSimulation, simulate } from "../../../sim/index.ts";
import { deliveryRun } from "./delivery-actors.ts";

const SEEDS = 30;

test("reliable messages are never lost nor delivered twice, groups converge, news keep a publisher's order", async () => {
  const reached = new Map<string, number>();
  let accepted = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const run = deliveryRun();
    const result = await simulate({ ...run.options, seed });
    expect(result.ok, formatSimulation(result)).toBe(true);
    for (const [name, count] of Object.entries(result.marks)) reached.set(name, (reached.get(name) ?? 0) + count);
    accepted += run.accepted.size;
  }
  expect(accepted).toBeGreaterThan(SEEDS * 100);
  for (const name of ["delivered", "delivered after a crash", "news"])
    expect(reached.get(name), name).toBeGreaterThan(100);
}, 120_000);
