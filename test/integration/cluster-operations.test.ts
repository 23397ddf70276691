/**
 * The life of a cluster under an operator's hands, with real processes: it grows, its leader is removed, a disk is replaced, a
 * majority is lost. A client writes all the while; nothing that was acknowledged is lost.
 */
import { readFileSync, writeFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ApiError, type ApiClient } from "../../api/index.ts";
import { pause } from "../../cli/pause.ts";
import { OperatedCluster, type Said } from "./operated-cluster.ts";

const PORT_BASE = 27_900;
const THREE = ["n1", "n2", "n3"];

const cluster = new OperatedCluster(PORT_BASE);
let writer: Writer;

/** Makes VMs that do not run, one after the other, and keeps the names of those that were acknowledged. */
class Writer {
  readonly acknowledged: string[] = [];
  #client: ApiClient;
  #ended = false;
  #done: Promise<void>;
  #next = 0;

  constructor(client: ApiClient) {
    this.#client = client;
    this.#done = this.#write();
  }

  /** Where it writes from now on: a client does not know of nodes that come. */
  use(client: ApiClient): void {
    this.#client = client;
  }

  async stop(): Promise<void> {
    this.#ended = true;
    await this.#done;
  }

  resume(): void {
    this.#ended = false;
    this.#done = this.#write();
  }

  async #write(): Promise<void> {
    while (!this.#ended) {
      const name = `kept-${this.#next++}`;
      try {
        await this.#client.vms.create({
          apiVersion: "blixard.dev/v1",
          kind: "Vm",
          metadata: { name },
          spec: { running: false },
        });
        this.acknowledged.push(name);
      } catch (error) {
        // What was not acknowledged may be there or not.
        if (!(error instanceof ApiError)) throw error;
      }
      await pause(10);
    }
  }
}

async function expectNothingLost(
  client: ApiClient,
  consistency: "linearizable" | "local" = "linearizable",
): Promise<void> {
  const wanted = [...writer.acknowledged];
  expect(wanted.length).toBeGreaterThan(20);
  const found = new Set((await client.vms.list({ consistency })).items.map(({ metadata }) => metadata.name));
  expect(wanted.filter((name) => !found.has(name))).toEqual([]);
}

function expectDone(said: Said): Said {
  expect(said, said.err).toMatchObject({ code: 0 });
  return said;
}

async function memberOf(node: string, via: string): Promise<string> {
  const { items } = await cluster.client(via).members.list();
  return items.find((item) => item.node === node)?.member ?? "";
}

beforeAll(async () => {
  await Promise.all(THREE.map(async (name) => cluster.start(name, { peers: THREE })));
  for (const name of THREE) await cluster.until(name, ({ leader, members }) => leader !== null && members.length === 3);
  writer = new Writer(cluster.client(...THREE));
});

afterAll(async () => {
  await writer?.stop();
  await cluster.stop();
});

test("a fourth node joins, catches up and votes, and its address reaches those that were not told", async () => {
  await cluster.start("n4", { join: ["n1", "n2"] });
  await cluster.until("n4", ({ membership, waiting }) => membership === "forming" && waiting.length === 0);
  const { status } = await fetch(`http://${cluster.api("n4")}/readyz`);
  expect(status).toBe(503);
  const { out, err } = expectDone(
    await cluster.blixard(["n2"], "cluster", "add", "n4", "--address", cluster.listen("n4")),
  );
  expect(out).toMatch(/^member\/n4@\w+ added\n$/);
  expect(err).toContain("4 voters, 3 needed, 4 serve: 1 more may be lost.");
  const { items } = await cluster.client("n3").members.list();
  expect(items.find(({ node }) => node === "n4")).toMatchObject({ role: "voter", address: cluster.listen("n4") });
  for (const name of [...THREE, "n4"]) await cluster.until(name, ({ members }) => members.length === 4);
  await expectNothingLost(cluster.client("n4"));
});

