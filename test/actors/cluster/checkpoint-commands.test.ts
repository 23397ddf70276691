/** Checkpoints in the map: made once, by the node that has the guest; used where they are; gone when nothing of them is left. */
import { expect, test } from "vitest";
import { ClusterState, type Outcome, type VmSpec } from "../../../actors/index.ts";
import { refuseLevel } from "../../../actors/cluster/cluster-level.ts";
import { SnapshotReader, snapshotChunks } from "../../../actors/cluster/state-snapshot.ts";
import { jsonCodec } from "../../../runtime/index.ts";
import { checkpointOf, create, drop, failed, manifest, ready, spoken } from "./sample-checkpoints.ts";
import { MOVER, SampleMap, vmSpec } from "./sample-map.ts";

function said(outcome: Outcome): string {
  if (outcome.ok) throw new Error("it was not refused");
  return outcome.message;
}

/** A VM "web" on "n1" with a checkpoint "c1". */
function withCheckpoint(): SampleMap {
  const map = SampleMap.ofMovers("n1", "n2");
  map.run("web", "n1");
  create(map, "c1", "web");
  ready(map, "c1");
  return map;
}

test("create-checkpoint holds the instance until its node says that it is ready", () => {
  const map = SampleMap.ofMovers("n1", "n2");
  map.run("web", "n1", { command: ["sh"] });
  expect(create(map, "c1", "web")).toMatchObject({ ok: true, resource: { kind: "Checkpoint" } });
  expect(checkpointOf(map, "c1")).toMatchObject({
    spec: { vm: "web", vmUid: map.vm("web").metadata.uid, guest: { command: ["sh"], memoryMiB: 256 } },
    status: { phase: "Making", node: "n1", manifest: null, sizeBytes: 0 },
  });
  expect(said(map.migrate("web", "n2"))).toContain('checkpoint "c1" of it is being made');
  expect(said(map.do({ type: "set-paused", name: "web", paused: true }))).toContain('checkpoint "c1" of it is being');
  expect(said(create(map, "c2", "web"))).toContain('checkpoint "c1" of it is being made; wait');
  ready(map, "c1");
  expect(checkpointOf(map, "c1").status).toMatchObject({ phase: "Ready", sizeBytes: 1000, manifest: { format: 1 } });
  expect(ready(map, "c1")).toMatchObject({ ok: true, changed: false });
  expect(map.migrate("web", "n2")).toMatchObject({ ok: true });
  expect(map.reasons()).toEqual(expect.arrayContaining(["Checkpointing", "Checkpointed"]));
});

test("create-checkpoint refuses by name what has no memory to keep", () => {
  const map = SampleMap.ofMovers("n1", "n2");
  expect(said(create(map, "c", "web"))).toBe('Cannot make checkpoint "c" of VM "web": there is no such VM');
  map.create("web");
  expect(said(create(map, "c", "web"))).toContain("it is Pending and runs nowhere");
  map.place("web", "n1");
  expect(said(create(map, "c", "web"))).toContain("it is Starting, and only one that runs has a memory to keep");
  map.observe("web");
  map.migrate("web", "n2");
  expect(said(create(map, "c", "web"))).toContain('on its way to node "n2"');
  map.do({ type: "cancel-migration", name: "web", migration: null, message: "" });
  create(map, "c", "web");
  ready(map, "c");
  expect(said(create(map, "c", "web"))).toContain('there is a checkpoint of that name, of VM "web"');
  map.do({ type: "apply-vm", name: "web", labels: {}, spec: vmSpec({ env: { A: "1" } }) });
  expect(said(create(map, "d", "web"))).toContain("its instance is about to be stopped");
  map.run("far", "n2", { disks: [{ name: "data", source: "rbd:vms/data", readOnly: false }] });
  expect(said(create(map, "d", "far"))).toContain(
    'its disk "data" is of RBD, and a checkpoint keeps disks of its node',
  );
  const plain = SampleMap.ofMovers();
  plain.join("n1", { driver: "process", hypervisor: { ...MOVER, lacks: { checkpoint: "a process has none" } } });
  plain.run("web", "n1");
  expect(said(create(plain, "c", "web"))).toContain(
    'the driver "process" of node "n1" cannot make any (a process has none)',
  );
  plain.join("n2");
  plain.run("db", "n2");
  expect(said(create(plain, "c", "db"))).toContain('node "n2" does not say what its hypervisor can do; upgrade it');
});

