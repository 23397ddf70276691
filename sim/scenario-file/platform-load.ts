/**
 * The load of a scenario: applies its VMs, as `blixard apply` does, and then clients that write and read, each one request at a time.
 *
 *     a request ──▶ some node ──no answer in 2 s, refused, its process gone──▶ the next node, the same again ──▶ answered
 *
 * How long a request takes counts from its first attempt, since that is what its user waits for. A write gives a VM another label, which
 * changes nothing that runs; without VMs it is one that is refused, which is an answer as well.
 */
import type { Random, Ref } from "../../runtime/index.ts";
import type { Command, ProposeReply, ReadReply } from "../../actors/index.ts";
import type { ClientChecker } from "../checkers/client-checker.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { SimNode } from "../cluster/sim-node.ts";
import type { ClientMessage } from "../load/client-actor.ts";
import type { MemberLoad } from "../load/member-load.ts";
import type { PlannedClients, PlannedVm } from "./scenario-plan.ts";

/** A client that has heard nothing for so long asks another node. */
const ATTEMPT_US = 2_000_000;

/** After a refusal, mostly since nobody leads, and where no process runs. */
const AGAIN_US = 100_000;

const WRITE_LABEL = "scenario-write";

/** No VM has this name. */
const PROBE = "probe-of-the-scenario";

type Reply = ProposeReply | ReadReply | null;

interface Request {
  readonly what: "writes" | "reads";
  readonly command: Command | null;
  readonly startedUs: number;
  readonly done: () => void;
  /** The node that is asked next, as a place among those that may be. */
  next: number;
}

interface Attempt {
  readonly node: number;
  readonly request: Request;
  /** A read must not be older than what was acknowledged before it began. */
  readonly floor: number;
}

/** What users waited for. */
export interface Answered {
  readonly what: "writes" | "reads";
  readonly startedUs: number;
  /** Null: not yet. */
  readonly answeredUs: number | null;
}

export class PlatformLoad implements MemberLoad {
  sent = 0;
  /** Of clients, from `begin` on. */
  readonly answered: Answered[] = [];
  readonly #options: { readonly random: Random; readonly checker: ClientChecker };
  readonly #vms: readonly PlannedVm[];
  readonly #clients = new Map<number, Ref<ClientMessage>>();
  readonly #open = new Set<Attempt>();
  readonly #waiting = new Set<Request>();
  #cluster!: Cluster;
  #nodes: readonly number[] | null = null;
  #active = false;
  #writes = 0;

  constructor(options: {
    readonly random: Random;
    readonly checker: ClientChecker;
    readonly vms: readonly PlannedVm[];
  }) {
    this.#options = options;
    this.#vms = options.vms;
  }

  attach(cluster: Cluster): void {
    this.#cluster = cluster;
  }

  addClient(node: number, client: Ref<ClientMessage>): void {
    this.#clients.set(node, client);
  }

  onEnd(node: SimNode): void {
    this.#clients.delete(node.index);
    for (const attempt of this.#open) if (attempt.node === node.index) this.#giveUp(attempt);
  }

  /** Applies the VMs. */
  start(): void {
    for (const { name, labels, spec } of this.#vms) {
      this.#ask({ type: "apply-vm", name, labels, spec }, "writes", () => {});
    }
  }

  /** From now on there are clients. */
  begin({ count, everyMs, reads }: PlannedClients): void {
    this.#active = true;
    for (let client = 0; client < count; client++) this.#goOn({ everyUs: everyMs * 1000, reads });
  }

  stop(): void {
    this.#active = false;
  }

  /** What is not answered yet. */
  get unanswered(): readonly Answered[] {
    return [...this.#waiting].map(({ what, startedUs }) => ({ what, startedUs, answeredUs: null }));
  }

  keepTo(nodes: ReadonlySet<number>): void {
    this.#nodes = [...nodes];
  }

  probe(done: () => void): void {
    this.#ask({ type: "set-running", name: PROBE, running: true }, "writes", done);
  }

  #goOn(client: { readonly everyUs: number; readonly reads: number }): void {
    const { random } = this.#options;
    this.#cluster.timeline.after(-Math.log(1 - random.next()) * client.everyUs, () => {
      if (!this.#active) return;
      const what = random.next() < client.reads ? "reads" : "writes";
      const request = this.#ask(what === "reads" ? null : this.#drawWrite(), what, () => {
        this.answered.push({ what, startedUs: request.startedUs, answeredUs: this.#cluster.timeline.nowUs });
        this.#waiting.delete(request);
        this.#goOn(client);
      });
      this.#waiting.add(request);
    });
  }

