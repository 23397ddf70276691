/** Checkpoints of a sample map, with what a test does not want to spell out. */
import type { Checkpoint, CommandOf, Outcome } from "../../../actors/index.ts";
import type { CheckpointManifest } from "../../../runtime/index.ts";
import { MOVER, type SampleMap } from "./sample-map.ts";

export function manifest(id: string, changes: Partial<CheckpointManifest> = {}): CheckpointManifest {
  const { version, machine, cpu } = MOVER;
  const parts = [
    { name: "state", sizeBytes: 100, sha256: "aa" },
    { name: "memory", sizeBytes: 900, sha256: "bb" },
  ];
  const needs = { driver: "simulated", version, machine, cpu, vcpus: 1, memoryMiB: 256, imageSha256: "cc" };
  return { format: 1, id, ...needs, parts, ...changes };
}

export function checkpointOf(map: SampleMap, name: string): Checkpoint {
  return map.state.get("Checkpoint", name) as Checkpoint;
}

export function create(map: SampleMap, name: string, vm: string): Outcome {
  return map.do({ type: "create-checkpoint", name, vm, labels: {} });
}

/** How the node of a checkpoint speaks of it. */
export function spoken(map: SampleMap, name: string): Omit<CommandOf<"drop-checkpoint">, "type"> {
  const { status, spec } = checkpointOf(map, name);
  const { node, id } = status;
  return { node, epoch: map.node(node).status.epoch, checkpoint: name, id, instance: spec.instance };
}

export function ready(map: SampleMap, name: string, changes: Partial<CheckpointManifest> = {}): Outcome {
  const said = spoken(map, name);
  const observation = { phase: "Ready", manifest: manifest(said.id, changes) } as const;
  return map.do({ type: "observe-checkpoint", ...said, observation });
}

export function failed(map: SampleMap, name: string, message = "no space"): Outcome {
  return map.do({ type: "observe-checkpoint", ...spoken(map, name), observation: { phase: "Failed", message } });
}

export function drop(map: SampleMap, name: string): Outcome {
  return map.do({ type: "drop-checkpoint", ...spoken(map, name) });
}
