import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EXIT } from "../../cli/exit-codes.ts";
import { findServers } from "../../cli/find-servers.ts";
import { ClusterHome, type ClusterRecord } from "../../cli/local-cluster/cluster-record.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "blixard-cli-"));
});
afterEach(() => rmSync(home, { recursive: true }));

const RECORD: ClusterRecord = {
  format: 1,
  clusterId: "local",
  detached: false,
  dataDir: "/none",
  keepData: false,
  nodes: ["7201", "7202"].map((port) => ({
    name: `n${port}`,
    process: null,
    apiUrl: `http://127.0.0.1:${port}`,
    ports: [Number(port)],
    dataDir: "/none",
    logFile: "/none",
  })),
};

test("findServers() takes the flag, then the variable, then the cluster of up", () => {
  new ClusterHome(home).write(RECORD);
  const env = { BLIXARD_HOME: home, BLIXARD_SERVER: "10.0.0.1:1, https://b.example:2/" };
  expect(findServers("http://10.0.0.9:9", env)).toEqual(["http://10.0.0.9:9"]);
  expect(findServers(undefined, env)).toEqual(["http://10.0.0.1:1", "https://b.example:2"]);
  expect(findServers(undefined, { BLIXARD_HOME: home })).toEqual(["http://127.0.0.1:7201", "http://127.0.0.1:7202"]);
});

test("findServers() says what to do when there is no cluster", () => {
  expect(() => findServers(undefined, { BLIXARD_HOME: home })).toThrow(
    expect.objectContaining({ exitCode: EXIT.unreachable, hint: expect.stringContaining("blixard up") as string }),
  );
});

test("findServers() refuses what is no URL, by where it came from", () => {
  expect(() => findServers("ftp://a", {})).toThrow('Cannot use "ftp://a" as a server: --server wants');
  expect(() => findServers(undefined, { BLIXARD_SERVER: "http://" })).toThrow("BLIXARD_SERVER wants");
});

test("findServers() refuses a record that it cannot understand, and names the file", () => {
  writeFileSync(join(home, "cluster.json"), '{"format":99}');
  expect(() => findServers(undefined, { BLIXARD_HOME: home })).toThrow(`Cannot read "${join(home, "cluster.json")}"`);
});
