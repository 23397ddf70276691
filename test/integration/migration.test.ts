/** Running guests of QEMU moved between real node processes: they go on counting where they were, run once, and outlive whoever is killed on the way. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { MigrationInput } from "../../api/index.ts";
import type { Vm } from "../../actors/index.ts";
import { MeasuredCluster } from "../../bench/measured-cluster.ts";
import { runningInstances } from "../../cli/local-cluster/instance-processes.ts";
import { poll } from "../../cli/pause.ts";
import { waitUntilMoved } from "../../cli/wait-for-move.ts";
import { waitUntilPaused, waitUntilUp } from "../../cli/wait-for-vm.ts";
import { LEASE_MS, RENEW_MS } from "../../actors/cluster/lease.ts";

const PORT_BASE = 28_300;
const UP = { timeoutMs: 60_000 };
const MOVED = { timeoutMs: 60_000 };
/** So that the copying takes some seconds, longer than any of these tests needs it to. */
const SLOW = { bandwidthBytesPerSecond: 6_000_000 };
/** So that it takes longer than an election, and is waited for. */
const SLOWER_THAN_ELECTIONS = { bandwidthBytesPerSecond: 12_000_000 };
const LOOK_MS = 50;
/** Where what is struck is over within milliseconds. */
const SWITCH_LOOK_MS = 5;
const WAIT_MS = 60_000;
const COUNTS = "i=0; while :; do echo count $i; i=$((i+1)); sleep 0.1; done";

/** The one guest of these tests: most of what they take is what a boot takes. */
const NAME = "walker";
/** What is left of a lease at least, less what it takes to renew it. */
const LEASE_LEFT_MS = LEASE_MS - RENEW_MS - 1500;

let cluster: MeasuredCluster;

beforeAll(async () => {
  cluster = await MeasuredCluster.start({ nodes: 3, driver: "qemu", portBase: PORT_BASE });
  await cluster.atLevel(3);
  const spec = { memoryMiB: 96, command: ["/bin/sh", "-c", COUNTS] };
  await cluster.client.vms.apply({ apiVersion: "blixard.dev/v1", kind: "Vm", metadata: { name: NAME }, spec });
  await waitUntilUp(cluster.client, NAME, UP);
});

afterAll(async () => cluster.stop());

interface Seen {
  readonly vm: Vm;
  /** What it has counted last, on the node that has it. */
  readonly count: number;
}

async function look(): Promise<Seen> {
  return seen(await cluster.client.vms.get(NAME));
}

/** Reading its log takes more of a busy machine than what is waited for. */
async function seen(vm: Vm): Promise<Seen> {
  let count = -1;
  for await (const line of cluster.client.vms.logs(NAME, { tail: 5 })) {
    count = Number(/count (\d+)/.exec(line)?.[1] ?? count);
  }
  return { vm, count };
}

/** Waits until the map says so of it. */
async function untilShown(is: (vm: Vm) => boolean, everyMs = LOOK_MS): Promise<Vm> {
  const shown = async (): Promise<Vm | undefined> => {
    const vm = await cluster.client.vms.get(NAME).catch(() => undefined);
    return vm !== undefined && is(vm) ? vm : undefined;
  };
  const vm = await poll(shown, { everyMs, timeoutMs: WAIT_MS });
  if (vm !== undefined) return vm;
  throw new Error(`The VM did not become so: ${JSON.stringify((await cluster.client.vms.get(NAME)).status)}`);
}

/** Waits until it has counted so far, too. */
async function untilCounted(is: (vm: Vm) => boolean, hasCounted: (seen: Seen) => boolean): Promise<Seen> {
  const counted = async (): Promise<Seen | undefined> => {
    const found = await seen(await untilShown(is));
    return found.count >= 0 && hasCounted(found) ? found : undefined;
  };
  const found = await poll(async () => counted().catch(() => undefined), { everyMs: LOOK_MS, timeoutMs: WAIT_MS });
  if (found !== undefined) return found;
  throw new Error(`The VM counts no further: ${JSON.stringify((await cluster.client.vms.get(NAME)).status)}`);
}

function nodeOf(vm: Vm): string {
  return vm.status.instance?.node ?? "none";
}

function another(...not: readonly string[]): string {
  return cluster.record.nodes.map(({ name }) => name).find((name) => !not.includes(name)) ?? "none";
}

/** Nodes on whose hosts a copy of the VM is. */
function copies(): readonly string[] {
  return cluster.record.nodes.flatMap(({ name, dataDir }) =>
    runningInstances(dataDir).some(({ instance }) => instance.startsWith(NAME)) ? [name] : [],
  );
}

async function begin(migration: MigrationInput): Promise<string> {
  const { status } = await cluster.client.vms.migrate(NAME, migration);
  return status.migration?.id ?? "";
}

