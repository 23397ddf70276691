/** A cluster that keeps its resources in a list and does what a test tells it: what the commands talk to. */
import type { Checkpoint, Event, Kind, Node, Resource, Vm, VmManifest } from "../../actors/index.ts";
import {
  ApiError,
  type ApiClient,
  type ClusterMetrics,
  type ClusterStatus,
  type Collection,
  type DrainPlan,
  type MigrationPlan,
  type StreamOpening,
} from "../../api/index.ts";
import type { GuestStream, StreamListener } from "../../runtime/index.ts";
import { NO_STREAM } from "../../runtime/lacking-verbs.ts";
import { FakeMembers } from "./fake-members.ts";
import { parseVmManifest } from "../../actors/resources/validate-vm.ts";

/** Node n1 of itself. */
const LEADING: ClusterStatus["replica"] = {
  node: "n1",
  role: "leader",
  leader: "n1",
  term: 3,
  commit: 7,
  applied: 7,
  lastIndex: 7,
  storeError: "",
  level: 2,
  softwareLevel: 2,
  member: "n1@a",
  members: [],
  configuration: { index: 1, committed: true, joint: false },
  preferences: { priority: 0, leaseReads: false },
  readOnly: false,
  recovering: false,
  base: 2,
  transferringTo: null,
  cluster: "c1",
  membership: "member",
  waiting: [],
  snapshotIndex: 2,
  snapshotBytes: 2048,
};

export class FakeCluster {
  readonly resources: Map<string, Resource> = new Map();
  /** Every write, as `verb name`. */
  readonly writes: string[] = [];
  /** The URLs of the last client. */
  urls: readonly string[] = [];
  logLines: readonly string[] = [];
  /** Who belongs to it. */
  readonly members: FakeMembers = new FakeMembers(this.writes);
  /** What node n1 says of itself. */
  status: Partial<ClusterStatus["replica"]> = {};
  /** What a guest does. Default: it refuses. */
  openStream: (name: string, opening: StreamOpening, listener: StreamListener) => GuestStream = (_, __, listener) => {
    queueMicrotask(() => listener.onEnd({ ok: false, code: "unsupported", message: "no guest" }));
    return NO_STREAM;
  };
  /** What happens to a VM once it was written. Default: it runs on n1 and is healthy. */
  settle: (vm: Vm) => Vm | undefined = running;
  /** What becomes of the VMs of a node; each asking takes the first, and the last is said again and again. */
  drainPlans: DrainPlan[] = [];
  /** Why no VM could move. */
  planFails = "";
  /** How a VM is answered of which something was asked, and how it is read from then on. Default: as before. */
  turn: (vm: Vm) => readonly [Vm, Vm] = (vm) => [vm, vm];
  /** What its nodes say of their guests; each asking takes the first, and the last is said again and again. */
  metrics: ClusterMetrics[] = [{ node: "n1", nodes: [] }];
  #version = 10;

  put(resource: Resource): void {
    this.resources.set(`${resource.kind}/${resource.metadata.name}`, resource);
  }

