/** Live migration, pause and restart in the map: what is refused before anything moves, who may say what, and what every end leaves. */
import { expect, test } from "vitest";
import { ClusterState, type Outcome } from "../../../actors/index.ts";
import { SnapshotReader, snapshotChunks } from "../../../actors/cluster/state-snapshot.ts";
import { jsonCodec } from "../../../runtime/index.ts";
import { MOVER, SampleMap } from "./sample-map.ts";

function said(outcome: Outcome): string {
  return outcome.ok ? "ok" : `${outcome.code}: ${outcome.message}`;
}

function moving(): SampleMap {
  const map = SampleMap.ofMovers("n1", "n2", "n3");
  map.run("web", "n1", { memoryMiB: 512, ports: [{ name: "http", guest: 80, host: 8080 }] });
  expect(map.migrate("web", "n2")).toMatchObject({ ok: true });
  return map;
}

test("take-over makes the instance the target's, and nothing of it is left at the source", () => {
  const map = moving();
  const { instance } = map.vm("web").status;
  expect(said(map.takeOver("web"))).toContain("nothing was sent to it yet");
  map.ready("web");
  const told = { ...map.target("web"), node: "n1", epoch: map.node("n1").status.epoch };
  map.do({ type: "migration-progress", ...told, progress: { totalBytes: 9, remainingBytes: 4, rounds: 1 } });
  expect(map.vm("web").status.migration).toMatchObject({ phase: "copying", progress: { remainingBytes: 4 } });
  const target = map.target("web");
  map.do({ type: "migration-progress", ...told, stillMs: 30 });
  expect(map.takeOver("web")).toMatchObject({ ok: true });
  map.do({ type: "migration-progress", ...target, stillMs: 5 });
  const { status } = map.vm("web");
  expect(status.instance).toEqual({ ...instance, node: "n2", epoch: map.node("n2").status.epoch });
  expect(status.migration).toBeUndefined();
  expect(status.lastMigration).toMatchObject({
    from: "n1",
    to: "n2",
    outcome: "moved",
    lastPagesMs: 30,
    takeOverMs: 5,
  });
  expect(map.events().at(-1)?.spec.message).toContain("stood still for 35 ms");
  // The source's room and port are free again, the target's are taken.
  map.create("other", { ports: [{ name: "http", guest: 80, host: 8080 }] });
  expect(said(map.place("other", "n2"))).toContain("has port 8080 taken");
  expect(said(map.place("other", "n1"))).toBe("ok");
});

test("both nodes hold room and ports while it goes on, and the target gives them back when it ends", () => {
  const map = moving();
  map.create("big", { memoryMiB: 600 });
  for (const node of ["n1", "n2"]) expect(said(map.place("big", node))).toContain("has 512 MiB free, wants 600 MiB");
  map.do({ type: "cancel-migration", name: "web", migration: null, message: "asked to" });
  expect(said(map.place("big", "n1"))).toContain("has 512 MiB free");
  expect(said(map.place("big", "n2"))).toBe("ok");
  expect(map.vm("web").status).toMatchObject({ phase: "Running", lastMigration: { outcome: "ended" } });
});

test("migrate-vm refuses what cannot move before anything moves", () => {
  const map = SampleMap.ofMovers("n1", "n2");
  map.join("old", { address: "10.0.0.9" });
  map.join("plain", { address: "10.0.0.8", hypervisor: { ...MOVER, lacks: { migrate: "it has no memory" } } });
  map.join("newer", { address: "10.0.0.7", hypervisor: { ...MOVER, version: "2" } });
  map.join("other", { address: "10.0.0.6", hypervisor: MOVER, driver: "process" });
  map.join("same", { address: "10.0.0.1", hypervisor: MOVER });
  map.join("full", { address: "10.0.0.5", hypervisor: MOVER, memoryMiB: 128 });
  map.create("web", { ports: [{ name: "http", guest: 80, host: 8080 }] });
  expect(said(map.migrate("web", "n2"))).toContain("it is Pending and runs nowhere");
  map.place("web", "n1");
  expect(said(map.migrate("web", "n2"))).toContain("it is Starting, and only one that runs can move");
  map.observe("web");
  const why = (target: string): string => said(map.migrate("web", target));
  expect(why("n1")).toContain("it runs there already");
  expect(why("none")).toBe('not-found: Cannot migrate VM "web" to node "none": there is no such node');
  expect(why("old")).toContain('node "old" does not say what its hypervisor can do');
  expect(why("plain")).toContain('the driver "simulated" of node "plain" cannot migrate (it has no memory)');
  expect(why("newer")).toContain('its hypervisor is of version "1", and that node\'s of "2"');
  expect(why("other")).toContain('it runs by the driver "simulated", and that node has "process"');
  expect(why("same")).toContain("both nodes publish on 10.0.0.1, where it holds port 8080 itself");
  expect(why("full")).toContain("the node has 128 MiB free, wants 256 MiB");
  const lost = map.node("n2").status;
  map.do({ type: "expire-lease", node: "n2", epoch: lost.epoch, renewedAt: lost.renewedAt });
  expect(why("n2")).toContain("the node is lost");
  map.join("n2", { hypervisor: MOVER });
  map.do({ type: "set-paused", name: "web", paused: true });
  expect(why("n2")).toContain("it is paused; resume it first");
  map.do({ type: "set-paused", name: "web", paused: false });
  expect(why("n2")).toBe("ok");
  expect(why("n2")).toContain('it is on its way to node "n2" already');
  expect(said(map.do({ type: "set-paused", name: "web", paused: true }))).toContain("cancel that, or wait");
});

