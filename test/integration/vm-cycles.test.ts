/** Lives of VMs with QEMU on a real node, of which nothing may be left; `npm run bench -- vm-cycles` does a thousand. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { MeasuredCluster } from "../../bench/measured-cluster.ts";
import { liveAndEnd } from "../../bench/vms/life-cycles.ts";
import { leftOf, settledHoldings } from "../../bench/vms/node-holdings.ts";

const PORT_BASE = 28_900;
/** What a node loads and opens once, it has by then. */
const FIRST = 4;
const MORE = 16;

let cluster: MeasuredCluster;

beforeAll(async () => {
  cluster = await MeasuredCluster.start({ nodes: 1, driver: "qemu", portBase: PORT_BASE });
});

afterAll(async () => cluster.stop());

test("VMs that were created, started, stopped and deleted leave no process, open file, socket or file behind", async () => {
  const { client } = cluster;
  const node = cluster.node("n1");
  await liveAndEnd({ client, count: FIRST, bootsEvery: FIRST });
  const before = await settledHoldings(node);
  // The node is looked at, and not something else.
  expect(before).toMatchObject({ processes: 0, children: 0 });
  expect(before.openFiles).toBeGreaterThan(10);
  expect(before.files).toBeGreaterThan(2);
  await liveAndEnd({ client, first: FIRST + 1, count: MORE, bootsEvery: Infinity });
  expect(leftOf(before, await settledHoldings(node, before))).toEqual({});
  expect((await client.vms.list()).items).toEqual([]);
});