  connect(urls: readonly string[]): ApiClient {
    this.urls = urls;
    return {
      vms: {
        ...this.#collection<Vm>("Vm"),
        create: async (input) => {
          if (this.resources.has(`Vm/${input.metadata.name}`)) {
            throw new ApiError(
              409,
              "already-exists",
              `Cannot create VM "${input.metadata.name}": a VM of that name exists`,
            );
          }
          return this.#write("create", vmOf(input as VmManifest, ++this.#version));
        },
        apply: async (input) => {
          const before = this.resources.get(`Vm/${input.metadata.name}`) as Vm | undefined;
          const vm = vmOf(input as VmManifest, ++this.#version);
          const same = JSON.stringify(before?.spec) === JSON.stringify(vm.spec);
          if (before !== undefined && same) return { change: "none", vm: before };
          return { change: before === undefined ? "created" : "updated", vm: this.#write("apply", vm) };
        },
        delete: async (name) => {
          const vm = this.#find("Vm", name) as Vm;
          this.writes.push(`delete ${name}`);
          this.resources.delete(`Vm/${name}`);
          return vm;
        },
        start: async (name) => this.#switch("start", name),
        stop: async (name) => this.#switch("stop", name),
        pause: async (name) => this.#turn("pause", name),
        resume: async (name) => this.#turn("resume", name),
        restart: async (name) => this.#turn("restart", name),
        setBalloon: async (name, memoryMiB) => this.#turn(`balloon to ${memoryMiB} of`, name),
        migrate: async (name, { to, how }) => this.#turn(`${how === "cold" ? "cold " : ""}migrate to ${to} of`, name),
        cancelMigration: async (name) => this.#turn("cancel migration of", name),
        planMigration: async (name, { to, how = "live" }) => {
          this.#find("Vm", name);
          const memory = { memoryMiB: 128, memoryFreeMiB: 512, firstRoundMs: 1074 };
          const checks: MigrationPlan["checks"] = [{ what: "cpu", why: this.planFails, found: 'cpu "any"' }];
          const plan = { vm: name, how, from: "n1", to, ...memory, checks, message: this.planFails };
          return { ...plan, ok: this.planFails === "", coldWould: true };
        },
        restore: async (name, checkpoint) => this.#turn(`restore from ${checkpoint}`, name),
        openStream: async (name, opening, listener) => {
          this.#find("Vm", name);
          return this.openStream(name, opening, listener);
        },
        metrics: async (name) => {
          this.#find("Vm", name);
          const found = this.#nextMetrics()
            .nodes.flatMap(({ vms }) => vms)
            .find(({ vm }) => vm === name);
          if (found?.error === "") return found;
          throw new ApiError(
            409,
            "no-instance",
            `Cannot read the metrics of VM "${name}": ${found?.error ?? "it runs nowhere"}`,
          );
        },
        logs: (name, { tail = this.logLines.length } = {}) => this.#logs(name, tail),
      },
      nodes: {
        ...this.#collection<Node>("Node"),
        remove: async () => undefined,
        drain: async (name, limits) => {
          this.writes.push(`drain ${name} ${JSON.stringify(limits)}`);
          return this.#find("Node", name) as Node;
        },
        undrain: async (name) => {
          this.writes.push(`undrain ${name}`);
          return this.#find("Node", name) as Node;
        },
        drainPlan: async () => (this.drainPlans.length > 1 ? this.drainPlans.shift()! : this.drainPlans[0]!),
      },
      checkpoints: {
        ...this.#collection<Checkpoint>("Checkpoint"),
        create: async ({ name, vm }) => {
          const made = checkpointNamed(name, { vm, phase: "Making" });
          this.put(checkpointNamed(name, { vm, phase: "Ready" }));
          this.writes.push(`checkpoint ${vm} as ${name}`);
          return made;
        },
        delete: async (name) => {
          this.#find("Checkpoint", name);
          this.writes.push(`delete checkpoint ${name}`);
          this.resources.delete(`Checkpoint/${name}`);
          return null;
        },
      },
      events: this.#collection<Event>("Event"),
      members: this.members.client(),
      clusterMetrics: async () => this.#nextMetrics(),
      clusterStatus: async () => ({
        node: "n1",
        version: "0.1.0",
        atMs: 0,
        replica: { ...LEADING, ...this.status },
        nodes: [
          {
            name: "n1",
            apiUrl: "http://127.0.0.1:7201",
            phase: "Ready",
            error: "",
            replica: { ...LEADING, ...this.status },
          },
          { name: "n2", apiUrl: "http://127.0.0.1:7202", phase: "Lost", error: "ECONNREFUSED", replica: null },
        ],
      }),
      ready: async () => ({ node: "n1", leader: "n1" }),
      version: async () => ({ version: "0.1.0", api: "v1", node: "n1" }),
    };
  }

  #nextMetrics(): ClusterMetrics {
    return (this.metrics.length > 1 ? this.metrics.shift() : this.metrics[0])!;
  }

  #collection<Of extends Resource>(kind: Kind): Collection<Of> {
    const all = (): Of[] => [...this.resources.values()].filter((resource) => resource.kind === kind) as Of[];
    return {
      list: async () => ({ apiVersion: "blixard.dev/v1", kind: `${kind}List`, version: this.#version, items: all() }),
      get: async (name) => this.#find(kind, name) as Of,
      watch: async function* () {
        yield { type: "synced", version: 10, resources: all() };
        yield { type: "bookmark", version: 11 };
        for (const resource of all()) yield { type: "delete", version: 12, resource };
      },
    };
  }

  #find(kind: Kind, name: string): Resource {
    const found = this.resources.get(`${kind}/${name}`);
    if (found === undefined) throw new ApiError(404, "not-found", `There is no VM "${name}"`);
    return found;
  }

  #write(verb: string, vm: Vm): Vm {
    this.writes.push(`${verb} ${vm.metadata.name}`);
    const settled = this.settle(vm);
    if (settled !== undefined) this.put(settled);
    return vm;
  }