test("migrate-vm leaves a VM where its disks are, and moves one whose disks both nodes reach", () => {
  const map = SampleMap.ofMovers("n1", "n2");
  const disk = { name: "data", readOnly: false };
  map.create("local", {
    disks: [
      { ...disk, name: "ceph", source: "rbd:p/i" },
      { ...disk, sizeMiB: 1 },
    ],
  });
  map.create("shared", { disks: [{ ...disk, source: "rbd:p/j" }] });
  for (const name of ["local", "shared"]) {
    map.place(name, "n1");
    map.observe(name);
  }
  expect(said(map.migrate("local", "n2"))).toContain('its disk "data" is on its node alone');
  expect(said(map.migrate("shared", "n2"))).toBe("ok");
});

test("migrate-vm leaves a VM where its bridges are, and moves it to a node that offers them, too", () => {
  const map = SampleMap.ofMovers();
  for (const [name, bridges] of [
    ["n1", ["br0", "br1"]],
    ["n2", ["br0"]],
    ["n3", ["br1"]],
  ] as const) {
    map.join(name, { hypervisor: MOVER, bridges: [...bridges] });
  }
  map.run("web", "n1", { networks: [{ name: "lan", kind: "tap", bridge: "br1" }] });
  expect(said(map.migrate("web", "n2"))).toContain(
    'offers no bridge "br1" (it offers br0), wants it for network "lan"',
  );
  expect(said(map.migrate("web", "n3"))).toBe("ok");
});

test("what is said of an earlier migration, or under an earlier lease, counts for nothing", () => {
  const map = moving();
  const first = map.target("web");
  map.do({ type: "cancel-migration", name: "web", migration: first.migration, message: "asked to" });
  map.migrate("web", "n2");
  map.ready("web");
  expect(said(map.do({ type: "take-over", ...first, addresses: [] }))).toContain("it goes on no more");
  const again = map.do({ type: "cancel-migration", name: "web", migration: first.migration, message: "late" });
  expect(said(again)).toContain("it goes on no more");
  const { epoch } = map.target("web");
  expect(said(map.do({ type: "take-over", ...map.target("web"), epoch: epoch - 1, addresses: [] }))).toContain(
    `its target is node "n2" under epoch ${epoch}`,
  );
  expect(map.vm("web").status).toMatchObject({ instance: { node: "n1" }, migration: { phase: "copying" } });
});

test("whatever takes a lease, the instance or a wish away ends the migration in the same command", () => {
  const ends: Readonly<Record<string, (map: SampleMap) => void>> = {
    "target registers": (map) => void map.join("n2", { hypervisor: MOVER }, [map.held("web").instance]),
    "source registers": (map) => void map.join("n1", { hypervisor: MOVER }, [map.held("web").instance]),
    "target is lost": (map) => {
      const { epoch, renewedAt } = map.node("n2").status;
      map.do({ type: "expire-lease", node: "n2", epoch, renewedAt });
    },
    "source is lost": (map) => {
      const { epoch, renewedAt } = map.node("n1").status;
      map.do({ type: "expire-lease", node: "n1", epoch, renewedAt });
    },
    stopped: (map) => void map.do({ type: "set-running", name: "web", running: false }),
    restarted: (map) => void map.do({ type: "restart-vm", name: "web" }),
    deleted: (map) => void map.do({ type: "delete-vm", name: "web" }),
    released: (map) => void map.release("web"),
  };
  for (const [why, end] of Object.entries(ends)) {
    const map = moving();
    map.ready("web");
    end(map);
    expect(map.vm("web").status.migration, why).toBeUndefined();
    expect(map.vm("web").status.instance?.node ?? "n1", why).toBe("n1");
    expect(map.reasons(), why).toContain("MigrationEnded");
    map.create("big", { memoryMiB: 1024 });
    if (why !== "target is lost") expect(said(map.place("big", "n2")), why).toBe("ok");
  }
});

test("set-paused is of the instance: it makes no new generation, and another instance runs", () => {
  const map = SampleMap.ofMovers("n1");
  map.run("web", "n1");
  expect(said(map.do({ type: "set-paused", name: "none", paused: true }))).toContain("there is none of that name");
  map.do({ type: "set-paused", name: "web", paused: true });
  expect(map.vm("web")).toMatchObject({ metadata: { generation: 1 }, status: { instance: { paused: true } } });
  map.observe("web", { phase: "Paused" });
  expect(map.do({ type: "set-paused", name: "web", paused: true })).toMatchObject({ ok: true, changed: false });
  // It goes with the instance when its node comes back, and ends with it.
  map.join("n1", { hypervisor: MOVER }, [map.held("web").instance]);
  expect(map.vm("web").status.instance?.paused).toBe(true);
  map.do({ type: "restart-vm", name: "web" });
  expect(map.vm("web").status).toMatchObject({ phase: "Stopping", instance: { stopping: true } });
  map.release("web");
  expect(map.vm("web").status.phase).toBe("Pending");
  map.place("web", "n1");
  expect(map.vm("web").status.instance?.paused).toBeUndefined();
});

test("a snapshot keeps a migration with the room on both nodes, and what was taken before there were any is read", () => {
  const map = moving();
  const restore = (from: SampleMap): ClusterState => {
    const reader = new SnapshotReader(jsonCodec);
    const chunks = snapshotChunks({ view: from.state.view(), term: 1 }, jsonCodec);
    for (;;) {
      const { bytes, last } = chunks.next();
      reader.add(bytes);
      if (last) break;
    }
    const state = new ClusterState();
    state.restore(reader.finish().view);
    return state;
  };
  expect(restore(map).fingerprint).toBe(map.state.fingerprint);
  expect(restore(map).get("Vm", "web")).toEqual(map.vm("web"));
  const before = new SampleMap();
  before.join("n1");
  before.run("web", "n1");
  expect(restore(before).fingerprint).toBe(before.state.fingerprint);
});
