/** A replicated map with everything around it that a test does not want to spell out. */
import { LEVEL } from "../../../actors/cluster/cluster-level.ts";
import {
  ClusterState,
  type Applied,
  type ClusterLimits,
  type Command,
  type Event,
  type Node,
  type NodeSpec,
  type Observation,
  type Outcome,
  type Proposal,
  type Vm,
  type VmSpec,
} from "../../../actors/index.ts";

export const AT_MS = 1_700_000_000_000;

/** A hypervisor that lacks nothing. */
export const MOVER: NonNullable<NodeSpec["hypervisor"]> = { version: "1", machine: "plain", cpu: "any", lacks: {} };

export const LIMITS = {
  bandwidthBytesPerSecond: 1_000_000,
  downtimeMs: 50,
  autoConverge: true,
  timeoutMs: 60_000,
} as const;

export function vmSpec(changes: Partial<VmSpec> = {}): VmSpec {
  return {
    running: true,
    vcpus: 1,
    memoryMiB: 256,
    image: "base",
    command: [],
    env: {},
    files: [],
    ports: [],
    restart: "always",
    stopGraceMs: 5000,
    nodeSelector: {},
    ...changes,
  };
}

export function nodeSpec(changes: Partial<NodeSpec> = {}): NodeSpec {
  return {
    incarnation: "first",
    address: "10.0.0.1",
    apiUrl: "http://10.0.0.1:7460",
    driver: "simulated",
    vcpus: 2,
    memoryMiB: 1024,
    labels: {},
    version: "0.1.0",
    ...changes,
  };
}

export function observation(changes: Partial<Observation> = {}): Observation {
  return { phase: "Running", health: "unknown", addresses: [], restarts: 0, message: "", ...changes };
}

/** Applies commands one by one, each in a session of its own unless said otherwise. */
export class SampleMap {
  readonly state: ClusterState;
  last: Applied | null = null;

  constructor(limits: Partial<ClusterLimits> = {}) {
    this.state = new ClusterState(limits);
  }

  do(command: Command, proposal: Partial<Proposal> = {}): Outcome {
    const index = this.state.applied + 1;
    const made = { session: `s-${index}`, sequence: 1, after: index - 1, atMs: AT_MS + index, command, ...proposal };
    this.last = this.state.apply(index, made);
    return this.last.outcome;
  }

  create(name: string, spec: Partial<VmSpec> = {}): Vm {
    this.do({ type: "create-vm", name, labels: {}, spec: vmSpec(spec) });
    return this.vm(name);
  }

  join(name: string, spec: Partial<NodeSpec> = {}, running: readonly string[] = []): Node {
    this.do({ type: "register-node", name, spec: nodeSpec({ address: `10.0.0.${name.slice(1)}`, ...spec }), running });
    return this.node(name);
  }

  place(name: string, node: string): Outcome {
    const { uid, generation } = this.vm(name).metadata;
    const { epoch } = this.node(node).status;
    return this.do({ type: "place", vm: name, uid, generation, node, epoch });
  }

  observe(name: string, changes: Partial<Observation> = {}): Outcome {
    return this.do({ type: "observe", ...this.held(name), observation: observation(changes) });
  }

  /** Raised to this software's level, with nodes that can take part in migrations. */
  static ofMovers(...nodes: readonly string[]): SampleMap {
    const map = new SampleMap();
    map.do({ type: "raise-level", to: LEVEL });
    for (const node of nodes) map.join(node, { hypervisor: MOVER });
    return map;
  }

  /** A VM that runs on a node. */
  run(name: string, node: string, spec: Partial<VmSpec> = {}): Vm {
    this.create(name, spec);
    this.place(name, node);
    this.observe(name);
    return this.vm(name);
  }

  migrate(name: string, target: string): Outcome {
    return this.do({ type: "migrate-vm", name, target, limits: LIMITS });
  }

  /** How the target of a migration speaks of it. */
  target(name: string): { node: string; epoch: number; vm: string; migration: string } {
    const { migration } = this.vm(name).status;
    if (migration === undefined) throw new Error(`VM "${name}" does not migrate`);
    return { node: migration.node, epoch: migration.epoch, vm: name, migration: migration.id };
  }

  ready(name: string): Outcome {
    return this.do({ type: "migration-ready", ...this.target(name), endpoint: { address: "10.0.0.2", port: 4000 } });
  }

  takeOver(name: string): Outcome {
    return this.do({ type: "take-over", ...this.target(name), addresses: [] });
  }

  release(name: string, phase: "Stopped" | "Completed" = "Stopped"): Outcome {
    return this.do({ type: "release", ...this.held(name), phase, message: "asked to" });
  }

  stop(name: string): Outcome {
    return this.do({
      type: "stop-instance",
      vm: name,
      instance: this.held(name).instance,
      message: "the VM was stopped",
    });
  }

  /** How a node speaks of an instance. */
  held(name: string): { node: string; epoch: number; vm: string; instance: string } {
    const { instance } = this.vm(name).status;
    if (instance === null) throw new Error(`VM "${name}" has no instance`);
    return { node: instance.node, epoch: instance.epoch, vm: name, instance: instance.id };
  }

  vm(name: string): Vm {
    return this.state.get("Vm", name) as Vm;
  }

  node(name: string): Node {
    return this.state.get("Node", name) as Node;
  }

  events(): readonly Event[] {
    return this.state.list("Event") as Event[];
  }

  /** Reasons of all events, oldest first. */
  reasons(): readonly string[] {
    return this.events().map(({ spec }) => spec.reason);
  }
}
