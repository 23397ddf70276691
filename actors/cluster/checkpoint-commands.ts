/**
 * Checkpoints in the map: who wants one, which node makes it, who is started from it, when it goes.
 *
 *     create ─▶ Making ─observe─▶ Ready ──────▶ Deleting ─drop─▶ gone
 *                  └─observe, or the end of the lease─▶ Failed ──┘      any ─ another disk, or no node any more ─▶ Lost ─delete─▶ gone
 *
 * Its node says Ready only of what is on its disk, and drop only of what is not. A checkpoint that is being made holds its instance where it is
 * (`Instance.checkpointing`): it is not migrated, paused or resumed, and its health is not asked. The end of its node's lease, or a new one, makes it Failed:
 * whoever began it has lost sight of it. Decision: docs/decisions/0028-checkpoints.md.
 */
import { API_VERSION, type Checkpoint, type Vm } from "../resources/index.ts";
import type { ChangeSet } from "./change-set.ts";
import { whyNotCheckpoint, whyNotStartFrom } from "./checkpoint-rules.ts";
import type { CommandOf } from "./commands.ts";
import type { About } from "./first-outcome.ts";
import { restartVm } from "./pause-commands.ts";
import { Refusal } from "./refusal.ts";
import { aboutVm, changeSpec, setRunning } from "./vm-commands.ts";

/** VMs that a refusal names one by one. */
const NAMED_MAX = 3;

export function createCheckpoint(set: ChangeSet, command: CommandOf<"create-checkpoint">): About | Refusal {
  const { name, labels } = command;
  const cannot = `Cannot make checkpoint "${name}" of VM "${command.vm}"`;
  const known = set.map.checkpoint(name);
  if (known !== undefined) {
    return new Refusal("already-exists", `${cannot}: there is a checkpoint of that name, of VM "${known.spec.vm}"`);
  }
  const vm = set.map.vm(command.vm);
  if (vm === undefined) return new Refusal("not-found", `${cannot}: there is no such VM`);
  const { instance } = vm.status;
  const objection = whyNotCheckpoint(vm, set.map.node(instance?.node ?? ""), set.level);
  if (objection !== null || instance === null) {
    return new Refusal(objection?.code ?? "conflict", `${cannot}: ${objection?.why ?? "it runs nowhere"}`);
  }
  const { checkpoint: _, ...guest } = vm.spec;
  const made: Checkpoint = {
    apiVersion: API_VERSION,
    kind: "Checkpoint",
    metadata: {
      name,
      uid: `checkpoint-${set.index}`,
      version: set.index,
      generation: 1,
      createdAtMs: set.atMs,
      labels,
    },
    spec: { vm: command.vm, vmUid: vm.metadata.uid, instance: instance.id, guest },
    status: {
      phase: "Making",
      // The index is used once, so the id is too.
      id: `${name}-${set.index}`,
      node: instance.node,
      manifest: null,
      sizeBytes: 0,
      message: "",
      sinceMs: set.atMs,
    },
  };
  set.putCheckpoint(made);
  set.putVm({ ...vm, status: { ...vm.status, instance: { ...instance, checkpointing: name } } });
  tell(set, made, {
    reason: "Checkpointing",
    message: `is to be made of VM "${command.vm}" on node "${instance.node}"`,
  });
  return aboutCheckpoint(made);
}

export function observeCheckpoint(set: ChangeSet, command: CommandOf<"observe-checkpoint">): About | Refusal {
  const known = heldBy(set, command);
  if (known instanceof Refusal) return known;
  const { observation } = command;
  const { phase } = known.status;
  if (phase === observation.phase) return aboutCheckpoint(known);
  if (phase !== "Making" && (phase !== "Ready" || observation.phase !== "Failed")) {
    return new Refusal("stale", `${cannotSpeak(command)}: it is ${phase}`);
  }
  if (observation.phase === "Failed") fail(set, known, observation.message);
  else {
    const manifest = { ...observation.manifest, parts: [...observation.manifest.parts] };
    const sizeBytes = manifest.parts.reduce((bytes, part) => bytes + part.sizeBytes, 0);
    const status = { ...known.status, phase: "Ready", manifest, sizeBytes, message: "", sinceMs: set.atMs } as const;
    set.putCheckpoint({ ...known, status });
    tell(set, known, { reason: "Checkpointed", message: `is ready on node "${known.status.node}"` });
  }
  letGo(set, known);
  return aboutCheckpoint(known);
}

export function deleteCheckpoint(set: ChangeSet, { name }: CommandOf<"delete-checkpoint">): About | Refusal {
  const known = set.map.checkpoint(name);
  if (known === undefined) {
    return new Refusal("not-found", `Cannot delete checkpoint "${name}": there is none of that name`);
  }
  const users = set.map.vmsFrom(name);
  if (users.length > 0) {
    const named = users.slice(0, NAMED_MAX).map((user) => `"${user}"`);
    const more = users.length > NAMED_MAX ? ` and ${users.length - NAMED_MAX} more` : "";
    const who = `VM${users.length === 1 ? "" : "s"} ${named.join(", ")}${more}`;
    const why = `${who} ${users.length === 1 ? "is" : "are"} started from it; delete or change ${users.length === 1 ? "it" : "them"} first`;
    return new Refusal("conflict", `Cannot delete checkpoint "${name}": ${why}`);
  }
  const { phase, node } = known.status;
  if (phase === "Lost" || set.map.node(node) === undefined) removeNow(set, known);
  else if (phase !== "Deleting") {
    const status = { ...known.status, phase: "Deleting", message: "", sinceMs: set.atMs } as const;
    set.putCheckpoint({ ...known, metadata: { ...known.metadata, deletedAtMs: set.atMs }, status });
    tell(set, known, { reason: "Deleting", message: `is to go from node "${node}"` });
  }
  return aboutCheckpoint(known);
}