  #switch(verb: "start" | "stop", name: string): Vm {
    const vm = this.#find("Vm", name) as Vm;
    this.writes.push(`${verb} ${name}`);
    const spec = { ...vm.spec, running: verb === "start" };
    const next = verb === "start" ? running({ ...vm, spec }) : stopped({ ...vm, spec });
    this.put(next);
    return next;
  }

  #turn(verb: string, name: string): Vm {
    const vm = this.#find("Vm", name) as Vm;
    this.writes.push(`${verb} ${name}`);
    const [now, later] = this.turn(vm);
    this.put(later);
    return now;
  }

  async *#logs(name: string, tail: number): AsyncGenerator<string, void> {
    this.#find("Vm", name);
    yield* this.logLines.slice(this.logLines.length - tail);
  }
}

/** A VM with every default, as it was just made. */
export function vmNamed(name: string, spec: Partial<Vm["spec"]> = {}): Vm {
  return vmOf({ apiVersion: "blixard.dev/v1", kind: "Vm", metadata: { name }, spec } as VmManifest, 5);
}

export function running(vm: Vm): Vm {
  const { spec, metadata } = vm;
  return {
    ...vm,
    status: {
      ...vm.status,
      phase: "Running",
      health: spec.health === undefined ? "unknown" : "healthy",
      instance: {
        id: `${metadata.name}-7`,
        node: "n1",
        epoch: 3,
        generation: metadata.generation,
        stopping: false,
        claim: { vcpus: 1, memoryMiB: 128, hostPorts: [] },
      },
      addresses: spec.ports.map(({ name, guest, host = 30_000 }) => ({
        name,
        guest,
        address: "127.0.0.1",
        port: host,
      })),
    },
  };
}

function stopped(vm: Vm): Vm {
  return {
    ...vm,
    status: { ...vm.status, phase: "Stopped", health: "unknown", instance: null, lastInstance: null, addresses: [] },
  };
}

export function nodeNamed(name: string): Node {
  return {
    apiVersion: "blixard.dev/v1",
    kind: "Node",
    metadata: metadataOf(name, 3),
    spec: {
      incarnation: "one",
      address: "127.0.0.1",
      apiUrl: "http://127.0.0.1:7201",
      driver: "qemu",
      vcpus: 2,
      memoryMiB: 4096,
      labels: { zone: "a" },
      version: "0.1.0",
    },
    status: { phase: "Ready", epoch: 3, renewedAt: 9, sinceMs: 0 },
  };
}

/** Of a VM on node n1; by default a VM "web", and ready. */
export function checkpointNamed(
  name: string,
  { vm = "web", phase = "Ready" }: { readonly vm?: string; readonly phase?: Checkpoint["status"]["phase"] } = {},
): Checkpoint {
  const source = vmNamed(vm, { ports: [{ name: "http", guest: 80, host: 8080 }] });
  return {
    apiVersion: "blixard.dev/v1",
    kind: "Checkpoint",
    metadata: metadataOf(name, 9),
    spec: { vm, vmUid: source.metadata.uid, instance: `${vm}-1`, guest: source.spec },
    status: { phase, id: `${name}-9`, node: "n1", manifest: null, sizeBytes: 1_048_576, message: "", sinceMs: 0 },
  };
}

export function eventAbout(vm: string, reason: string, version: number): Event {
  const spec = {
    type: "Normal" as const,
    reason,
    message: `${reason} it`,
    regarding: { kind: "Vm", name: vm },
    atMs: 1000,
  };
  return { apiVersion: "blixard.dev/v1", kind: "Event", metadata: metadataOf(`event-${version}`, version), spec };
}

function vmOf(input: VmManifest, version: number): Vm {
  const parsed = parseVmManifest(input);
  if (!parsed.ok)
    throw new ApiError(422, "invalid", "The body is not valid", { details: { problems: parsed.problems } });
  const { manifest } = parsed;
  return {
    apiVersion: "blixard.dev/v1",
    kind: "Vm",
    metadata: { ...metadataOf(manifest.metadata.name, version), labels: manifest.metadata.labels ?? {} },
    spec: manifest.spec,
    status: {
      phase: "Pending",
      health: "unknown",
      instance: null,
      lastInstance: null,
      addresses: [],
      restarts: 0,
      message: "",
      sinceMs: 0,
    },
  };
}

function metadataOf(name: string, version: number): Vm["metadata"] {
  return { name, uid: `uid-${name}`, version, generation: 1, createdAtMs: 0, labels: {} };
}