/** Ends a node's process and starts another; how long there was none that serves. */
async function strike(name: string): Promise<number> {
  const sinceMs = performance.now();
  await cluster.kill(name);
  await cluster.restart(name);
  await cluster.ready();
  return performance.now() - sinceMs;
}

/** It counts on by one copy, on one of those nodes; or anew, where a busy machine took longer than a lease for a node's start. */
async function expectOne(before: Seen, nodes: readonly string[], awayMs = 0): Promise<void> {
  const isKept = ({ status }: Vm): boolean => {
    const was = before.vm.status;
    return status.instance?.id === was.instance?.id && status.restarts === was.restarts;
  };
  const { vm } = await untilCounted(
    ({ status: { migration, phase } }) => migration === undefined && phase === "Running",
    (found) => !isKept(found.vm) || found.count > before.count,
  );
  if (isKept(vm)) expect(nodes).toContain(nodeOf(vm));
  else expect(awayMs, JSON.stringify(vm.status)).toBeGreaterThan(LEASE_LEFT_MS);
  const alone = await poll(() => (copies().join() === nodeOf(vm) ? true : undefined), {
    everyMs: 100,
    timeoutMs: 20_000,
  });
  expect(alone, `copies on ${copies().join()}, wanted on ${nodeOf(vm)}`).toBe(true);
}

test("a guest that counts moves from node to node and goes on counting, with a short blackout each time", async () => {
  const still: number[] = [];
  for (let move = 0; move < 4; move++) {
    const before = await look();
    const to = another(nodeOf(before.vm));
    const last = await waitUntilMoved(cluster.client, NAME, { ...MOVED, id: await begin({ to }) });
    still.push((last.lastPagesMs ?? NaN) + (last.takeOverMs ?? NaN));
    await expectOne(before, [to]);
  }
  console.log(`stood still for ${still.join(", ")} ms`);
  expect(still.every((ms) => ms >= 0)).toBe(true);
});

test("a guest that is paused stands still, also for the next process of its node, and goes on from there", async () => {
  const { vm } = await look();
  await cluster.client.vms.pause(NAME);
  await waitUntilPaused(cluster.client, NAME, UP);
  const before = await look();
  const awayMs = await strike(nodeOf(vm));
  const after = await untilShown(({ status }) => status.instance?.epoch !== vm.status.instance?.epoch);
  if (after.status.instance?.id === vm.status.instance?.id) {
    await waitUntilPaused(cluster.client, NAME, UP);
    expect((await look()).count).toBe(before.count);
    await cluster.client.vms.resume(NAME);
  }
  await expectOne(before, [nodeOf(vm)], awayMs);
});

test("a migration that is cancelled leaves the guest where it was", async () => {
  const before = await look();
  await begin({ to: another(nodeOf(before.vm)), ...SLOW });
  await untilShown(({ status }) => status.migration?.progress !== undefined);
  await cluster.client.vms.cancelMigration(NAME);
  await expectOne(before, [nodeOf(before.vm)]);
});

test.each([
  ["source", "preparing"],
  ["target", "preparing"],
  ["source", "copying"],
  ["target", "copying"],
] as const)(
  "kill -9 of the %s while the migration is %s leaves the guest counting where it was",
  async (side, phase) => {
    const before = await look();
    const to = another(nodeOf(before.vm));
    await begin({ to, ...SLOW });
    if (phase === "copying") await untilShown(({ status }) => status.migration?.progress !== undefined);
    const awayMs = await strike(side === "source" ? nodeOf(before.vm) : to);
    await expectOne(before, [nodeOf(before.vm)], awayMs);
  },
);

test.each(["source", "target"] as const)(
  "kill -9 of the %s at the switch leaves one copy, which counts on",
  async (side) => {
    const before = await look();
    const to = another(nodeOf(before.vm));
    const id = await begin({ to });
    await untilShown(
      ({ status }) => status.migration?.id !== id || (status.migration.progress?.rounds ?? 0) > 1,
      SWITCH_LOOK_MS,
    );
    const awayMs = await strike(side === "source" ? nodeOf(before.vm) : to);
    await expectOne(before, [nodeOf(before.vm), to], awayMs);
  },
);

test("kill -9 of a leader that is neither side loses nothing: the guest arrives", async () => {
  const leader = await cluster.ready();
  const from = nodeOf((await look()).vm);
  if (from === leader)
    await waitUntilMoved(cluster.client, NAME, { ...MOVED, id: await begin({ to: another(leader) }) });
  const before = await look();
  const to = another(leader, nodeOf(before.vm));
  await begin({ to, ...SLOWER_THAN_ELECTIONS });
  await untilShown(({ status }) => status.migration?.progress !== undefined);
  const awayMs = await strike(leader);
  await expectOne(before, [to, ...(awayMs > LEASE_LEFT_MS ? [nodeOf(before.vm)] : [])], awayMs);
});