export function dropCheckpoint(set: ChangeSet, command: CommandOf<"drop-checkpoint">): About | Refusal {
  const known = heldBy(set, command);
  if (known instanceof Refusal) return known;
  const { phase } = known.status;
  if (phase !== "Deleting") return new Refusal("stale", `${cannotSpeak(command)}: it is ${phase}`);
  letGo(set, known);
  removeNow(set, known);
  return aboutCheckpoint(known);
}

export function restoreVm(set: ChangeSet, { name, checkpoint }: CommandOf<"restore-vm">): About | Refusal {
  const cannot = `Cannot restore VM "${name}" from checkpoint "${checkpoint}"`;
  const vm = set.map.vm(name);
  if (vm === undefined) return new Refusal("not-found", `${cannot}: there is no such VM`);
  if (vm.metadata.deletedAtMs !== undefined) return new Refusal("conflict", `${cannot}: it is being deleted`);
  const spec = { ...vm.spec, checkpoint, running: true };
  const known = set.map.checkpoint(checkpoint);
  const objection = whyNotStartFrom(spec, known, set.level);
  if (objection !== null || known === undefined) {
    return new Refusal(
      known === undefined ? "not-found" : (objection?.code ?? "conflict"),
      `${cannot}: ${objection?.why}`,
    );
  }
  if (known.spec.vmUid !== vm.metadata.uid) {
    const other = known.spec.vm === name ? "an earlier VM of that name" : `VM "${known.spec.vm}"`;
    return new Refusal("invalid", `${cannot}: it is of ${other}; make a clone of it instead`);
  }
  if (vm.spec.checkpoint === checkpoint && vm.spec.running) {
    if (vm.status.instance !== null) return restartVm(set, { type: "restart-vm", name });
    return setRunning(set, { type: "set-running", name, running: true });
  }
  changeSpec(set, vm, { labels: vm.metadata.labels, spec });
  return aboutVm(vm);
}

/** A lease of the node has ended, or another begins: what it was making it makes no more. */
export function failUnfinished(set: ChangeSet, node: string, message: string): void {
  for (const known of set.map.checkpointsOn(node)) if (known.status.phase === "Making") fail(set, known, message);
}

/** The node's disk is another, or there is no such node any more: what it had is gone. */
export function loseCheckpoints(set: ChangeSet, node: string, message: string): void {
  for (const known of set.map.checkpointsOn(node)) {
    if (known.status.phase === "Deleting") removeNow(set, known);
    else if (known.status.phase !== "Lost") {
      const status = { ...known.status, phase: "Lost", message, sinceMs: set.atMs } as const;
      set.putCheckpoint({ ...known, status });
      tell(set, known, { type: "Warning", reason: "CheckpointLost", message: `is lost: ${message}` });
    }
  }
}

/** An instance that is held by no checkpoint any more. */
export function unheld(instance: NonNullable<Vm["status"]["instance"]>): typeof instance {
  const { checkpointing: _, ...rest } = instance;
  return rest;
}

function aboutCheckpoint({ metadata: { name, uid } }: Checkpoint): About {
  return { kind: "Checkpoint", name, uid };
}

function fail(set: ChangeSet, known: Checkpoint, message: string): void {
  set.putCheckpoint({ ...known, status: { ...known.status, phase: "Failed", message, sinceMs: set.atMs } });
  const what = known.status.phase === "Making" ? "was not made" : "cannot be used any more";
  tell(set, known, { type: "Warning", reason: "CheckpointFailed", message: `${what}: ${message}` });
}

/** Its instance, if it runs still, may move, pause and go on again. */
function letGo(set: ChangeSet, { metadata: { name }, spec }: Checkpoint): void {
  const vm = set.map.vm(spec.vm);
  const instance = vm?.status.instance ?? null;
  if (vm === undefined || instance === null) return;
  if (instance.id !== spec.instance || instance.checkpointing !== name) return;
  set.putVm({ ...vm, status: { ...vm.status, instance: unheld(instance) } });
}

function removeNow(set: ChangeSet, known: Checkpoint): void {
  set.remove(known);
  tell(set, known, { reason: "Deleted", message: "is deleted" });
}

type FromNode = CommandOf<"observe-checkpoint" | "drop-checkpoint">;

function heldBy(set: ChangeSet, command: FromNode): Checkpoint | Refusal {
  const known = set.map.checkpoint(command.checkpoint);
  if (known?.status.id !== command.id || known.spec.instance !== command.instance) {
    return new Refusal("stale", `${cannotSpeak(command)}: it is gone`);
  }
  const { node } = known.status;
  const epoch = set.map.node(node)?.status.epoch;
  if (node !== command.node || epoch !== command.epoch) {
    const who = `for node "${command.node}" under epoch ${command.epoch}: node "${node}" has it under epoch ${epoch}`;
    return new Refusal("stale", `${cannotSpeak(command)} ${who}`);
  }
  return known;
}

function cannotSpeak({ type, checkpoint, id }: FromNode): string {
  return `Cannot ${type === "drop-checkpoint" ? "drop" : "report on"} ${id} of checkpoint "${checkpoint}"`;
}

function tell(
  set: ChangeSet,
  { metadata: { name } }: Checkpoint,
  told: { readonly type?: "Warning"; readonly reason: string; readonly message: string },
): void {
  const message = `Checkpoint "${name}" ${told.message}`;
  set.record({ ...told, message, regarding: { kind: "Checkpoint", name } });
}
