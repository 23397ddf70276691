import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bootId } from "../../../runtime/node/guard/host-uptime.ts";
import { claimHolder, claimHome, type HomeClaim } from "../../../cli/local-cluster/home-claim.ts";
import { ClusterHome } from "../../../cli/local-cluster/cluster-record.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "blixard-cli-"));
});
afterEach(() => rmSync(home, { recursive: true }));

test("claimHome() gives the claim to one process, until it is released", () => {
  const claim = claimHome(home) as HomeClaim;
  expect(claimHome(home)).toMatchObject({ heldBy: { pid: process.pid } });
  expect(claimHolder(home)?.pid).toBe(process.pid);
  claim.release();
  expect(claimHolder(home)).toBeUndefined();
  expect(claimHome(home)).toHaveProperty("release");
});

test("claimHome() takes a claim over whose holder has ended, or is another process of that number", () => {
  for (const line of [`${process.pid} 1 ${bootId()}\n`, `${process.pid} 1 00000000-0000\n`, "", "garbage"]) {
    writeFileSync(join(home, "claim"), line);
    const claim = claimHome(home) as HomeClaim;
    expect(claimHolder(home)?.pid, JSON.stringify(line)).toBe(process.pid);
    claim.release();
  }
  expect(readdirSync(home)).toEqual([]);
});

test("the cluster's secret is readable by its owner only, also when the file was there before", () => {
  writeFileSync(join(home, "token"), "old", { mode: 0o644 });
  new ClusterHome(home).writeToken("secret");
  expect(statSync(join(home, "token")).mode & 0o777).toBe(0o600);
});
