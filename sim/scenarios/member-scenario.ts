/**
 * The whole node, as production puts it together (`actors/member.ts`): consensus, replica, controllers, NodeActor, VmActors,
 * on modelled disks, networks and hypervisors, under the load of clients.
 */
import type { PayloadCodec, Random } from "../../runtime/index.ts";
import {
  brokenLeaseRule,
  type ClusterLimits,
  type ClusterView,
  type NodeSpec,
  type RaftLimits,
  type VmSpec,
} from "../../actors/index.ts";
import { ClientChecker } from "../checkers/client-checker.ts";
import { neutralDigest } from "../checkers/neutral-digest.ts";
import { ReplicaChecker } from "../checkers/replica-checker.ts";
import { StorageChecker } from "../checkers/storage-checker.ts";
import { VmChecker } from "../checkers/vm-checker.ts";
import { raftViewOf, THIS_EDITION, type Edition } from "../cluster/edition.ts";
import type { CoreEnd } from "../faults/core-ending.ts";
import { clientActor } from "../load/client-actor.ts";
import { addressOf, type AppliedVms, type Cluster } from "../cluster/cluster.ts";
import type { HostTrouble } from "../outside/host-trouble.ts";
import { cephMarks } from "../outside/ceph.ts";
import { SimulatedHypervisor } from "../outside/hypervisor.ts";
import { whyTooLong, type Compaction } from "./log-length.ts";
import type { PlantedFaults } from "../faults/planted-faults.ts";
import { proberOf } from "../outside/prober.ts";
import type { Scenario } from "./scenario.ts";
import { Scope } from "./scope.ts";
import { unsettledMap } from "./unsettled-map.ts";
import { decodeOnceCodec } from "../network/decode-once-codec.ts";
import type { Process, SimNode } from "../cluster/sim-node.ts";
import { loggerOf } from "../timeline/simulated-logger.ts";
import type { Timeline } from "../timeline/timeline.ts";
import type { MemberLoad } from "../load/member-load.ts";
import type { LoadAct } from "../schedule/load-act.ts";
import type { Schedule } from "../schedule/schedule.ts";
import { isUsersAct, Users, type UsersLife } from "../load/users.ts";
import { BURSTS_MEMORY_MIB } from "../load/vm-bursts.ts";
import { VM_MEMORY_MAX_MIB, VmLoad } from "../load/vm-load.ts";

export interface MemberScenarioOptions {
  readonly random: Random;
  readonly timeline: Timeline;
  readonly planted: PlantedFaults;
  readonly limits: Partial<RaftLimits>;
  /** When snapshots are made, and what of the log stays then. */
  readonly compaction: Compaction;
  /** How many VMs there may be; `atOnce`: all of them are created when the load begins, else one by one. */
  readonly vms: { readonly count: number; readonly atOnce: boolean };
  /** What the map keeps. Default: as in production. */
  readonly state?: Partial<ClusterLimits>;
  /** Mean pause between two requests, in microseconds. */
  readonly everyUs: number;
  /** Default: for a run of minutes. */
  readonly users?: UsersLife;
  /** Clients or users do something of which nobody told them. */
  readonly onAct: (act: LoadAct) => void;
  /** Gives VMs of some names a disk of the cluster's storage. Default: none has one. */
  readonly furnish?: (vm: string, spec: VmSpec) => VmSpec;
  /** Nodes and load of somebody's own, in place of `vms` and `everyUs`. */
  readonly platform?: MemberPlatform;
}

export interface MemberPlatform {
  nodeSpec(index: number): Pick<NodeSpec, "labels" | "memoryMiB" | "vcpus">;
  makeLoad(random: Random, checker: ClientChecker): MemberLoad;
}

/** How much longer a user of shared VMs waits than the load of single requests. */
const USER_PACE = 3;

/** Storage whose OSDs are not all healed has done what it can within this. */
const STORAGE_RESTS_US = 60_000_000;

/** Entries that a replica may be behind and still count as having converged: leases are renewed all the time. */
const LAG_MAX = 20;

export class MemberScenario implements Scenario {
  readonly guests: VmChecker;
  readonly #options: MemberScenarioOptions;
  /** Those of both editions in a rolling upgrade, one else. */
  readonly #codecs = new Map<PayloadCodec, PayloadCodec>();
  readonly #replicas: ReplicaChecker;
  #cluster!: Cluster;
  #clients!: ClientChecker;
  #load!: MemberLoad;
  #scope!: Scope;
  /** None where the load is somebody's own. */
  #users: Users | null = null;
  #isProbed = false;
  /** Since when nobody but a core is healed. */
  #coreFromUs = Infinity;
  /** Of storage, where there is any. */
  #images!: StorageChecker;
  #levels = 0;

