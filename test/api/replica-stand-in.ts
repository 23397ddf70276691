/**
 * A replica of one node without Raft: a small map behind the replica's protocol, and switches to let it fail.
 *
 * It is no model of the control plane: writes are applied as they come, nothing is placed or run.
 */
import {
  API_VERSION,
  type Change,
  type Checkpoint,
  type Command,
  type Kind,
  type Node,
  type Outcome,
  type ReplicaRequest,
  type Resource,
  type Selection,
  type Unavailable,
  type Vm,
  type VmSpec,
  type WatchMessage,
} from "../../actors/index.ts";
import type { Behavior, Context, Ref } from "../../runtime/index.ts";
import { createStandInMembers, type StandInMembers } from "./stand-in-members.ts";

export interface StandIn {
  readonly behavior: Behavior<null, ReplicaMessage>;
  /** Set: every proposal and linearizable read fails like this. */
  unavailable: Unavailable | undefined;
  /** Who belongs to its cluster. */
  readonly cluster: StandInMembers;
  /** Nothing is answered. */
  mute: boolean;
  /** Changes up to this version are forgotten. */
  oldest: number;
  readonly subscribers: () => number;
  readonly version: () => number;
  /** Puts a resource as it is, as if a command had. */
  readonly put: (...resources: readonly Resource[]) => PutMessage;
}

export interface PutMessage {
  readonly type: "put";
  readonly resources: readonly Resource[];
}

export type ReplicaMessage = ReplicaRequest | PutMessage;

interface Subscription {
  readonly ref: Ref<WatchMessage>;
  readonly selection: Selection;
}

