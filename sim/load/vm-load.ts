/**
 * The load of clients: makes, changes, starts, stops and deletes VMs at random nodes, and reads.
 *
 * Each VM belongs to one client, which sends one request at a time; so what must be true at the end is known. A request
 * whose node dies is of unknown fate, never taken for refused.
 */
import type { Random, Ref } from "../../runtime/index.ts";
import type { Command, VmSpec } from "../../actors/index.ts";
import type { ClientChecker } from "../checkers/client-checker.ts";
import type { ClientMessage } from "./client-actor.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { SimNode } from "../cluster/sim-node.ts";
import type { MemberLoad } from "./member-load.ts";

export interface VmLoadOptions {
  readonly random: Random;
  readonly checker: ClientChecker;
  readonly vms: { readonly count: number; readonly atOnce: boolean };
  /** Mean pause between two requests, in microseconds. */
  readonly everyUs: number;
}

interface Request {
  readonly node: number;
  readonly vm: string | null;
}

const READS = 0.2;

/** Of the largest VM, in MiB. */
export const VM_MEMORY_MAX_MIB = 384;

/** No VM has this name. */
const PROBE = "probe";
const AGAIN_US = 200_000;

/** When a burst comes: a leader is elected by then, mostly. */
const BURST_AFTER_US = 2_000_000;

/** Share of answers upon which the same client asks for the next thing at once. */
const FOLLOW_UPS = 0.3;

export class VmLoad implements MemberLoad {
  sent = 0;
  readonly #options: VmLoadOptions;
  readonly #clients = new Map<number, Ref<ClientMessage>>();
  /** Requests without an answer. */
  readonly #open = new Set<Request>();
  readonly #busy = new Set<string>();
  #cluster!: Cluster;
  /** Null: all. */
  #nodes: readonly number[] | null = null;
  #active = false;

  constructor(options: VmLoadOptions) {
    this.#options = options;
  }

  attach(cluster: Cluster): void {
    this.#cluster = cluster;
  }

  addClient(node: number, client: Ref<ClientMessage>): void {
    this.#clients.set(node, client);
  }

  onEnd(node: SimNode): void {
    this.#clients.delete(node.index);
    for (const request of this.#open) if (request.node === node.index) this.#finish(request, true);
  }

  start(): void {
    this.#active = true;
    this.#sendSoon();
    const { count, atOnce } = this.#options.vms;
    if (atOnce) this.#cluster.timeline.after(BURST_AFTER_US, () => this.#createAll(count));
  }

  stop(): void {
    this.#active = false;
  }

  /** From now on these nodes only are asked. */
  keepTo(nodes: ReadonlySet<number>): void {
    this.#nodes = [...nodes];
  }

  /** A write that is sent again and again until one is answered; it changes nothing, as there is no VM of that name. */
  probe(done: () => void): void {
    const { random } = this.#options;
    const command: Command = { type: "set-running", name: PROBE, running: true };
    const node = this.#drawNode();
    const request: Request = { node: node.index, vm: null };
    const again = (): void => void this.#cluster.timeline.after(random.integer(AGAIN_US), () => this.probe(done));
    const isSent = this.#tell(node, request, `probe ${PROBE}`, {
      type: "write",
      command,
      done: (reply) => {
        if (!this.#finish(request, false)) return;
        if (reply?.ok === true) done();
        else again();
      },
    });
    if (!isSent) again();
  }

