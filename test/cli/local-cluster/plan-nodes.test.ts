import { createServer, type Server } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EXIT } from "../../../cli/exit-codes.ts";
import { nodeFlags, planNodes, refuseTakenPorts } from "../../../cli/local-cluster/plan-nodes.ts";
import { readNodeConfig } from "../../../cli/node-config.ts";
import { NODE_SETTINGS, type NodeSetting } from "../../../cli/node-settings.ts";

let server: Server;
let port: number;
beforeEach(async () => {
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
});
afterEach(async () => new Promise((resolve) => server.close(resolve)));

test("planNodes() numbers nodes and ports", () => {
  expect(planNodes(2, 7100, "/data")).toEqual([
    {
      name: "n1",
      listen: { host: "127.0.0.1", port: 7101 },
      api: { host: "127.0.0.1", port: 7201 },
      dataDir: "/data/n1",
    },
    {
      name: "n2",
      listen: { host: "127.0.0.1", port: 7102 },
      api: { host: "127.0.0.1", port: 7202 },
      dataDir: "/data/n2",
    },
  ]);
  expect(() => planNodes(3, 65_500, "/data")).toThrow("Cannot start 3 nodes from port 65500");
});

test("refuseTakenPorts() names the node, the port and who has it", async () => {
  const plan = { ...planNodes(1, 7100, "/data")[0]!, listen: { host: "127.0.0.1", port } };
  await expect(refuseTakenPorts([plan])).rejects.toMatchObject({
    exitCode: EXIT.conflict,
    message: expect.stringMatching(
      new RegExp(`^Cannot start node "n1": 127\\.0\\.0\\.1:${port} is in use by ".*", process ${process.pid}\\.$`),
    ) as string,
    hint: expect.stringContaining("--port-base") as string,
  });
});

test("refuseTakenPorts() lets free ports pass", async () => {
  const free = { host: "127.0.0.1", port: 0 };
  await expect(refuseTakenPorts([{ name: "n1", listen: free, api: free, dataDir: "/data" }])).resolves.toBeUndefined();
});

test("nodeFlags() are flags that a node understands, without the secret", () => {
  const plans = planNodes(3, 7100, "/data");
  const flags = nodeFlags(plans[1]!, plans, { driver: "process", imagesDir: "/images", bridges: "br0,br1" });
  const settingOf = (flag: string | undefined): NodeSetting =>
    (Object.keys(NODE_SETTINGS) as NodeSetting[]).find((name) => NODE_SETTINGS[name].flag === flag)!;
  const given = flags.flatMap((flag, at) => (at % 2 === 0 ? [[settingOf(flag), flags[at + 1]!]] : []));
  const config = readNodeConfig(Object.fromEntries(given) as object, { BLIXARD_TOKEN: "0123456789abcdef" });
  expect(config).toMatchObject({
    name: "n2",
    clusterId: "local",
    dataDir: "/data/n2",
    imagesDir: "/images",
    peers: { n1: "127.0.0.1:7101", n3: "127.0.0.1:7103" },
    driver: "process",
    bridges: ["br0", "br1"],
  });
  expect(flags.join(" ")).not.toContain("0123456789abcdef");
});
