import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import type { ClusterRecord, NodeRecord } from "../../../cli/local-cluster/cluster-record.ts";
import { findRemains } from "../../../cli/local-cluster/remains.ts";

/** The deepest mount of this host, which is below another folder than the root. */
const MOUNT = readFileSync("/proc/self/mounts", "utf8")
  .split("\n")
  .map((line) => line.split(" ")[1] ?? "")
  .toSorted((left, right) => right.split("/").length - left.split("/").length)[0]!;

const PARENT = dirname(MOUNT);

function recordOf(dataDir: string, nodeDirs: readonly string[] = []): ClusterRecord {
  const nodes = nodeDirs.map((nodeDir, at): NodeRecord => {
    return { name: `n${at}`, process: null, apiUrl: "", ports: [], dataDir: nodeDir, logFile: "" };
  });
  return { format: 1, clusterId: "local", detached: false, dataDir, keepData: true, nodes };
}

test("findRemains() names what is mounted below the data folder", () => {
  expect(PARENT).not.toBe("/");
  expect(findRemains(recordOf(PARENT))).toContain(`${MOUNT} is mounted`);
});

test("findRemains() leaves alone a data folder, and a node's folder, that is a disk of the user's", () => {
  expect(findRemains(recordOf(MOUNT))).not.toContain(`${MOUNT} is mounted`);
  expect(findRemains(recordOf(PARENT, [MOUNT]))).not.toContain(`${MOUNT} is mounted`);
});