  /** As `apply` of one file with all of them does: at one node, without waiting for answers. */
  #createAll(count: number): void {
    const { random } = this.#options;
    const node = this.#drawNode();
    for (let at = 0; at < count; at++) {
      const labels = { request: `r${this.sent}` };
      this.#write(node, `vm${at}`, { type: "apply-vm", name: `vm${at}`, labels, spec: drawSpec(random) });
    }
  }

  #sendSoon(): void {
    const { random, everyUs } = this.#options;
    this.#cluster.timeline.after(-Math.log(1 - random.next()) * everyUs, () => {
      if (!this.#active) return;
      const node = this.#drawNode();
      if (random.next() < READS) this.#read(node);
      else this.#write(node, `vm${random.integer(this.#options.vms.count)}`);
      this.#sendSoon();
    });
  }

  #write(node: SimNode, vm: string, wanted?: Command): void {
    if (this.#busy.has(vm)) return;
    const command = wanted ?? this.#drawCommand(vm);
    const request: Request = { node: node.index, vm };
    const { checker } = this.#options;
    this.#tell(node, request, `${command.type} ${vm}`, {
      type: "write",
      command,
      done: (reply) => {
        if (!this.#finish(request, reply?.ok !== true)) return;
        this.#cluster.timeline.note(`answer ${node.index} ${vm} ${describe(reply)}`);
        if (reply?.ok === true) checker.onOutcome(vm, command, reply.outcome);
        if (this.#active && this.#options.random.next() < FOLLOW_UPS) this.#followUp(vm);
      },
    });
  }

  /** The next request about the same VM, at once and elsewhere: what was sent twice for the last one may still come. */
  #followUp(vm: string): void {
    this.#cluster.timeline.after(0, () => this.#write(this.#drawNode(), vm));
  }

  #drawNode(): SimNode {
    const all = this.#nodes ?? this.#cluster.nodes.map(({ index }) => index);
    return this.#cluster.node(all[this.#options.random.integer(all.length)] as number);
  }

  #read(node: SimNode): void {
    const request: Request = { node: node.index, vm: null };
    const { checker } = this.#options;
    const floor = checker.readFloor;
    this.#tell(node, request, "read", {
      type: "read",
      query: { kind: "Vm", consistency: "linearizable" },
      done: (reply) => {
        if (!this.#finish(request, false) || reply?.ok !== true) return;
        this.#cluster.timeline.note(`answer ${node.index} read ${reply.version}`);
        checker.onRead(node.index, reply.version, floor);
      },
    });
  }

  /** False when the node's process does not run. */
  #tell(node: SimNode, request: Request, what: string, message: ClientMessage): boolean {
    const { process } = node;
    const client = this.#clients.get(node.index);
    if (process === null || client === undefined) return false;
    this.sent += 1;
    this.#cluster.timeline.note(`ask ${node.index} ${what}`);
    this.#open.add(request);
    if (request.vm !== null) this.#busy.add(request.vm);
    process.life.enter(() => process.system.tell(client, message));
    return true;
  }

  /** False when it was finished before. */
  #finish(request: Request, unknown: boolean): boolean {
    if (!this.#open.delete(request)) return false;
    if (request.vm !== null) this.#busy.delete(request.vm);
    if (unknown && request.vm !== null) this.#options.checker.unknown += 1;
    return true;
  }

  #drawCommand(name: string): Command {
    const { random } = this.#options;
    const drawn = random.next();
    if (drawn < 0.15) return { type: "delete-vm", name };
    if (drawn < 0.4) return { type: "set-running", name, running: random.next() < 0.7 };
    const labels = { request: `r${this.sent}` };
    const spec = drawSpec(random);
    return { type: drawn < 0.6 ? "create-vm" : "apply-vm", name, labels, spec };
  }
}

function drawSpec(random: Random): VmSpec {
  const checked = random.next() < 0.5;
  const policy = random.next();
  return {
    running: random.next() < 0.9,
    vcpus: 1,
    memoryMiB: (VM_MEMORY_MAX_MIB / 3) * (1 + random.integer(3)),
    image: "base",
    command: [],
    env: {},
    files: [],
    ports: checked ? [{ name: "web", guest: 80 }] : [],
    ...(checked && {
      health: { type: "tcp", port: 80, path: "/", intervalMs: 1000, timeoutMs: 1000, failuresMax: 3, startMs: 15_000 },
    }),
    restart: policy < 0.8 ? "always" : policy < 0.9 ? "on-failure" : "never",
    stopGraceMs: random.integer(4000),
    nodeSelector: {},
  };
}

function describe(
  reply: { readonly ok: boolean; readonly code?: string; readonly outcome?: { ok: boolean; version: number } } | null,
): string {
  if (reply === null) return "silence";
  if (!reply.ok) return reply.code ?? "";
  return `${reply.outcome?.ok === true ? "done" : "refused"} ${reply.outcome?.version}`;
}
