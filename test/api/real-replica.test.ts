/** The API over the real replica and Raft, one member with its log in memory: what the stand-in only claims to do. */
import { expect, onTestFinished, test } from "vitest";
import {
  API_VERSION,
  RAFT_SPAWN_OPTIONS,
  raftActor,
  REPLICA_SPAWN_OPTIONS,
  replicaActor,
  type RaftActorMessage,
} from "../../actors/index.ts";
import { createApiClient, createApiServer, type ApiClient, type VmManifestInput } from "../../api/index.ts";
import { ActorSystem, createRandom, jsonCodec, type Logger } from "../../runtime/index.ts";
import { createMemoryLog, createMemorySnapshots } from "../../runtime/testkit/index.ts";
import { createNodeDispatcher, nodeClock } from "../../runtime/node/index.ts";

const SILENT: Logger = { log: () => undefined };

async function serveReal(): Promise<ApiClient> {
  const node = `real-${crypto.randomUUID()}`;
  const world = { clock: nodeClock, random: createRandom(1), dispatcher: createNodeDispatcher() };
  const system = ActorSystem.create({ node, world });
  const raft = system.refAt<RaftActorMessage>({ node, path: "raft" });
  const replica = system.spawn(replicaActor({ raft, codec: jsonCodec, logger: SILENT }), REPLICA_SPAWN_OPTIONS);
  const store = createMemoryLog({ later: (run) => void setImmediate(run) }).open();
  const snapshots = createMemorySnapshots({ later: (run) => void setImmediate(run) }).open();
  system.spawn(raftActor({ voters: [node], store, snapshots, subscriber: replica }), RAFT_SPAWN_OPTIONS);
  const server = createApiServer({
    system,
    replica,
    node,
    clock: nodeClock,
    logger: SILENT,
    version: "0.0.0-test",
    listen: { host: "127.0.0.1", port: 0 },
    logs: { readLogs: () => ({ cancel: () => undefined }) },
    guests: {
      openStream: () => {
        throw new Error("this test has no guests");
      },
      readMetrics: () => undefined,
    },
  });
  onTestFinished(async () => {
    await server.close();
    system.stop();
  });
  return createApiClient({ urls: [(await server.start()).url] });
}

function web(spec: VmManifestInput["spec"], labels: Record<string, string> = {}): VmManifestInput {
  return { apiVersion: API_VERSION, kind: "Vm", metadata: { name: "web", labels }, spec };
}

test("a VM is made, changed, watched from a version and removed", async () => {
  const { vms, events, clusterStatus } = await serveReal();
  const made = await vms.create(web({}));
  await expect(vms.create(web({}))).rejects.toMatchObject({ status: 409, code: "already-exists" });
  expect((await vms.apply(web({}))).change).toBe("none");
  // The first generation still, and yet no new VM.
  expect((await vms.apply(web({}, { tier: "front" }))).change).toBe("updated");
  const { vm } = await vms.apply(web({ vcpus: 2 }));
  await expect(vms.apply(web({}), { expectedVersion: made.metadata.version })).rejects.toMatchObject({
    code: "conflict",
  });
  await expect(vms.apply(web({}), { expectedVersion: vm.metadata.version })).resolves.toMatchObject({
    change: "updated",
  });
  expect(await vms.delete("web")).toBeNull();
  await expect(vms.start("web")).rejects.toMatchObject({ status: 404, code: "not-found" });
  expect((await vms.list()).items).toEqual([]);

  const seen: string[] = [];
  for await (const event of vms.watch({ since: made.metadata.version })) {
    seen.push(event.type);
    if (event.type === "bookmark") break;
  }
  expect(seen).toEqual(["put", "put", "put", "delete", "bookmark"]);
  expect((await events.list()).items.map(({ spec }) => spec.reason)).toContain("Deleted");
  expect((await clusterStatus()).replica).toMatchObject({ role: "leader", storeError: "" });
});