  constructor(options: MemberScenarioOptions) {
    this.#options = options;
    this.guests = new VmChecker(options.timeline);
    this.#replicas = new ReplicaChecker(options.timeline, (node, index) => {
      return this.#cluster.node(node).disk.snapshots.newest?.index === index;
    });
  }

  attach(cluster: Cluster): void {
    const {
      random,
      vms,
      everyUs,
      timeline,
      platform,
      onAct,
      furnish = (_: string, spec: VmSpec) => spec,
    } = this.#options;
    this.#cluster = cluster;
    this.guests.checkpoints.viewOf = (node) => this.#replicas.view(node);
    for (const { host } of cluster.nodes) {
      host.clonesKeepIdentity = this.#options.planted.cloneKeepsIdentity === true;
      host.copiesDisksLate = this.#options.planted.disksCopiedLate === true;
    }
    const { ceph } = cluster.storage ?? {};
    this.#images = new StorageChecker(timeline, ceph?.settings.watchTimeoutUs ?? 0);
    if (ceph !== undefined) ceph.watcher = this.#images;
    this.#scope = new Scope(cluster, null);
    this.#clients = new ClientChecker(timeline, cluster.raft.committed, this.#codec(cluster.node(0).edition));
    const [own, checker] = [random.fork(), this.#clients];
    this.#load = platform?.makeLoad(own, checker) ?? new VmLoad({ random: own, checker, vms, everyUs, onAct, furnish });
    this.#load.attach(cluster);
    if (cluster.node(0).edition !== THIS_EDITION) this.#replicas.digestOf = neutralDigest;
    const users = random.fork();
    if (platform !== undefined) return;
    this.#users = new Users({
      random: users,
      cluster,
      clients: checker,
      everyUs: USER_PACE * everyUs,
      ...(this.#options.users && { life: this.#options.users }),
      onAct,
      furnish,
    });
  }

  compose({ node, life, system, store, snapshots, edition }: Process): void {
    const { planted, limits, timeline } = this.#options;
    const hypervisor = new SimulatedHypervisor(node.host, life, this.#cluster.hosts);
    const { replica } = edition.spawnMember(system, {
      members: this.#cluster.names,
      spec: { ...specOf(node, this.#options.vms.count), ...this.#options.platform?.nodeSpec(node.index) },
      store,
      snapshots,
      codec: this.#codec(edition),
      hypervisor,
      prober: proberOf(this.#cluster.hosts, node.host, life, hypervisor.verbs),
      logger: loggerOf(node.index, life, timeline),
      raftLimits: limits,
      snapshotting: { everyEntries: this.#options.compaction.everyEntries },
      // Older software knows of none, and they must be the same everywhere.
      ...(edition === THIS_EDITION && {
        stateLimits: { ...this.#options.state, ...(planted.dependenciesIgnored && { dependenciesIgnored: true }) },
      }),
      raftRules: edition.brokenRules(planted.raft ?? []),
      leaseRule: brokenLeaseRule(planted),
      moveRules: {
        awaitsTakeOver: planted.arrivalTrusted !== true,
        awaitsEnd: planted.refusalTrusted !== true,
      },
      onRaftStart: (view) => this.#cluster.raft.onStart(node.index, raftViewOf(edition, view)),
      onApply: (view) => {
        this.#replicas.onApply(node.index, view);
        this.#users?.onApply(view);
        for (const listen of this.#cluster.applyListeners) listen(node.index, () => vmsOf(view));
      },
    });
    const client = system.spawn(clientActor(replica), { name: "client" });
    this.#load.addClient(node.index, client);
    this.#users?.add(node.index, client, replica);
  }

  /** The map of who leads; undefined without a leader. */
  leaderMap(): ClusterView | undefined {
    const leader = this.#cluster.raft.leader();
    return leader === undefined ? undefined : this.#replicas.view(leader);
  }

  check(node: SimNode): void {
    this.#replicas.check(node.index);
    this.#clients.check(this.#replicas.view(node.index));
  }

  onEnd(node: SimNode): void {
    this.#replicas.onEnd(node.index);
    this.#load.onEnd(node);
    this.#users?.onEnd(node);
  }

  load(load: Schedule["load"] = "drawn"): void {
    this.#load.start(load);
    this.#users?.start(load);
  }

  get vms(): number {
    return this.#options.vms.count;
  }

  perform(act: LoadAct): boolean {
    return isUsersAct(act) ? this.#users?.perform(act) === true : this.#load.perform?.(act) === true;
  }

  unload(): void {
    this.#load.stop();
    this.#users?.stop();
  }

  keepTo(end: CoreEnd): void {
    this.#coreFromUs = this.#options.timeline.nowUs;
    this.#scope = new Scope(this.#cluster, end);
    this.#load.keepTo(end.core);
    this.#users?.keepTo(end.core);
  }

  term(): number {
    return this.#scope.term();
  }

  behind(): number {
    return Math.ceil(this.#scope.lag() / (this.#options.limits.entriesPerMessageMax ?? Infinity));
  }

  probe(): void {
    this.#load.probe(() => {
      this.#isProbed = true;
    });
  }

  halted(): string | null {
    return this.#isProbed ? null : "no write was acknowledged";
  }

  unsettled(): string | null {
    const { raft } = this.#cluster;
    const { nowUs } = this.#options.timeline;
    const leader = this.#scope.leader();
    const asked = this.#scope.asked();
    if (asked !== null) this.#load.keepTo(asked);
    if (leader === undefined) return "no member leads";
    if (!this.#isProbed) return "the last write is not acknowledged";
    for (const node of this.#scope.served(leader)) {
      const applied = this.#replicas.view(node.index)?.applied ?? 0;
      if (applied < raft.committed.lastIndex - LAG_MAX) {
        return `${node.name} has applied ${applied} of ${raft.committed.lastIndex} entries`;
      }
      const status = raft.view(node.index)?.status();
      const wrong = status === undefined ? "does not take part" : whyTooLong(status, this.#options.compaction);
      if (wrong !== null) return `${node.name} ${wrong}`;
    }
    const view = this.#replicas.view(leader);
    const served = this.#scope.served(leader);
    const closed = view === undefined ? null : (this.#users?.unsettledNodes(view, this.#cluster.node(leader)) ?? null);
    if (closed !== null) return closed;
    const maySpareDisks = nowUs - this.#coreFromUs > STORAGE_RESTS_US;
    const unsettled =
      view === undefined ? null : unsettledMap({ view, served, nodes: this.#cluster.nodes, maySpareDisks });
    const waiting = unsettled ?? this.#cluster.storage?.unsettled(maySpareDisks) ?? null;
    if (waiting !== null || this.#users === null) return waiting;
    const indices = new Set(served.map(({ index }) => index));
    return this.#users.unsettled(indices, (node) => this.#replicas.view(node));
  }

  checkEnd(): void {
    const leader = this.#cluster.raft.leader();
    const view = leader === undefined ? undefined : this.#replicas.view(leader);
    if (view !== undefined) {
      this.#clients.checkEnd(view);
      this.guests.checkpoints.checkEnd(view);
      this.#users?.checkEnd(view, (node) => this.#replicas.view(node));
      // Software of before levels says nothing of them.
      this.#levels = ((view.level as number | undefined) ?? 1) - 1;
    }
    this.#images.checkEnd();
    this.#replicas.checkEnd();
  }

  marks(): Readonly<Record<string, number>> {
    const { acknowledged, refused, unknown, reads, repeated, givenBack } = this.#clients;
    const troubles = this.#cluster.nodes.map(({ host }) => host.troubles.met);
    const count = (trouble: HostTrouble): number => troubles.reduce((sum, met) => sum + met[trouble], 0);
    return {
      requests: this.#load.sent,
      acknowledged,
      refused,
      unknown,
      reads,
      "proposals repeated": repeated,
      "guests started": this.guests.starts,
      "guests ended by lease": this.guests.leaseEnds,
      "guests stood still": this.guests.stood,
      "guests moved": this.guests.moved,
      ...this.guests.checkpoints.marks(),
      "starts refused": count("refused"),
      "boots hung": count("hung-boot"),
      "control sockets lost": count("socket-lost"),
      "builds slow": count("slow-build"),
      "builds failed": count("build-failed"),
      "instances given back": givenBack,
      "maps compared": this.#replicas.comparisons,
      "levels raised": this.#levels,
      ...this.#images.marks(),
      ...(this.#cluster.storage?.marks() ?? cephMarks()),
      ...this.#users?.marks(),
    };
  }

  #codec({ codec }: Edition): PayloadCodec {
    let own = this.#codecs.get(codec);
    if (own === undefined) {
      own = decodeOnceCodec(codec);
      this.#codecs.set(codec, own);
    }
    return own;
  }
}

/** Which nodes have a VM, each time under an id of its own, and which are on their way. */
function vmsOf(view: ClusterView): AppliedVms {
  const instances = new Set<string>();
  const migrations = new Map<string, "preparing" | "copying" | "stopping" | "moved" | "ended">();
  for (const vm of view.list("Vm")) {
    if (vm.kind !== "Vm") continue;
    const { instance, migration, lastMigration } = vm.status;
    if (instance !== null) instances.add(instance.id);
    if (lastMigration !== undefined) migrations.set(lastMigration.id, lastMigration.outcome);
    if (migration !== undefined) migrations.set(migration.id, migration.phase);
  }
  return { instances, migrations };
}

/** All VMs fit on one node, so that none ever waits for room. */
function specOf(node: SimNode, vms: number): NodeSpec {
  return {
    // As a node mints one for an empty disk.
    incarnation: `${node.name}-data${node.disk.met.lost === 0 ? "" : `-${node.disk.met.lost}`}`,
    address: addressOf(node.index),
    apiUrl: `http://${addressOf(node.index)}:7000`,
    driver: node.host.driver,
    vcpus: 64 + vms,
    memoryMiB: 4096 + BURSTS_MEMORY_MIB + vms * VM_MEMORY_MAX_MIB,
    labels: {},
    version: "simulated",
  };
}