export function createStandIn(node: string): StandIn {
  const resources = new Map<string, Resource>();
  const history: { readonly version: number; readonly changes: readonly Change[] }[] = [];
  const subscriptions = new Map<string, Subscription>();
  let version = 0;

  const standIn: StandIn = {
    behavior: { name: "replica", init: () => null, receive },
    unavailable: undefined,
    cluster: createStandInMembers(node),
    mute: false,
    oldest: 0,
    subscribers: () => subscriptions.size,
    version: () => version,
    put: (...given) => ({ type: "put", resources: given }),
  };
  return standIn;

  function receive(state: null, message: ReplicaMessage, ctx: Context<ReplicaMessage>): null {
    if (!standIn.mute) answer(message, ctx);
    return state;
  }

  function answer(message: ReplicaMessage, ctx: Context<ReplicaMessage>): void {
    switch (message.type) {
      case "propose":
        ctx.tell(message.replyTo, standIn.unavailable ?? { ok: true, outcome: apply(message.command, ctx) });
        return;
      case "read": {
        const { query, replyTo } = message;
        const fails = query.consistency === "linearizable" ? standIn.unavailable : undefined;
        const selected = select({ kinds: [query.kind], ...(query.name === undefined ? {} : { name: query.name }) });
        ctx.tell(replyTo, fails ?? { ok: true, version, resources: selected });
        return;
      }
      case "subscribe":
        subscribe(message, ctx);
        return;
      case "unsubscribe":
        subscriptions.delete(message.subscriber.toString());
        return;
      case "status":
        ctx.tell(message.replyTo, {
          node,
          role: standIn.unavailable === undefined ? "leader" : "candidate",
          leader: standIn.unavailable === undefined ? node : null,
          term: 1,
          commit: version,
          applied: version,
          lastIndex: version,
          level: 2,
          storeError: standIn.unavailable?.code === "store-failed" ? standIn.unavailable.message : "",
          member: `${node}@1`,
          members: standIn.cluster.members,
          configuration: { index: 1_000, committed: true, joint: false },
          preferences: { priority: 0, leaseReads: false },
          readOnly: false,
          recovering: false,
          base: 0,
          transferringTo: null,
          cluster: "c1",
          membership: "member",
          waiting: [],
          snapshotIndex: 0,
          snapshotBytes: 0,
          ...standIn.cluster.status,
        });
        return;
      case "change-membership":
        ctx.tell(message.replyTo, standIn.unavailable ?? standIn.cluster.change(message.change));
        return;
      case "transfer-leadership":
        ctx.tell(message.replyTo, standIn.unavailable ?? standIn.cluster.transferReply);
        return;
      case "snapshot-now":
        ctx.tell(message.replyTo, standIn.unavailable ?? standIn.cluster.snapshotReply);
        return;
      case "put":
        version += 1;
        publish(
          message.resources.map((resource) => ({ type: "put", resource: stamp(resource) })),
          ctx,
        );
        return;
      case "watch-leadership":
      case "subscribe-coordination":
        return;
      default:
        message satisfies never;
    }
  }

  function subscribe(message: Extract<ReplicaRequest, { type: "subscribe" }>, ctx: Context<ReplicaMessage>): void {
    const { subscriber: ref, selection, since } = message;
    if (since !== undefined && since < standIn.oldest) {
      ctx.tell(ref, { type: "compacted", oldest: standIn.oldest });
      return;
    }
    subscriptions.set(ref.toString(), { ref, selection });
    if (since === undefined) {
      ctx.tell(ref, { type: "synced", version, resources: select(selection) });
      return;
    }
    const missed = history.filter((entry) => entry.version > since).flatMap(({ changes }) => changes);
    const changes = missed.filter(({ resource }) => isSelected(resource, selection));
    ctx.tell(ref, { type: "changes", version: Math.max(version, since), changes });
  }

  function publish(changes: readonly Change[], ctx: Context<ReplicaMessage>): void {
    for (const { type, resource } of changes) {
      if (type === "put") resources.set(keyOf(resource.kind, resource.metadata.name), resource);
      else resources.delete(keyOf(resource.kind, resource.metadata.name));
    }
    history.push({ version, changes });
    for (const { ref, selection } of subscriptions.values()) {
      const selected = changes.filter(({ resource }) => isSelected(resource, selection));
      if (selected.length > 0) ctx.tell(ref, { type: "changes", version, changes: selected });
    }
  }

  function select(selection: Selection): readonly Resource[] {
    return [...resources.values()].filter((resource) => isSelected(resource, selection));
  }

  function stamp<Of extends Resource>(resource: Of): Of {
    return { ...resource, metadata: { ...resource.metadata, version } };
  }

  function apply(command: Command, ctx: Context<ReplicaMessage>): Outcome {
    version += 1;
    const name = "name" in command ? command.name : "";
    const vm = resources.get(keyOf("Vm", name)) as Vm | undefined;
    switch (command.type) {
      case "create-vm":
        if (vm !== undefined) return refused("already-exists", `Cannot create VM "${name}": a VM of that name exists`);
        return put(createVm(command), ctx);
      case "apply-vm":
        if (command.expectedVersion !== undefined && vm?.metadata.version !== command.expectedVersion) {
          return refused("conflict", `Cannot apply VM "${name}": another version is there`);
        }
        if (vm === undefined) return put(createVm(command), ctx);
        if (JSON.stringify([vm.spec, vm.metadata.labels]) === JSON.stringify([command.spec, command.labels])) {
          return { ok: true, version, changed: false, resource: vm };
        }
        return put(changeVm(vm, command), ctx);
      case "set-running":
        if (vm === undefined) return refused("not-found", `Cannot change VM "${name}": there is none of that name`);
        return put(changeVm(vm, { labels: vm.metadata.labels, spec: { ...vm.spec, running: command.running } }), ctx);
      case "delete-vm":
        if (vm === undefined) return refused("not-found", `Cannot delete VM "${name}": there is none of that name`);
        if (vm.status.instance !== null) {
          return put({ ...vm, metadata: { ...vm.metadata, deletedAtMs: 1 } }, ctx);
        }
        publish([{ type: "delete", resource: vm }], ctx);
        return { ok: true, version, changed: true, resource: null };
      case "set-paused":
      case "set-balloon":
      case "restart-vm":
      case "migrate-vm":
      case "move-vm":
      case "cancel-migration":
      case "restore-vm":
        if (vm === undefined) return refused("not-found", `Cannot change VM "${name}": there is none of that name`);
        if (vm.status.instance === null) return refused("conflict", `Cannot change VM "${name}": it runs nowhere`);
        return put(vm, ctx);
      case "create-checkpoint": {
        const source = resources.get(keyOf("Vm", command.vm)) as Vm | undefined;
        if (source === undefined) return refused("not-found", `Cannot make checkpoint "${name}": there is no such VM`);
        if (source.status.instance === null)
          return refused("conflict", `Cannot make checkpoint "${name}": not running`);
        return put(createCheckpoint(name, source), ctx);
      }
      case "delete-checkpoint": {
        const found = resources.get(keyOf("Checkpoint", name));
        if (found === undefined) return refused("not-found", `Cannot delete checkpoint "${name}": there is none`);
        publish([{ type: "delete", resource: found }], ctx);
        return { ok: true, version, changed: true, resource: null };
      }
      case "drain-node":
      case "undrain-node": {
        const found = resources.get(keyOf("Node", name)) as Node | undefined;
        if (found === undefined) return refused("not-found", `Cannot drain node "${name}": there is none of that name`);
        return { ok: true, version, changed: false, resource: found };
      }
      case "remove-node": {
        const found = resources.get(keyOf("Node", name)) as Node | undefined;
        if (found === undefined)
          return refused("not-found", `Cannot remove node "${name}": there is none of that name`);
        if (found.status.phase === "Ready")
          return refused("conflict", `Cannot remove node "${name}": it holds a lease`);
        publish([{ type: "delete", resource: found }], ctx);
        return { ok: true, version, changed: true, resource: null };
      }
      default:
        return refused("invalid", `The stand-in does not know ${command.type}`);
    }
  }

  function put(resource: Vm | Checkpoint, ctx: Context<ReplicaMessage>): Outcome {
    const stamped = stamp(resource);
    publish([{ type: "put", resource: stamped }], ctx);
    return { ok: true, version, changed: true, resource: stamped };
  }

  function refused(code: Extract<Outcome, { ok: false }>["code"], message: string): Outcome {
    return { ok: false, version, code, message };
  }

  function createCheckpoint(name: string, { metadata, spec, status }: Vm): Checkpoint {
    const { id = "", node: at = "" } = status.instance ?? {};
    return {
      apiVersion: API_VERSION,
      kind: "Checkpoint",
      metadata: { name, uid: `checkpoint-${version}`, version, generation: 1, createdAtMs: 1, labels: {} },
      spec: { vm: metadata.name, vmUid: metadata.uid, instance: id, guest: spec },
      status: {
        phase: "Making",
        id: `${name}-${version}`,
        node: at,
        manifest: null,
        sizeBytes: 0,
        message: "",
        sinceMs: 1,
      },
    };
  }

  function createVm({ name, labels, spec }: { name: string; labels: Vm["metadata"]["labels"]; spec: VmSpec }): Vm {
    return {
      apiVersion: API_VERSION,
      kind: "Vm",
      metadata: { name, uid: `vm-${version}`, version, generation: 1, createdAtMs: 1, labels },
      spec,
      status: idle(),
    };
  }

  function changeVm(vm: Vm, { labels, spec }: { labels: Vm["metadata"]["labels"]; spec: VmSpec }): Vm {
    const generation = vm.metadata.generation + (JSON.stringify(vm.spec) === JSON.stringify(spec) ? 0 : 1);
    return { ...vm, metadata: { ...vm.metadata, labels, generation }, spec };
  }
}

function idle(): Vm["status"] {
  return {
    phase: "Pending",
    health: "unknown",
    instance: null,
    lastInstance: null,
    addresses: [],
    restarts: 0,
    message: "",
    sinceMs: 1,
  };
}

function keyOf(kind: Kind, name: string): string {
  return `${kind}/${name}`;
}

function isSelected({ kind, metadata }: Resource, { kinds, name }: Selection): boolean {
  return (kinds.length === 0 || kinds.includes(kind)) && (name === undefined || name === metadata.name);
}
