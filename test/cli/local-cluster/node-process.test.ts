import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { spawn } from "node:child_process";
import { isRunning } from "../../../runtime/node/guard/process-identity.ts";
import { EXIT } from "../../../cli/exit-codes.ts";
import { refuseEndedNodes } from "../../../cli/local-cluster/local-cluster.ts";
import { identifyProcess } from "../../../cli/local-cluster/identify-process.ts";
import { signalProcess } from "../../../cli/local-cluster/node-process.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "blixard-cli-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("refuseEndedNodes() says what the node said last, in words and without stacks", () => {
  const logFile = join(folder, "n1.log");
  writeFileSync(
    logFile,
    [
      '{"level":"warn","time":"2026-01-01T00:00:00.000Z","msg":"VMs run as plain processes"}',
      "Error: Cannot open the log: the disk is full",
      "    at open (/x/y.ts:1:2)",
      "Free some space.",
      "",
    ].join("\n"),
  );
  const node = { name: "n1", process: null, apiUrl: "http://127.0.0.1:1", ports: [], dataDir: folder, logFile };
  const record = {
    format: 1 as const,
    clusterId: "local",
    detached: false,
    dataDir: folder,
    keepData: false,
    nodes: [node],
  };
  expect(() => refuseEndedNodes(record)).toThrow(
    expect.objectContaining({
      exitCode: EXIT.failed,
      message: [
        'Node "n1" ended by itself.',
        "  warn: VMs run as plain processes",
        "  Error: Cannot open the log: the disk is full",
        "  Free some space.",
      ].join("\n"),
    }),
  );
  expect(() =>
    refuseEndedNodes({ ...record, nodes: [{ ...node, process: identifyProcess(process.pid)! }] }),
  ).not.toThrow();
});

test("signalProcess() does not reach a process that only has the number of another", async () => {
  const child = spawn("sleep", ["100"]);
  const identity = identifyProcess(child.pid!)!;
  const ended = new Promise((resolve) => child.once("exit", (_, signal) => resolve(signal)));
  signalProcess({ ...identity, start: String(Number(identity.start) + 1) }, "SIGKILL");
  expect(isRunning(identity)).toBe(true);
  signalProcess(identity, "SIGKILL");
  expect(await ended).toBe("SIGKILL");
  expect(isRunning(identity)).toBe(false);
});
