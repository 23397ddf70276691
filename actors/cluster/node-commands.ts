/**
 * Nodes and their leases. A node holds one lease for all its instances; its epoch is the index of the registration that
 * opened it, and fences whatever is said under an earlier one. When the lease may be ended is `lease.ts`'s matter.
 */
import { API_VERSION, type Node, type NodeSpec, type Vm } from "../resources/index.ts";
import { isEqual } from "./is-equal.ts";
import type { ChangeSet } from "./change-set.ts";
import { failUnfinished, loseCheckpoints, unheld } from "./checkpoint-commands.ts";
import type { CommandOf } from "./commands.ts";
import { endInstance } from "./instance-end.ts";
import { endMigrationsTo, withoutMigration } from "./migration-end.ts";
import { Refusal } from "./refusal.ts";
import type { About } from "./first-outcome.ts";

/**
 * Opens a lease. Instances of the node that it names in `running` are adopted under the new epoch, all others are released:
 * the node says that they do not run, and it starts nothing of an earlier epoch.
 *
 * `running` is what the node saw when it proposed. A registration that was made before the current epoch opened, and comes
 * late, knows nothing of what was placed since and would release what runs; so it is refused as stale. So is, from level 2 on, one that was made without
 * knowing that the node was lost: a node whose replica stands still (a hung disk) could otherwise be heard, and register for ever, and get VMs of which
 * it never learns.
 */
export function registerNode(set: ChangeSet, command: CommandOf<"register-node">): About | Refusal {
  const { name, spec } = command;
  const before = set.map.node(name);
  const running = new Set(command.running);
  const refusal = before === undefined ? null : refuseRegistration(set, before, { spec, running });
  if (refusal !== null) return refusal;
  endMigrationsTo(set, name, `node "${name}" has registered anew`);
  const [kept, gone] = partition(set.map.vmsOn(name), (vm) => running.has(vm.status.instance?.id ?? ""));
  // Before the node's epoch changes, so that no instance is ever put under an epoch that is not its node's.
  for (const vm of gone) {
    endInstance(set, vm, { completed: false, message: `node "${name}" came back without it`, reason: "InstanceLost" });
  }
  const why = `node "${name}" has registered anew`;
  if (before !== undefined && before.spec.incarnation !== spec.incarnation) loseCheckpoints(set, name, why);
  else failUnfinished(set, name, `${why} while it was made`);
  const node = registered(set, before, command);
  set.putNode(node);
  const message = before === undefined ? `Node "${name}" has joined` : `Node "${name}" is back`;
  set.record({ reason: "NodeJoined", message, regarding: { kind: "Node", name } });
  for (const vm of kept) adopt(set, vm, name);
  return aboutNode(node);
}

const LEVEL_OF_AWARENESS = 2;

export function renewLease(set: ChangeSet, command: CommandOf<"renew-lease">): About | Refusal {
  const { node: name, epoch } = command;
  const node = set.map.node(name);
  if (node === undefined || node.status.epoch !== epoch) {
    return new Refusal("stale", `Cannot renew the lease of node "${name}": epoch ${epoch} is over; register again`);
  }
  set.putNode({ ...node, status: { ...node.status, renewedAt: set.index } });
  return aboutNode(node);
}

export function expireLease(set: ChangeSet, command: CommandOf<"expire-lease">): About | Refusal {
  const { node: name, epoch, renewedAt } = command;
  const node = set.map.node(name);
  if (node === undefined || node.status.epoch !== epoch || node.status.renewedAt !== renewedAt) {
    return new Refusal(
      "stale",
      `Cannot end the lease of node "${name}": it was renewed, or has ended, since ${renewedAt}`,
    );
  }
  endMigrationsTo(set, name, `node "${name}" was lost`);
  for (const vm of set.map.vmsOn(name)) {
    endInstance(set, vm, { completed: false, message: `node "${name}" was lost`, reason: "InstanceLost" });
  }
  failUnfinished(set, name, `node "${name}" was lost while it was made`);
  set.putNode({ ...node, status: { ...node.status, phase: "Lost", epoch: 0, sinceMs: set.atMs } });
  const message = `Node "${name}" is lost: it did not renew its lease`;
  set.record({ type: "Warning", reason: "NodeLost", message, regarding: { kind: "Node", name } });
  return aboutNode(node);
}