test("disks are kept from level 5 on, and a VM that is started from them has the same", () => {
  const disks = [
    { name: "data", sizeMiB: 64, readOnly: false },
    { name: "root", source: "debian.qcow2", readOnly: false },
  ];
  const old = new SampleMap();
  old.do({ type: "raise-level", to: 4 });
  old.join("n1", { driver: "qemu", hypervisor: MOVER });
  old.run("full", "n1", { disks });
  expect(said(create(old, "c", "full"))).toContain("which checkpoints keep from level 5 on, and the cluster is at 4");
  const map = SampleMap.ofMovers("n1");
  map.run("full", "n1", { disks });
  expect(create(map, "c1", "full")).toMatchObject({ ok: true });
  ready(map, "c1");
  const clone = (spec: Partial<VmSpec>): Outcome =>
    map.do({ type: "create-vm", name: "clone", labels: {}, spec: vmSpec({ checkpoint: "c1", ...spec }) });
  expect(said(clone({}))).toContain(
    'spec.disks has no disks, and checkpoint "c1" is of a guest with data (64 MiB), root (debian.qcow2)',
  );
  expect(said(clone({ disks: disks.toReversed() }))).toContain("spec.disks has root (debian.qcow2), data (64 MiB)");
  expect(clone({ disks })).toMatchObject({ ok: true });
});

test("observe-checkpoint is fenced by lease, id and instance, and takes nothing back", () => {
  const map = SampleMap.ofMovers("n1", "n2");
  map.run("web", "n1");
  create(map, "c1", "web");
  const right = spoken(map, "c1");
  const observation = { phase: "Ready", manifest: manifest(right.id) } as const;
  for (const wrong of [{ node: "n2" }, { epoch: right.epoch + 1 }, { id: "c1-1" }, { instance: "web-1" }]) {
    const outcome = map.do({ type: "observe-checkpoint", ...right, ...wrong, observation });
    expect(outcome).toMatchObject({ ok: false, code: "stale" });
  }
  failed(map, "c1", "the disk is full");
  expect(checkpointOf(map, "c1").status).toMatchObject({ phase: "Failed", message: "the disk is full" });
  expect(map.vm("web").status.instance?.checkpointing).toBeUndefined();
  expect(ready(map, "c1")).toMatchObject({ ok: false, code: "stale" });
  expect(drop(map, "c1")).toMatchObject({ ok: false, code: "stale" });
});

test("a new lease of the node, or its end, fails what was being made; another disk loses what was ready", () => {
  const map = withCheckpoint();
  create(map, "c2", "web");
  map.join("n1", { hypervisor: MOVER }, [map.vm("web").status.instance?.id ?? ""]);
  expect(checkpointOf(map, "c2").status).toMatchObject({
    phase: "Failed",
    message: 'node "n1" has registered anew while it was made',
  });
  expect(checkpointOf(map, "c1").status.phase).toBe("Ready");
  expect(map.vm("web").status.instance?.checkpointing).toBeUndefined();
  create(map, "c3", "web");
  const { epoch, renewedAt } = map.node("n1").status;
  map.do({ type: "expire-lease", node: "n1", epoch, renewedAt });
  expect(checkpointOf(map, "c3").status.phase).toBe("Failed");
  expect(checkpointOf(map, "c1").status.phase).toBe("Ready");
  map.do({ type: "delete-checkpoint", name: "c3" });
  expect(checkpointOf(map, "c3").status.phase).toBe("Deleting");
  map.join("n1", { hypervisor: MOVER, incarnation: "second" });
  expect(checkpointOf(map, "c1").status).toMatchObject({ phase: "Lost" });
  expect(checkpointOf(map, "c3")).toBeUndefined();
  expect(map.do({ type: "delete-checkpoint", name: "c1" })).toMatchObject({ ok: true, resource: null });
});

test("remove-node loses what the node had", () => {
  const map = withCheckpoint();
  const { epoch, renewedAt } = map.node("n1").status;
  map.do({ type: "expire-lease", node: "n1", epoch, renewedAt });
  map.do({ type: "remove-node", name: "n1" });
  expect(checkpointOf(map, "c1").status).toMatchObject({ phase: "Lost", message: 'node "n1" was removed' });
});

test("place() gives a clone to the node of its checkpoint, with a fresh identity, and says why to no other", () => {
  const map = withCheckpoint();
  map.create("copy", { checkpoint: "c1" });
  expect(said(map.place("copy", "n2"))).toContain('the node has no checkpoint "c1", which is on node "n1"');
  expect(map.place("copy", "n1")).toMatchObject({ ok: true });
  const { id } = checkpointOf(map, "c1").status;
  const from = { checkpoint: "c1", id, node: "n1", identity: "fresh" };
  expect(map.vm("copy").status.instance?.from).toEqual(from);
  expect(map.vm("web").status.instance?.from).toBeUndefined();
  map.create("other", { checkpoint: "c1" });
  map.join("n1", { hypervisor: { ...MOVER, version: "2" } }, [
    map.vm("web").status.instance?.id ?? "",
    map.vm("copy").status.instance?.id ?? "",
  ]);
  expect(said(map.place("other", "n1"))).toContain('has a hypervisor of version "2", wants "1" for checkpoint "c1"');
});