test("adding it again changes nothing; a node that is not there is refused by what helps", async () => {
  expectDone(await cluster.blixard(["n1"], "cluster", "add", "n4"));
  expect((await cluster.client("n1").members.list()).items).toHaveLength(4);
  const { code, err } = await cluster.blixard(["n1"], "cluster", "add", "n8", "--address", cluster.listen("n8"));
  expect([code, err]).toEqual([5, expect.stringContaining('Cannot add node "n8": it did not link from')]);
});

test("a node that was added needs neither --join nor --peers when it is started again", async () => {
  await cluster.end("n4");
  await cluster.start("n4", {});
  const { members } = await cluster.until("n4", ({ leader, membership }) => leader !== null && membership === "member");
  expect(members).toHaveLength(4);
});

test("leadership goes where it is sent, and is removed with its leader", async () => {
  const { out } = expectDone(await cluster.blixard(THREE, "cluster", "transfer", "n4"));
  expect(out).toMatch(/^n4 leads, after n[123]\n$/);
  const removed = expectDone(await cluster.blixard(THREE, "cluster", "remove", "n4", "--yes"));
  expect(removed.out).toMatch(/^member\/n4@\w+ removed\n$/);
  await cluster.until("n4", ({ membership }) => membership === "removed");
  expect(cluster.log("n4")).toContain('Node \\"n4\\" was removed from cluster');
  const { status, body } = await fetch(`http://${cluster.api("n4")}/readyz`).then(async (response) => ({
    status: response.status,
    body: await response.text(),
  }));
  expect([status, body]).toEqual([503, expect.stringContaining("it was removed from the cluster")]);
  for (const name of THREE) {
    await cluster.until(name, ({ leader, members }) => leader !== null && leader !== "n4" && members.length === 3);
  }
  await cluster.end("n4", "SIGTERM");
  await expectNothingLost(cluster.client("n1"));
});

test("snapshots are made and logs dropped when it is asked for, also with nothing new", async () => {
  const snapshot = expectDone(await cluster.blixard(["n1"], "cluster", "snapshot"));
  expect(snapshot.out).toMatch(/^n1: snapshot as of index \d+, [\d.]+ KiB; .*\nn2: .*\nn3: .*\n$/);
  const compact = expectDone(await cluster.blixard(["n1"], "cluster", "compact", "n2", "n3", "-o", "json"));
  const { items } = JSON.parse(compact.out) as {
    items: { node: string; freedEntries: number; base: number; index: number }[];
  };
  expect(items.map(({ node, base, index }) => [node, base >= index])).toEqual([
    ["n2", true],
    ["n3", true],
  ]);
  expect(items.every(({ freedEntries }) => freedEntries > 20)).toBe(true);
  expectDone(await cluster.blixard(["n1"], "cluster", "compact"));
});

test("a node whose disk is lost says so, is added as somebody else, and the old member is removed", async () => {
  const before = await memberOf("n2", "n1");
  await cluster.end("n2");
  cluster.wipe("n2");
  await cluster.start("n2", { peers: THREE });
  await cluster.until("n2", ({ membership }) => membership === "disk-lost");
  const status = expectDone(await cluster.blixard(["n1"], "cluster", "status"));
  expect(status.out).toContain("disk lost: blixard cluster add n2, then remove its old member");
  // n1 and n3 have dropped their logs, so what comes to n2 comes as a snapshot.
  const ambiguous = expectDone(await cluster.blixard(["n1"], "cluster", "add", "n2"));
  expect(ambiguous.out).not.toContain(before);
  expect((await cluster.blixard(["n1"], "cluster", "remove", "n2", "--yes")).err).toContain("name one of them");
  expectDone(await cluster.blixard(["n1"], "cluster", "remove", before, "--yes"));
  await cluster.until("n2", ({ membership, members }) => membership === "member" && members.length === 3);
  await expectNothingLost(cluster.client("n2"));
});

test("a removal that too few would survive is refused with the numbers", async () => {
  await cluster.end("n2");
  const { code, err } = await cluster.blixard(["n1"], "cluster", "remove", "n3", "--yes");
  expect(code).toBe(4);
  expect(err).toMatch(/of the 2 voters left only 1 serves, and 2 are needed/);
  await cluster.start("n2", { peers: THREE });
  await cluster.until("n2", ({ leader }) => leader !== null);
});

