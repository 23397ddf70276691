/**
 * Operators who drain nodes, open them again while they are drained or later, and move VMs by stop and start. Some VMs are their own, so that there is
 * something to move. When all faults are over they wait until what they drain is empty and leads no more, and open every node.
 */
import {
  planDrain,
  type Checkpoint,
  type ClusterView,
  type CommandOf,
  type Node,
  type Resource,
  type Vm,
  type VmSpec,
} from "../../actors/index.ts";
import { createRandom, type Random } from "../../runtime/index.ts";
import type { SimNode } from "../cluster/sim-node.ts";
import { HOST_TROUBLES } from "../outside/host-trouble.ts";
import type { DrainKind } from "../schedule/load-act.ts";
import { PacedUsers, type PacedUsersOptions } from "./paced-users.ts";
import type { UsersAct } from "./users.ts";

type DrainAct = Extract<UsersAct, { readonly type: "drain" }>;

type Wanted = CommandOf<"create-vm" | "drain-node" | "undrain-node" | "move-vm">;

/** Mean pause between two acts. */
const EVERY_US = 2_500_000;

/** Whoever was heard so much less lately than others may be out of reach; and who lacks so much is not handed leadership yet. */
const HEARD_MS = 300;
const BEHIND_MAX = 100;

/** Names of their own VMs. */
export const DRAINED: readonly string[] = ["drained0", "drained1", "drained2", "drained3"];

/** How often each is wanted. */
const HOW: readonly DrainKind[] = ["drain", "drain", "undrain", "cold", "cold"];

/** In a long life, where else all nodes but one would be closed most of the time. */
const HOW_FOR_LONG: readonly DrainKind[] = ["drain", "undrain", "undrain", "cold"];

const SPEC: VmSpec = {
  ...{ running: true, vcpus: 1, memoryMiB: 64, image: "base", command: [], env: {}, files: [], ports: [] },
  ...{ restart: "always", stopGraceMs: 500, nodeSelector: {} },
};

export class VmDrainers extends PacedUsers<DrainAct> {
  /** What was taken on by the map. */
  readonly taken: Record<DrainKind, number> = { drain: 0, undrain: 0, cold: 0 };
  /** A node is being opened, at the end. */
  #isOpening = false;

  constructor(options: PacedUsersOptions) {
    super(options, { type: "drain", everyUs: EVERY_US, ways: options.slower > 1 ? HOW_FOR_LONG : HOW });
  }

  /** False when nobody is there to ask. */
  override perform({ node, how, chance }: DrainAct): boolean {
    const random = createRandom(chance);
    return this.#read(node, "Vm", (vms) => {
      this.#read(node, "Node", (nodes) => {
        const command = choose({ vms: vms as readonly Vm[], nodes: nodes as readonly Node[] }, how, random);
        if (command === null) return;
        this.options.desk.write(this.options.drawNode(random), command, (told) => {
          if (told?.ok === true && told.outcome.ok && command.type !== "create-vm") this.taken[how] += 1;
        });
      });
    });
  }

  /**
   * Faults are over: why it is not all empty and open again, null when it is. Opens what has been emptied. `leader`: whom it asks, and whose map `view` is.
   */
  unsettled(view: ClusterView, leader: SimNode): string | null {
    const closed = (view.list("Node") as readonly Node[]).filter(({ status }) => status.drain !== undefined);
    const leads = this.#leadsClosed(new Set(closed.map(({ metadata }) => metadata.name)), leader);
    if (leads !== null) return leads;
    for (const { metadata, status } of closed) {
      const left = status.drain?.phase === "draining" && this.#isCalm() ? movable(view, metadata.name) : null;
      if (left !== null) return left;
      this.#open(metadata.name, leader);
      return `node "${metadata.name}" is still closed`;
    }
    return null;
  }

  /** Whether a closed node leads, though an open one could: one that votes, follows closely and was heard as lately as any. */
  #leadsClosed(closed: ReadonlySet<string>, leader: SimNode): string | null {
    if (!closed.has(leader.name) || !this.#isCalm()) return null;
    const { raft, nodes } = this.options.cluster;
    const { peers = [], voters = [], lastIndex = 0 } = raft.view(leader.index)?.status() ?? {};
    const heardAtMs = Math.max(...peers.map((peer) => peer.heardAtMs));
    const open = peers.find((peer) => {
      const node = nodes[raft.nodeOf(peer.node) ?? -1];
      const isOpen = node !== undefined && !closed.has(node.name) && voters.includes(peer.node);
      return isOpen && heardAtMs - peer.heardAtMs < HEARD_MS && lastIndex - peer.match < BEHIND_MAX;
    });
    return open === undefined ? null : `node "${leader.name}" leads, which is closed, and "${open.node}" is open`;
  }

  #open(name: string, leader: SimNode): void {
    if (this.#isOpening) return;
    this.#isOpening = this.options.desk.write(leader, { type: "undrain-node", name }, () => {
      this.#isOpening = false;
    });
  }

  /** Whether nothing keeps a guest from being started, or moved, anywhere. */
  #isCalm(): boolean {
    return this.options.cluster.nodes.every(
      ({ process, host }) => process !== null && HOST_TROUBLES.every((trouble) => !host.troubles.isOn(trouble)),
    );
  }

  #read(node: number, kind: "Vm" | "Node", done: (found: readonly Resource[]) => void): boolean {
    const { cluster, desk } = this.options;
    const at = cluster.nodes[node];
    if (!this.isActive || at === undefined) return false;
    return desk.read(at, { kind, consistency: "local" }, (reply) => {
      if (reply?.ok !== true || !this.isActive) return;
      const { resources } = reply;
      cluster.timeline.after(0, () => done(resources));
    });
  }
}

