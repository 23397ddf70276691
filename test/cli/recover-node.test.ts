/** `blixard cluster recover` on real folders: what stands there is read through before anybody is told that a node can go on alone on it. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Proposal } from "../../actors/index.ts";
import { snapshotChunks } from "../../actors/cluster/state-snapshot.ts";
import { encodeConfiguration } from "../../actors/raft/core/configuration-codec.ts";
import { createConfiguration } from "../../actors/raft/core/configuration.ts";
import { EXIT } from "../../cli/exit-codes.ts";
import { openRaftStores } from "../../cli/node/open-stores.ts";
import { crc32 } from "../../runtime/crc32.ts";
import type { LogEntry, StoreError } from "../../runtime/index.ts";
import { msgpackPayloadCodec } from "../../transport/node/index.ts";
import { AT_MS, SampleMap } from "../actors/cluster/sample-map.ts";
import { runCommandLine, type Ran } from "./run-command-line.ts";

const THREE = createConfiguration(["n1@a", "n2@b", "n3@c"]);
const NEEDLE = "web-needle";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "blixard-recover-"));
});
afterEach(() => rmSync(cwd, { recursive: true }));

async function recover(...flags: readonly string[]): Promise<Ran> {
  return runCommandLine(["cluster", "recover", "--unsafe", "--data", "n1", ...flags], { cwd });
}

async function done(call: (done: (error?: StoreError) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => call((error) => (error === undefined ? resolve() : reject(error))));
}

/** The data folder of one of three voters: a snapshot with a node and a VM, and behind it a log with another VM. */
async function makeFolder(payloadOf: (proposal: Proposal) => Uint8Array = msgpackPayloadCodec.encode): Promise<void> {
  const folder = join(cwd, "n1");
  mkdirSync(folder);
  writeFileSync(join(folder, "identity.json"), JSON.stringify({ name: "n1", clusterId: "c", incarnation: "i" }));
  const map = new SampleMap();
  map.join("n1");
  map.create(NEEDLE);
  const { applied: index } = map.state;
  const { bytes } = snapshotChunks({ view: map.state.view(), term: 3 }, msgpackPayloadCodec).next();
  const stores = openRaftStores(folder);
  stores.store.load();
  stores.snapshots.load();
  const { snapshots } = stores;
  const head = { id: `${index}-3-1`, index, term: 3, configuration: encodeConfiguration(THREE) };
  await done((told) => snapshots.begin(head, told));
  await done((told) => snapshots.write({ id: head.id, number: 0, bytes }, told));
  const end = { chunks: 1, sizeBytes: bytes.length, checksum: crc32(bytes) };
  await done((told) => snapshots.finish(head.id, end, told));
  const create = { type: "create-vm", name: "db", labels: {}, spec: map.vm(NEEDLE).spec } as const;
  const proposal: Proposal = { session: "late", sequence: 1, after: index, atMs: AT_MS, command: create };
  const entries: LogEntry[] = [
    { index: index + 1, term: 3, type: "noop", payload: new Uint8Array() },
    { index: index + 2, term: 3, type: "command", payload: payloadOf(proposal) },
  ];
  await done((told) =>
    stores.store.append(
      {
        identity: { member: "n1@a", cluster: "old" },
        hardState: { term: 3, vote: null, commit: index },
        reset: { index, term: 3 },
        entries,
      },
      told,
    ),
  );
  await stores.close();
}

/** What the files of the log hold. */
function logOf(): readonly string[] {
  const folder = join(cwd, "n1", "raft");
  const files = readdirSync(folder).filter((name) => !name.includes("lock"));
  return files.map((name) => `${name} ${readFileSync(join(folder, name)).toString("base64")}`);
}

test("recover says what it has read through, and carries it out", async () => {
  await makeFolder();
  const plan = await recover();
  expect(plan.out).toContain(
    "  state          2 Vms, 1 Node, 0 Checkpoints, 3 Events: snapshot and log were read through\n",
  );
  expect((await recover("--yes")).out).toContain("is the only voter of cluster");
  expect((await recover("--yes")).out).toContain("There is nothing to recover");
});

test("recover refuses a folder of whose snapshot a byte was flipped, and leaves it as it was", async () => {
  await makeFolder();
  const path = join(cwd, "n1", "snapshots", "snapshots.mdb");
  const bytes = readFileSync(path);
  const at = bytes.indexOf(NEEDLE);
  expect(at).toBeGreaterThan(0);
  bytes[at] = 1 ^ (bytes[at] ?? 0);
  writeFileSync(path, bytes);
  const before = logOf();
  const refused = await recover("--yes");
  expect(refused.exitCode).toBe(EXIT.failed);
  expect(refused.out).toBe("");
  expect(refused.err).toContain('Cannot recover from "n1": its snapshot as of index 2 cannot be read through: ');
  expect(refused.err).toContain('chunk 0 of snapshot "2-3-1" fails its checksum');
  expect(refused.err).toContain("Look at the data folders of the other nodes.");
  expect(before).not.toEqual([]);
  expect(logOf()).toEqual(before);
});

test("recover refuses a log with an entry that this version cannot apply, and names it", async () => {
  const tomorrow = { type: "do-tomorrow" } as unknown as Proposal["command"];
  await makeFolder((proposal) => msgpackPayloadCodec.encode({ ...proposal, command: tomorrow }));
  const refused = await recover("--yes");
  expect(refused.exitCode).toBe(EXIT.failed);
  expect(refused.err).toMatch(
    /Cannot recover from "n1": entry 4 of its log, of term 3, cannot be applied: .*do-tomorrow/,
  );
});