test("a log that is damaged behind its beginning is refilled by the others", async () => {
  await writer.stop();
  await cluster.end("n2");
  const folder = join(cluster.dataDir("n2"), "raft");
  const segments = readdirSync(folder).filter((name) => /seg|log/.test(name) && !name.endsWith(".mdb"));
  expect(segments.length).toBeGreaterThan(0);
  const path = join(folder, segments.toSorted().at(-1) ?? "");
  const bytes = readFileSync(path);
  const used = bytes.findLastIndex((byte) => byte !== 0);
  // In the middle of what is used, so that entries which were acknowledged follow it.
  for (let at = Math.floor(used / 2); at < Math.floor(used / 2) + 64; at++) bytes[at] = 255 - (bytes[at] ?? 0);
  writeFileSync(path, bytes);
  await cluster.start("n2", { peers: THREE });
  await cluster.until("n2", ({ leader, recovering }) => leader !== null && !recovering);
  expect(cluster.log("n2")).toContain("it takes these entries from the leader again, and does not vote until then");
  writer.resume();
  await expectNothingLost(cluster.client("n2"));
});

test("a majority that is lost for good: one node goes on alone, tells of it, and the cluster grows again", async () => {
  await writer.stop();
  await cluster.until("n3", ({ leader }) => leader !== null);
  const { lastIndex } = (await cluster.client("n1").clusterStatus()).replica;
  await cluster.until("n3", ({ applied }) => applied >= lastIndex);
  const old = await memberOf("n3", "n1");
  const running = await cluster.blixard([], "cluster", "recover", "--unsafe", "--data", cluster.dataDir("n3"));
  expect([running.code, running.err]).toEqual([1, expect.stringContaining("has it")]);
  await cluster.end("n1");
  await cluster.end("n2");
  await cluster.until("n3", ({ leader }) => leader === null);
  expect((await cluster.blixard(["n3"], "cluster", "remove", "n1", "--yes")).err).toContain(
    "of 3 voters only 1 serves",
  );
  await cluster.end("n3");

  const recover = ["cluster", "recover", "--unsafe", "--data", cluster.dataDir("n3")];
  const plan = expectDone(await cluster.blixard([], ...recover));
  expect(plan.out).toContain(`member         ${old}`);
  expect(plan.out).toMatch(/give up {8}n1@\w+, n2@\w+\n/);
  expect(plan.err).toContain("Nothing was done: this was the plan");
  expect(expectDone(await cluster.blixard([], ...recover, "--yes")).out).toContain("is the only voter of cluster");
  expect(expectDone(await cluster.blixard([], ...recover, "--yes")).out).toContain("There is nothing to recover");

  await cluster.start("n3", { peers: THREE });
  await cluster.until("n3", ({ leader, members }) => leader === "n3" && members.length === 1);
  expect(await memberOf("n3", "n3")).not.toBe(old);
  await expectNothingLost(cluster.client("n3"));
  const { items } = await cluster.client("n3").events.list();
  const told = items.find(({ spec }) => spec.reason === "ClusterRecovered");
  expect(told?.spec).toMatchObject({ type: "Warning", message: expect.stringContaining("was recovered by force") });

  writer.use(cluster.client("n3"));
  writer.resume();
  // One that was given up and comes back with its disk is refused by name, and does no harm.
  await cluster.start("n1", { peers: THREE });
  await cluster.until("n1", ({ leader }) => leader === null);
  await cluster.end("n1");
  for (const name of ["n1", "n2"]) {
    cluster.wipe(name);
    await cluster.start(name, { peers: THREE });
    await cluster.until(name, ({ membership }) => membership === "not-a-member");
    expectDone(await cluster.blixard(["n3"], "cluster", "add", name));
  }
  await writer.stop();
  for (const name of THREE) await cluster.until(name, ({ members }) => members.length === 3);
  await expectNothingLost(cluster.client("n1"));
});