export function removeNode(set: ChangeSet, command: CommandOf<"remove-node">): About | Refusal {
  const { name } = command;
  const node = set.map.node(name);
  if (node === undefined) return new Refusal("not-found", `Cannot remove node "${name}": there is none of that name`);
  if (node.status.phase === "Ready") {
    return new Refusal("invalid", `Cannot remove node "${name}": it holds a lease; stop it and wait until it is lost`);
  }
  loseCheckpoints(set, name, `node "${name}" was removed`);
  set.remove(node);
  set.record({ reason: "NodeRemoved", message: `Node "${name}" is removed`, regarding: { kind: "Node", name } });
  return aboutNode(node);
}

function aboutNode(node: Node): About {
  return { kind: "Node", name: node.metadata.name, uid: node.metadata.uid };
}

function refuseRegistration(
  set: ChangeSet,
  node: Node,
  wanted: { readonly spec: NodeSpec; readonly running: ReadonlySet<string> },
): Refusal | null {
  const { name } = node.metadata;
  if (node.status.phase !== "Ready") return refuseUnaware(set, node);
  if (node.spec.incarnation !== wanted.spec.incarnation) {
    const hint = "choose another name, or wait until that node is lost";
    return new Refusal("invalid", `Cannot register node "${name}": a node of that name holds a lease; ${hint}`);
  }
  if (set.after < node.status.epoch) {
    const since = `it registered at ${node.status.epoch}, after this was proposed at ${set.after}`;
    return new Refusal(
      "stale",
      `Cannot register node "${name}": ${since}; look again what runs and register once more`,
    );
  }
  return refuseNewAddress(set, node, wanted);
}

function refuseUnaware(set: ChangeSet, { metadata: { name, version } }: Node): Refusal | null {
  if (set.level < LEVEL_OF_AWARENESS || set.after >= version) return null;
  const since = `it was lost at ${version}, and has seen the map as of ${set.after}`;
  return new Refusal("stale", `Cannot register node "${name}": ${since}; register again when it has caught up`);
}

/** What runs keeps its ports, so it cannot move to an address where another VM has them. */
function refuseNewAddress(
  set: ChangeSet,
  node: Node,
  { spec, running }: { readonly spec: NodeSpec; readonly running: ReadonlySet<string> },
): Refusal | null {
  const { name } = node.metadata;
  if (node.spec.address === spec.address) return null;
  for (const vm of set.map.vmsOn(name)) {
    const { instance } = vm.status;
    if (instance === null || !running.has(instance.id)) continue;
    const port = instance.claim.hostPorts.find((hostPort) => set.map.portHolder(spec.address, hostPort) !== undefined);
    if (port === undefined) continue;
    const holder = set.map.portHolder(spec.address, port);
    const why = `port ${port} of address ${spec.address} is taken by VM "${holder}", and VM "${vm.metadata.name}" runs with it`;
    return new Refusal("invalid", `Cannot register node "${name}": ${why}; stop one of them`);
  }
  return null;
}

function registered(set: ChangeSet, before: Node | undefined, command: CommandOf<"register-node">): Node {
  const { name, spec } = command;
  const known = before?.spec.incarnation === spec.incarnation ? before : undefined;
  return {
    apiVersion: API_VERSION,
    kind: "Node",
    metadata: {
      name,
      uid: known?.metadata.uid ?? `node-${set.index}`,
      version: set.index,
      generation: known === undefined ? 1 : known.metadata.generation + (isEqual(known.spec, spec) ? 0 : 1),
      createdAtMs: known?.metadata.createdAtMs ?? set.atMs,
      labels: spec.labels,
    },
    spec,
    status: {
      ...{ phase: "Ready", epoch: set.index, renewedAt: set.index, sinceMs: set.atMs },
      // Whoever closed it opens it again, whatever its process has done meanwhile.
      ...(before?.status.drain !== undefined && { drain: before.status.drain }),
    },
  };
}

function adopt(set: ChangeSet, known: Vm, node: string): void {
  // One that moves by stop and start goes on doing so.
  const isLive = known.status.migration?.phase !== "stopping";
  const vm = isLive ? withoutMigration(set, known, `node "${node}" has registered anew`) : known;
  const { instance } = vm.status;
  if (instance === null) return;
  const { name } = vm.metadata;
  set.putVm({ ...vm, status: { ...vm.status, instance: { ...unheld(instance), epoch: set.index } } });
  const message = `Instance ${instance.id} of VM "${name}" still runs on node "${node}" and is adopted`;
  set.record({ reason: "Adopted", message, regarding: { kind: "Vm", name } });
}

function partition<Item>(items: readonly Item[], isFirst: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}
