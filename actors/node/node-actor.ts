/**
 * The NodeActor speaks for one node: it holds the node's lease and supervises one VmActor an instance.
 *
 *     finding ──found──▶ registering ──registered──▶ holding ──renewed──▶ holding
 *        ▲                    ▲                          │ lease over, or refused as stale
 *        └────────────────────┴── all guests gone ◀── ending
 *
 * The lease counts from before its renewal was *proposed*, by this node's monotonic clock; the leader counts a whole lease
 * and the drift bound from when the renewal was applied. So this node is done with its guests before anybody else may start
 * them (docs/decisions/0008-leases.md). The guards outside this process keep the same deadline if it is dead or paused.
 */
import type {
  AnyRef,
  Behavior,
  Context,
  FoundInstance,
  Hypervisor,
  InstanceEvent,
  Logger,
  Prober,
  Ref,
  SpawnOptions,
} from "../../runtime/index.ts";
import type { Command, Observation } from "../cluster/commands.ts";
import { MapMirror } from "../cluster/map-mirror.ts";
import { isKnown } from "../cluster/observation-commands.ts";
import { pauseMs, propose } from "../cluster/propose.ts";
import type { ProposeReply, ReplicaRequest, WatchMessage } from "../cluster/replica-protocol.ts";
import type { NodeSpec } from "../resources/index.ts";
import { MOVE_RULES, type MoveRules } from "../vm/move-rules.ts";
import type { VmReport } from "../vm/vm-message.ts";
import { CheckpointActors } from "./checkpoint-actors.ts";
import type { NodeMessage } from "./node-message.ts";
import { Reconciler } from "./reconciler.ts";
import { isRenewal, RenewalPace } from "./renewal-pace.ts";
import { ReportQueue } from "./report-queue.ts";
import { VmActors } from "./vm-actors.ts";
import { commandOf, concernedBy, type Concerned, type Lease } from "./wishes.ts";

export interface NodeActorOptions {
  readonly name: string;
  readonly spec: NodeSpec;
  readonly hypervisor: Hypervisor;
  readonly prober: Prober;
  readonly replica: Ref<ReplicaRequest>;
  readonly logger: Logger;
  /** Length of the lease and longest pause between renewals, in milliseconds. */
  readonly lease: { readonly leaseMs: number; readonly renewMs: number };
  /** Default: MOVE_RULES. */
  readonly moveRules?: MoveRules;
}

/** Pause before a registration that was refused is proposed again. */
const RETRY_MS = 250;

/**
 * A crash of the NodeActor ends the node's process. What its VmActors were about to start is in no list yet; an actor that
 * was started again would register without it, and the cluster would place it anew while it comes up here. The next
 * process finds what runs.
 */
export const NODE_SPAWN_OPTIONS: SpawnOptions = {
  name: "node",
  supervision: { onCrash: "escalate" },
  // It renews the lease: a slow peer must not hold that up.
  onPressure: "ignore",
};

type Phase = "finding" | "registering" | "holding" | "ending";

export function nodeActor(options: NodeActorOptions): Behavior<NodeKeeper, NodeMessage> {
  return {
    name: "node",
    init: (ctx) => new NodeKeeper(options, ctx),
    receive: (keeper, message) => {
      keeper.handle(message);
      return keeper;
    },
    onSignal: (keeper, signal) => {
      if (signal.type === "terminated" && signal.reason === "crashed") keeper.vmCrashed(signal.ref);
      return keeper;
    },
  };
}

class NodeKeeper {
  readonly #options: NodeActorOptions;
  readonly #ctx: Context<NodeMessage>;
  readonly #mirror: MapMirror;
  readonly #actors: VmActors;
  readonly #checkpoints: CheckpointActors;
  readonly #reconciler: Reconciler;
  readonly #reports = new ReportQueue((...said) => this.#isNews(...said));
  #phase: Phase = "finding";
  #found: readonly FoundInstance[] = [];
  #epoch = 0;
  #leaseUntilMs = 0;
  readonly #pace: RenewalPace;
  #warned = "";
  /** Version of the map that this node has seen. */
  #seen = 0;
  /** The epoch in which the VmActors were made to match the map. */
  #reconciled = -1;

