/** `blixard cluster …` as an operator types it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EXIT } from "../../cli/exit-codes.ts";
import { FakeCluster } from "./fake-cluster.ts";
import { memberOf } from "./fake-members.ts";
import { runCommandLine, type Ran } from "./run-command-line.ts";

let cluster: FakeCluster;
let cwd: string;
beforeEach(() => {
  cluster = new FakeCluster();
  cwd = mkdtempSync(join(tmpdir(), "blixard-cli-"));
});
afterEach(() => rmSync(cwd, { recursive: true }));

async function blixard(line: string, answers?: readonly string[]): Promise<Ran> {
  return runCommandLine(line.split(" "), { cluster, cwd, ...(answers && { answers }) });
}

test("members shows who is how far, and how many may be lost", async () => {
  cluster.members.items[1] = memberOf("n2", { preferences: { priority: -3, leaseReads: true } });
  cluster.members.items[2] = memberOf("n3", {
    preferences: null,
    state: "unreachable",
    lag: 4,
    match: 3,
    heardAgoMs: 75_000,
    message: 'node "n3" does not answer',
  });
  expect((await blixard("cluster members")).out).toBe(
    [
      "Leader n1, term 3, last index 7; 3 voters, 2 needed, 2 serve: none may be lost",
      "",
      "MEMBER   NODE   ROLE       VOTES   MATCH   LAG   STATE         LAST HEARD   PREFERS                    ADDRESS         MESSAGE",
      "n1@a     n1     leader     voter   7       0     leading       now          -                          10.0.0.1:7101   -",
      "n2@a     n2     follower   voter   7       0     replicate     now          priority -3, lease reads   10.0.0.2:7101   -",
      'n3@a     n3     follower   voter   3       4     unreachable   75s ago      -                          10.0.0.3:7101   node "n3" does not answer',
      "",
    ].join("\n"),
  );
  expect(JSON.parse((await blixard("cluster members -o json")).out).quorum.spare).toBe(0);
  expect((await blixard("cluster members -o yaml")).out).toContain("  spare: 0\n");
});

test("add takes a node in as a learner and goes on until it votes", async () => {
  cluster.members.refusals.push(null, "not-caught-up", "change-under-way");
  const { exitCode, out, err } = await blixard("cluster add n4 --address 10.0.0.4:7101");
  expect([exitCode, out]).toEqual([EXIT.ok, "member/n4@a added\n"]);
  expect(err).toContain("4 voters, 3 needed, 4 serve: 1 more may be lost.");
  expect(cluster.writes).toEqual(["add n4 10.0.0.4:7101", "promote n4@a", "promote n4@a", "promote n4@a"]);
});

test("add --learner and --no-wait promote nobody", async () => {
  await blixard("cluster add n4 --learner");
  await blixard("cluster add n5 --no-wait");
  expect(cluster.writes).toEqual(["add n4", "add n5"]);
});

test("add goes on with a node that was added before", async () => {
  cluster.members.items.push(memberOf("n4", { role: "learner" }));
  cluster.members.refusals.push("already-a-member");
  expect((await blixard("cluster add n4")).out).toBe("member/n4@a added\n");
  expect(cluster.members.items.at(-1)?.role).toBe("voter");
});

test("add says when it is not done in time, and how far it is", async () => {
  cluster.members.refusals.push(null, ...Array.from({ length: 20 }, () => "not-caught-up"));
  const { exitCode, err } = await blixard("cluster add n4 --timeout 300ms");
  expect(exitCode).toBe(EXIT.timeout);
  expect(err).toContain("Error: Member n4@a is no voter after 0.3 s: replicate, 5 entries behind.");
});

test("add refuses an address that is none before anything is asked", async () => {
  for (const address of ["10.0.0.4", "10.0.0.4:0", "http://10.0.0.4:1"]) {
    const { exitCode, err } = await blixard(`cluster add n4 --address ${address}`);
    expect([exitCode, err.includes("expected HOST:PORT")], address).toEqual([EXIT.usage, true]);
  }
  expect(cluster.writes).toEqual([]);
});

test("remove asks on a terminal, and does nothing without a yes", async () => {
  const asked = await blixard("cluster remove n2", ["n"]);
  expect(asked.exitCode).toBe(EXIT.failed);
  expect(asked.err).toBe(
    "3 voters, 2 needed, 3 serve: 1 more may be lost.\nRemove member n2@a? [y/N] Error: Nothing was done.\n",
  );
  expect((await blixard("cluster remove n2")).exitCode).toBe(EXIT.usage);
  expect(cluster.writes).toEqual([]);
  expect(await blixard("cluster remove n2", ["y"])).toMatchObject({ exitCode: EXIT.ok, out: "member/n2@a removed\n" });
  expect((await blixard("cluster remove n3@a --yes --force")).exitCode).toBe(EXIT.ok);
  expect(cluster.writes).toEqual(["remove n2", "remove n3@a by force"]);
});

test("a change that is not done yet is no success", async () => {
  cluster.members.done = false;
  const { exitCode, err } = await blixard("cluster remove n2 --yes");
  expect(exitCode).toBe(EXIT.timeout);
  expect(err).toContain("The change is in the log at index 8, and not done yet: too few members answer.");
});

test.each([
  ["quorum-at-risk", EXIT.conflict],
  ["last-voter", EXIT.conflict],
  ["change-under-way", EXIT.conflict],
  ["not-a-member", EXIT.notFound],
  ["no-leader", EXIT.unreachable],
  ["read-only", EXIT.unreachable],
])("a refusal as %s exits with %i", async (code, exitCode) => {
  cluster.members.refusals.push(code);
  expect((await blixard("cluster demote n2")).exitCode).toBe(exitCode);
});

test("transfer says who leads now", async () => {
  expect((await blixard("cluster transfer n3 --force")).out).toBe("n3 leads, after n1\n");
  expect((await blixard("cluster transfer n1")).out).toBe("n1 leads already\n");
  expect(cluster.writes).toEqual(["transfer n3 by force", "transfer n1"]);
  cluster.members.done = false;
  expect((await blixard("cluster transfer")).exitCode).toBe(EXIT.timeout);
});

test("snapshot and compact go to all members that can be reached, or to those that are named", async () => {
  cluster.members.items[2] = memberOf("n3", { state: "unreachable" });
  cluster.members.refusals.push(null, "nothing-to-snapshot");
  expect(await blixard("cluster snapshot")).toEqual({
    exitCode: EXIT.ok,
    out: "n1: snapshot as of index 7, 45.6 KiB; 0 entries of the log freed, it begins behind 2\n",
    err: "n2: nothing was applied since the last snapshot\n",
  });
  expect((await blixard("cluster compact n2")).out).toContain("1 entry of the log freed, it begins behind 3");
  expect(JSON.parse((await blixard("cluster compact n2 -o json")).out).items[0].freedEntries).toBe(1);
});

test.each([
  [{ membership: "removed" as const }, "removed from the cluster: stop it"],
  [{ membership: "disk-lost" as const }, "disk lost: blixard cluster add n1, then remove its old member"],
  [{ membership: "not-a-member" as const }, "in no cluster: blixard cluster add n1"],
  [{ recovering: true }, "recovering: its log was damaged"],
  [{ readOnly: true }, "read-only: its disk has no room"],
  [{ storeError: "the disk is gone", readOnly: true }, "the disk is gone"],
])("status says what %j means", async (status, words) => {
  cluster.status = status;
  expect((await blixard("cluster status")).out).toContain(words);
});

test("status tells of changes, of nodes that wait, and how long logs are", async () => {
  cluster.status = {
    configuration: { index: 1, committed: true, joint: true },
    transferringTo: "n2",
    waiting: ["n4@x"],
  };
  const { out } = await blixard("cluster status");
  expect(out).toContain("a change of members is under way; leadership goes to n2\nWaits to be added: n4@x\n");
  expect(out).toMatch(/LOG {3}SNAPSHOT/);
});

test("recover refuses without --unsafe, without a folder and in one that is none", async () => {
  const refused = await blixard("cluster recover --data .");
  expect([refused.exitCode, refused.err.includes("what only the other voters had is lost")]).toEqual([
    EXIT.usage,
    true,
  ]);
  expect((await blixard("cluster recover --unsafe")).exitCode).toBe(EXIT.usage);
  const none = await blixard("cluster recover --unsafe --data missing");
  expect([none.exitCode, none.err.includes("it is no data folder of a node")]).toEqual([EXIT.usage, true]);
});

test("recover names what it cannot use: a damaged identity, a log of nobody", async () => {
  const data = join(cwd, "n1");
  mkdirSync(data);
  writeFileSync(join(data, "identity.json"), "{");
  const damaged = await blixard("cluster recover --unsafe --data n1 --yes");
  expect([damaged.exitCode, damaged.err.includes("identity.json is damaged")]).toEqual([EXIT.failed, true]);
  writeFileSync(join(data, "identity.json"), JSON.stringify({ name: "n1", clusterId: "c", incarnation: "i" }));
  const empty = await blixard("cluster recover --unsafe --data n1 --yes");
  expect([empty.exitCode, empty.err.includes("there is no log")]).toEqual([EXIT.failed, true]);
});

test("the shell completes members and nodes", async () => {
  cluster.members.items.push(memberOf("n2", { member: "n2@b" }));
  const words = async (line: string): Promise<string> =>
    (await runCommandLine(["completion-words", "--", ...line.split(" ")], { cluster, cwd })).out;
  expect(await words("cluster remove ")).toBe("n1\nn2@a\nn3\nn2@b\n");
  expect(await words("cluster re")).toBe("remove\nrecover\n");
  expect(await words("cluster add n4 --le")).toBe("--learner\n");
});