  #drawWrite(): Command {
    const vm = this.#vms.length === 0 ? undefined : this.#vms[this.#options.random.integer(this.#vms.length)];
    if (vm === undefined) return { type: "set-running", name: PROBE, running: true };
    this.#writes += 1;
    const labels = { ...vm.labels, [WRITE_LABEL]: `w${this.#writes}` };
    return { type: "apply-vm", name: vm.name, labels, spec: vm.spec };
  }

  #ask(command: Command | null, what: Request["what"], done: () => void): Request {
    const next = this.#options.random.integer(this.#cluster.nodes.length);
    const request: Request = { what, command, startedUs: this.#cluster.timeline.nowUs, done, next };
    this.#attempt(request);
    return request;
  }

  #attempt(request: Request): void {
    const { timeline } = this.#cluster;
    const node = this.#nextNode(request);
    const client = this.#clients.get(node.index);
    const { process } = node;
    if (process === null || client === undefined) {
      timeline.after(AGAIN_US, () => this.#attempt(request));
      return;
    }
    this.sent += 1;
    const { command } = request;
    const attempt: Attempt = { node: node.index, request, floor: this.#options.checker.readFloor };
    this.#open.add(attempt);
    timeline.note(`ask ${node.index} ${command === null ? "read" : `${command.type} ${nameIn(command)}`}`);
    const done = (reply: Reply): void => this.#onReply(attempt, reply);
    const message: ClientMessage =
      command === null
        ? { type: "read", query: { kind: "Vm", consistency: "linearizable" }, done }
        : { type: "write", command, done };
    process.life.enter(() => process.system.tell(client, message));
    timeline.after(ATTEMPT_US, () => this.#giveUp(attempt));
  }

  #onReply(attempt: Attempt, reply: Reply): void {
    if (!this.#open.has(attempt)) return;
    const { request, node, floor } = attempt;
    const { checker } = this.#options;
    if (reply?.ok !== true) {
      this.#open.delete(attempt);
      this.#cluster.timeline.note(`answer ${node} refused`);
      this.#cluster.timeline.after(AGAIN_US, () => this.#attempt(request));
      return;
    }
    this.#open.delete(attempt);
    const { command } = request;
    // A cluster that is new knows no disks before it has heard all of its members: who applies a VM then says it again.
    if (!this.#active && "outcome" in reply && !reply.outcome.ok && command?.type === "apply-vm") {
      this.#cluster.timeline.after(AGAIN_US, () => this.#attempt(request));
      return;
    }
    if (command === null || !("outcome" in reply)) {
      if ("version" in reply) checker.onRead(node, reply.version, floor);
    } else checker.onOutcome(nameIn(command), command, reply.outcome);
    this.#cluster.timeline.note(`answer ${node} ${request.what === "reads" ? "read" : "done"}`);
    request.done();
  }

  /** Asks another node. What the first one may still say is nobody's to hear. */
  #giveUp(attempt: Attempt): void {
    if (!this.#open.delete(attempt)) return;
    this.#attempt(attempt.request);
  }

  /** In turn, as the command line tries its servers. */
  #nextNode(request: Request): SimNode {
    const all = this.#nodes ?? this.#cluster.nodes.map(({ index }) => index);
    const node = all[request.next % all.length] ?? 0;
    request.next += 1;
    return this.#cluster.node(node);
  }
}

function nameIn(command: Command): string {
  return "name" in command && typeof command.name === "string" ? command.name : "";
}