  constructor(options: NodeActorOptions, ctx: Context<NodeMessage>) {
    this.#options = options;
    this.#ctx = ctx;
    const { hypervisor, prober, spec, moveRules = MOVE_RULES } = options;
    this.#actors = new VmActors({ ctx, hypervisor, prober, hostAddress: spec.address, moveRules });
    options.hypervisor.onEvent(ctx.callback((event) => ({ type: "instance-event", event })));
    this.#pace = new RenewalPace(options.lease.renewMs);
    this.#mirror = new MapMirror({ kinds: ["Vm", "Checkpoint", "Node"], replica: options.replica });
    this.#checkpoints = new CheckpointActors({
      ctx,
      hypervisor,
      shown: this.#mirror.checkpoints,
      propose: (command, adapt) => this.#propose(command, adapt),
    });
    const [mirror, actors, checkpoints] = [this.#mirror, this.#actors, this.#checkpoints];
    this.#reconciler = new Reconciler({ hypervisor, mirror, actors, checkpoints });
    this.#mirror.subscribe(ctx, ctx.self);
    this.#find();
  }

  handle(message: NodeMessage): void {
    switch (message.type) {
      case "synced":
      case "changes":
      case "compacted":
        this.#onWatch(message);
        return;
      case "found":
        this.#found = message.instances;
        this.#register();
        return;
      case "register-due":
        if (this.#phase === "registering") this.#register();
        return;
      case "registered":
        this.#onRegistered(message.askedMs, message.reply);
        return;
      case "renew-due":
        this.#renew();
        return;
      case "renewed":
        if (message.epoch === this.#epoch && this.#phase === "holding") this.#onRenewed(message.askedMs, message.reply);
        return;
      case "lease-ended":
        this.#onLeaseEnded();
        return;
      case "instance-event":
        this.#onInstanceEvent(message.event);
        return;
      case "vm-observed":
      case "vm-released":
        this.#onVmReport(message);
        return;
      case "vm-says":
        this.#onVmSays(message);
        return;
      case "vm-origin-refused":
      case "checkpoint-says":
      case "checkpoint-answered":
      case "checkpoint-done":
      case "checkpoint-respawn-due":
      case "checkpoint-heard":
        this.#checkpoints.handle(message, this.#phase === "holding" ? this.#lease : null);
        return;
      case "word-answered":
        this.#actors.answer(message);
        return;
      case "report-answered":
        if (message.epoch === this.#epoch) this.#onReportAnswered(message.instance, message.reply);
        return;
      case "reports-due":
        this.#sendReports(this.#reports.waiting());
        return;
      case "respawn-due":
        this.#respawn(message.instance);
        return;
      default:
        message satisfies never;
    }
  }

  vmCrashed(ref: AnyRef): void {
    this.#actors.crashed(ref);
    this.#checkpoints.crashed(ref);
  }

  get #lease(): Lease {
    return { node: this.#options.name, epoch: this.#epoch };
  }

  #find(): void {
    this.#phase = "finding";
    this.#options.hypervisor.list(this.#ctx.callback((instances) => ({ type: "found", instances })));
  }

  #register(): void {
    this.#phase = "registering";
    const askedMs = this.#ctx.now();
    const running = this.#found.map((found) => found.instance);
    const { name, hypervisor, spec } = this.#options;
    const { lacks, build, bridges = [] } = hypervisor.capabilities;
    const own = {
      ...spec,
      ...(build === undefined ? {} : { hypervisor: { ...build, lacks: { ...lacks } } }),
      ...(bridges.length === 0 ? {} : { bridges: [...bridges] }),
    };
    this.#propose({ type: "register-node", name, spec: own, running }, (reply) => ({
      type: "registered",
      askedMs,
      reply,
    }));
  }

  #onRegistered(askedMs: number, reply: ProposeReply): void {
    if (this.#phase !== "registering") return;
    const leaseUntilMs = askedMs + this.#options.lease.leaseMs;
    if (!reply.ok || !reply.outcome.ok || leaseUntilMs <= this.#ctx.now()) {
      if (reply.ok && !reply.outcome.ok) this.#warn(reply.outcome.message);
      this.#ctx.setTimer("register", reply.ok ? RETRY_MS : pauseMs(this.#ctx, reply), { type: "register-due" });
      return;
    }
    this.#phase = "holding";
    this.#warned = "";
    this.#epoch = reply.outcome.version;
    this.#hold(leaseUntilMs);
    this.#reconcile("all");
    this.#pace.asked(askedMs);
    this.#awaitRenewal();
  }

  #awaitRenewal(): void {
    if (this.#phase !== "holding" || this.#pace.isAsking) return;
    this.#ctx.setTimer("renew", Math.max(0, this.#pace.dueMs - this.#ctx.now()), { type: "renew-due" });
  }

  #renew(): void {
    if (this.#phase !== "holding") return;
    const askedMs = this.#ctx.now();
    const epoch = this.#epoch;
    this.#pace.asking();
    this.#ctx.cancelTimer("renew");
    const command: Command = { type: "renew-lease", node: this.#options.name, epoch };
    this.#propose(command, (reply) => ({ type: "renewed", askedMs, epoch, reply }));
  }

  #onRenewed(askedMs: number, reply: ProposeReply): void {
    if (!reply.ok) {
      this.#ctx.setTimer("renew", pauseMs(this.#ctx, reply), { type: "renew-due" });
      return;
    }
    if (!reply.outcome.ok) {
      this.#warn(`The cluster refused to renew the lease: ${reply.outcome.message}`);
      this.#endAll();
      return;
    }
    this.#hold(askedMs + this.#options.lease.leaseMs);
    this.#actors.tellAll({ type: "lease", untilMs: this.#leaseUntilMs });
    this.#pace.asked(askedMs);
    this.#awaitRenewal();
  }

  /** Some node's lease was renewed: the own one with it, if it is old enough. */
  #onRenewalSeen(): void {
    if (this.#pace.seen(this.#ctx.now())) this.#renew();
    else this.#awaitRenewal();
  }

  #hold(untilMs: number): void {
    this.#leaseUntilMs = Math.max(this.#leaseUntilMs, untilMs);
    this.#ctx.setTimer("lease", this.#leaseUntilMs - this.#ctx.now(), { type: "lease-ended" });
  }

  #onLeaseEnded(): void {
    if (this.#phase !== "holding") return;
    this.#warn("The lease ended before it could be renewed: is a majority of the cluster reachable?");
    this.#endAll();
  }

  /** Said once until something else is to be said: a retry loop must not fill the log. */
  #warn(message: string): void {
    if (message === this.#warned) return;
    this.#warned = message;
    this.#options.logger.log("warn", message, { guests: this.#actors.size });
  }

  /** Without a lease nothing may run here: every guest is ended, then the node registers anew. */
  #endAll(): void {
    this.#phase = "ending";
    this.#reports.clear();
    for (const key of ["renew", "lease"]) this.#ctx.cancelTimer(key);
    this.#actors.tellAll({ type: "discard" });
    if (this.#actors.size === 0) this.#find();
  }

  #onWatch(message: WatchMessage): void {
    if (message.type === "compacted") {
      this.#mirror.subscribe(this.#ctx, this.#ctx.self);
      return;
    }
    const concerned =
      message.type === "synced" ? "all" : concernedBy(message.changes, this.#options.name, this.#mirror.vms);
    this.#mirror.take(message);
    this.#seen = message.version;
    if (message.type === "changes" && message.changes.some(isRenewal)) this.#onRenewalSeen();
    this.#reconcile(concerned);
    this.#sendReports(concerned === "all" ? this.#reports.waiting() : concerned.instances.keys());
  }

  /** Makes the actors match what the map wants here. */
  #reconcile(concerned: Concerned | "all"): void {
    // Before the map shows our own registration it still shows what an earlier life held.
    if (this.#phase !== "holding" || this.#seen < this.#epoch) return;
    const lease = { ...this.#lease, untilMs: this.#leaseUntilMs };
    if (concerned !== "all" && this.#reconciled === this.#epoch) return this.#reconciler.some(lease, concerned);
    this.#reconciled = this.#epoch;
    this.#reconciler.all(lease, this.#found);
    this.#found = [];
  }

  #reconcileOne(instance: string, vm: string): void {
    this.#reconcile({ instances: new Map([[instance, vm]]), checkpoints: false });
  }

  #respawn(id: string): void {
    const vm = this.#actors.vmOf(id);
    if (vm === undefined) return;
    this.#actors.respawn(id, { shown: this.#mirror.vms, leaseUntilMs: this.#leaseUntilMs, ...this.#lease });
    if (this.#phase === "ending") this.#actors.tell(id, { type: "discard" });
    else this.#reconcileOne(id, vm);
  }

  #onInstanceEvent(event: InstanceEvent): void {
    this.#actors.tell(event.instance, { type: "instance-event", event });
  }

  #onVmReport(report: Exclude<VmReport, { readonly type: "vm-says" | "vm-origin-refused" }>): void {
    const vm = this.#actors.vmOf(report.instance);
    if (vm === undefined) return;
    // Of an earlier lease nobody wants to hear.
    if (this.#phase === "holding") this.#reports.hear(vm, report);
    if (report.type === "vm-released") {
      this.#actors.forget(report.instance);
      // What left without a word may come back by a migration.
      if (!report.silent) this.#reconciler.release(report.instance);
      else this.#reconcileOne(report.instance, vm);
    }
    if (this.#phase === "ending" && this.#actors.size === 0) this.#find();
    else this.#sendReports([report.instance]);
  }

  #onVmSays({ instance, migration, word: said }: Extract<VmReport, { readonly type: "vm-says" }>): void {
    const vm = this.#actors.vmOf(instance);
    if (vm === undefined || this.#phase !== "holding") return;
    const word = said.type;
    const command = commandOf(said, vm, migration, this.#lease);
    this.#propose(command, (reply) => ({ type: "word-answered", instance, migration, word, reply }));
  }

  #sendReports(instances: Iterable<string>): void {
    if (this.#phase !== "holding") return;
    const epoch = this.#epoch;
    for (const instance of instances) {
      const command = this.#reports.next(instance, this.#lease);
      if (command !== null) this.#propose(command, (reply) => ({ type: "report-answered", instance, epoch, reply }));
    }
  }

  /** Whether the map, as far as this node has seen it, would change by that. */
  #isNews(vm: string, id: string, observation: Observation): boolean {
    const shown = this.#mirror.vms.get(vm);
    const instance = shown?.status.instance;
    if (shown === undefined || instance?.id !== id) return false;
    const { name } = this.#options;
    return instance.node === name && instance.epoch === this.#epoch && !isKnown(shown, instance, observation);
  }

  #onReportAnswered(instance: string, reply: ProposeReply): void {
    if (reply.ok) {
      this.#reports.answered(instance, reply.outcome.ok || reply.outcome.code !== "invalid");
      this.#sendReports([instance]);
    } else {
      this.#reports.failed(instance);
      this.#ctx.setTimer("reports", pauseMs(this.#ctx, reply), { type: "reports-due" });
    }
  }

  /**
   * Waits for as long as the answer is of use. One that is given up sooner stays in the log all the same, and what takes its place makes a log that
   * is long longer: a cluster that commits slowly would lose every lease that it could have kept.
   */
  #propose(command: Command, adapt: (reply: ProposeReply) => NodeMessage): void {
    const timeoutMs = this.#options.lease.leaseMs;
    propose(this.#ctx, { replica: this.#options.replica, command, timeoutMs, adapt });
  }
}