interface Shown {
  readonly vms: readonly Vm[];
  readonly nodes: readonly Node[];
}

function choose({ vms, nodes }: Shown, how: DrainKind, random: Random): Wanted | null {
  const pick = <Item>(items: readonly Item[]): Item | undefined => items[random.integer(Math.max(1, items.length))];
  const missing = DRAINED.find((own) => !vms.some(({ metadata }) => metadata.name === own));
  if (missing !== undefined) return { type: "create-vm", name: missing, labels: {}, spec: SPEC };
  const [closed, open] = [nodes.filter(({ status }) => status.drain), nodes.filter(({ status }) => !status.drain)];
  switch (how) {
    case "drain": {
      const node = pick(open);
      // Two nodes that are told at once may close all there are: then VMs wait.
      return node === undefined || open.length < 2
        ? null
        : { type: "drain-node", name: node.metadata.name, limits: drawLimits(random) };
    }
    case "undrain": {
      const node = pick(closed);
      return node === undefined ? null : { type: "undrain-node", name: node.metadata.name };
    }
    case "cold": {
      const [vm, target] = [pick(vms.filter(({ status }) => status.instance !== null)), pick(nodes)];
      if (vm === undefined || target === undefined) return null;
      const timeoutMs = 1000 * (1 + random.integer(30));
      return { type: "move-vm", name: vm.metadata.name, target: target.metadata.name, timeoutMs };
    }
    default:
      return how satisfies never;
  }
}

function drawLimits(random: Random): CommandOf<"drain-node">["limits"] {
  return {
    liveOnly: random.next() < 0.2,
    atOnce: 1 + random.integer(3),
    // A move that has stalled ends with it: well within what a run has for it to come to rest.
    timeoutMs: 1000 * (5 + random.integer(40)),
  };
}

/** What could still leave a node that is being drained; null when it is empty, or the rest can go nowhere. */
function movable(view: ClusterView, name: string): string | null {
  const byName = <Of extends Resource>(kind: Of["kind"]): ReadonlyMap<string, Of> =>
    new Map((view.list(kind) as readonly Of[]).map((resource) => [resource.metadata.name, resource]));
  const [vms, nodes, checkpoints] = [byName<Vm>("Vm"), byName<Node>("Node"), byName<Checkpoint>("Checkpoint")];
  const { drain } = nodes.get(name)?.status ?? {};
  const steps = planDrain({ vms, nodes, checkpoints }, { node: name, liveOnly: drain?.limits.liveOnly ?? false });
  const step = steps.find(({ how }) => how !== "stays");
  return step === undefined
    ? null
    : `node "${name}" is being drained, and VM "${step.vm}" ${step.how} there: ${step.why}`;
}