test("apply-vm refuses by name a spec that the checkpoint's guest does not fit, and one that names none", () => {
  const map = withCheckpoint();
  const apply = (changes: Parameters<typeof vmSpec>[0]): Outcome =>
    map.do({ type: "apply-vm", name: "copy", labels: {}, spec: vmSpec({ checkpoint: "c1", ...changes }) });
  expect(said(apply({ memoryMiB: 512 }))).toBe(
    'Cannot apply VM "copy": spec.memoryMiB is 512, and checkpoint "c1" is of a guest with 256',
  );
  expect(said(apply({ vcpus: 2 }))).toContain("spec.vcpus is 2");
  expect(said(apply({ image: "db" }))).toContain("spec.image is db");
  expect(said(apply({ networks: [{ name: "out", kind: "user" }] }))).toBe(
    'Cannot apply VM "copy": spec.networks has out (user), and checkpoint "c1" is of a guest with no word of its cards',
  );
  expect(said(apply({ microvm: { hypervisor: "qemu" } }))).toContain("spec.microvm");
  expect(said(apply({ checkpoint: "none" }))).toContain('there is no checkpoint "none"');
  expect(apply({})).toMatchObject({ ok: true });
  failed(map, "c1", "its bytes are not what they were");
  expect(said(apply({ env: { A: "1" } }))).toContain('checkpoint "c1" is Failed: its bytes are not what they were');
});

test("restore-vm starts the VM from its own checkpoint with the same identity, and anew each time that it is asked for", () => {
  const map = withCheckpoint();
  expect(map.do({ type: "restore-vm", name: "web", checkpoint: "c1" })).toMatchObject({ ok: true });
  expect(map.vm("web").spec).toMatchObject({ checkpoint: "c1", running: true });
  map.release("web");
  map.place("web", "n1");
  map.observe("web");
  expect(map.vm("web").status.instance?.from).toMatchObject({ checkpoint: "c1", identity: "same" });
  map.do({ type: "restore-vm", name: "web", checkpoint: "c1" });
  expect(map.vm("web").status.instance?.stopping).toBe(true);
  map.create("other");
  expect(said(map.do({ type: "restore-vm", name: "other", checkpoint: "c1" }))).toBe(
    'Cannot restore VM "other" from checkpoint "c1": it is of VM "web"; make a clone of it instead',
  );
  expect(said(map.do({ type: "restore-vm", name: "web", checkpoint: "c9" }))).toContain('there is no checkpoint "c9"');
});

test("delete-checkpoint refuses while a VM is started from it, and goes by its node's word", () => {
  const map = withCheckpoint();
  map.create("copy", { checkpoint: "c1" });
  expect(said(map.do({ type: "delete-checkpoint", name: "c1" }))).toBe(
    'Cannot delete checkpoint "c1": VM "copy" is started from it; delete or change it first',
  );
  map.do({ type: "delete-vm", name: "copy" });
  expect(map.do({ type: "delete-checkpoint", name: "c1" })).toMatchObject({ ok: true });
  expect(checkpointOf(map, "c1").status.phase).toBe("Deleting");
  expect(said(map.do({ type: "create-vm", name: "late", labels: {}, spec: vmSpec({ checkpoint: "c1" }) }))).toContain(
    'checkpoint "c1" is Deleting',
  );
  expect(ready(map, "c1")).toMatchObject({ ok: false, code: "stale" });
  expect(drop(map, "c1")).toMatchObject({ ok: true, resource: null });
  expect(said(map.do({ type: "delete-checkpoint", name: "c1" }))).toContain("there is none of that name");
});

test("one that is deleted while it is made holds its instance until its node has dropped it", () => {
  const map = withCheckpoint();
  create(map, "c2", "web");
  map.do({ type: "delete-checkpoint", name: "c2" });
  expect(map.vm("web").status.instance?.checkpointing).toBe("c2");
  drop(map, "c2");
  expect(map.vm("web").status.instance?.checkpointing).toBeUndefined();
});

test("what names a checkpoint is of level 3, and snapshots hold checkpoints", () => {
  const spec = vmSpec({ checkpoint: "c1" });
  for (const type of ["create-vm", "apply-vm"] as const) {
    const command = { type, name: "copy", labels: {}, spec };
    expect(refuseLevel(command, { level: 2, applied: 9 })).toMatchObject({ ok: false, code: "invalid" });
    expect(refuseLevel(command, { level: 3, applied: 9 })).toBeNull();
    expect(refuseLevel({ ...command, spec: vmSpec() }, { level: 1, applied: 9 })).toBeNull();
  }
  const map = withCheckpoint();
  const chunks = snapshotChunks({ view: map.state.view(), term: 1 }, jsonCodec);
  const reader = new SnapshotReader(jsonCodec);
  reader.add(chunks.next().bytes);
  const restored = new ClusterState();
  restored.restore(reader.finish().view);
  expect(restored.get("Checkpoint", "c1")).toEqual(checkpointOf(map, "c1"));
  expect(restored.fingerprint).toBe(map.state.fingerprint);
});
