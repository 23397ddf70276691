/**
 * The load of clients: makes, changes, starts, stops and deletes VMs at random nodes, and reads.
 *
 * Each VM belongs to one client, which sends one request at a time; so what must be true at the end is known. A request
 * whose node dies is of unknown fate, never taken for refused.
 */
import { createRandom, type Random, type Ref } from "../../runtime/index.ts";
import type { Command, VmSpec } from "../../actors/index.ts";
import type { ClientChecker } from "../checkers/client-checker.ts";
import type { ClientMessage } from "./client-actor.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { SimNode } from "../cluster/sim-node.ts";
import { CHANCES, type LoadAct } from "../schedule/load-act.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { MemberLoad } from "./member-load.ts";

export interface VmLoadOptions {
  readonly random: Random;
  readonly checker: ClientChecker;
  readonly vms: { readonly count: number; readonly atOnce: boolean };
  /** Mean pause between two requests, in microseconds. */
  readonly everyUs: number;
  /** It asks for something of which nobody told it. */
  readonly onAct: (act: VmAct) => void;
  /** Gives some VMs a disk. */
  readonly furnish: (vm: string, spec: VmSpec) => VmSpec;
}

/** What it does of its own will. */
export type VmAct = Extract<LoadAct, { readonly type: "ask" | "create-all" }>;

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
  readonly #probing: Random;

  constructor(options: VmLoadOptions) {
    this.#options = options;
    this.#probing = options.random.fork();
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

  /** `scheduled`: requests are made when `perform` is told to, and by themselves otherwise. */
  start(load: Schedule["load"] = "drawn"): void {
    this.#active = true;
    if (load === "scheduled") return;
    this.#sendSoon();
    if (!this.#options.vms.atOnce) return;
    const create = (): void => {
      const { random, onAct } = this.#options;
      const act: VmAct = { type: "create-all", node: this.#drawNode(random).index, chance: random.integer(CHANCES) };
      onAct(act);
      this.perform(act);
    };
    this.#cluster.timeline.afterAside(BURST_AFTER_US, create, "load");
  }

  /** Does what was recorded, or has just been drawn. False when nobody is there to ask, or the VM's client waits for an answer. */
  perform(act: LoadAct): boolean {
    if (act.type !== "ask" && act.type !== "create-all") return false;
    const node = this.#cluster.nodes[act.node];
    if (!this.#active || node === undefined) return false;
    const random = createRandom(act.chance);
    if (act.type === "create-all") this.#createAll(node, random);
    else if (act.vm === null) return this.#read(node);
    else return this.#write(node, `vm${act.vm}`, { random });
    return true;
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
    const random = this.#probing;
    const command: Command = { type: "set-running", name: PROBE, running: true };
    const node = this.#drawNode(random);
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
  #createAll(node: SimNode, random: Random): void {
    for (let at = 0; at < this.#options.vms.count; at++) {
      const labels = { request: `r${this.sent}` };
      const wanted: Command = { type: "apply-vm", name: `vm${at}`, labels, spec: this.#drawSpec(`vm${at}`, random) };
      this.#write(node, `vm${at}`, { random: random.fork(), wanted });
    }
  }

  /** Who decides upon requests draws aside, and as much for each, so that what is drawn later does not hang on it. */
  #sendSoon(): void {
    const { random, everyUs, vms, onAct } = this.#options;
    const send = (): void => {
      if (!this.#active) return;
      const node = this.#drawNode(random).index;
      const [isRead, drawn, chance] = [random.next() < READS, random.integer(vms.count), random.integer(CHANCES)];
      const act: VmAct = { type: "ask", node, vm: isRead ? null : drawn, chance };
      if (this.perform(act)) onAct(act);
      this.#sendSoon();
    };
    this.#cluster.timeline.afterAside(-Math.log(1 - random.next()) * everyUs, send, "load");
  }

  #write(node: SimNode, vm: string, asked: { readonly random: Random; readonly wanted?: Command }): boolean {
    if (this.#busy.has(vm)) return false;
    const { random, wanted } = asked;
    const command = wanted ?? this.#drawCommand(vm, random);
    const request: Request = { node: node.index, vm };
    const { checker } = this.#options;
    return this.#tell(node, request, `${command.type} ${vm}`, {
      type: "write",
      command,
      done: (reply) => {
        if (!this.#finish(request, reply?.ok !== true)) return;
        this.#cluster.timeline.note(`answer ${node.index} ${vm} ${describe(reply)}`);
        if (reply?.ok === true) checker.onOutcome(vm, command, reply.outcome);
        if (this.#active && random.next() < FOLLOW_UPS) this.#followUp(vm, random);
      },
    });
  }

  /** The next request about the same VM, at once and elsewhere: what was sent twice for the last one may still come. */
  #followUp(vm: string, random: Random): void {
    this.#cluster.timeline.after(0, () => void this.#write(this.#drawNode(random), vm, { random }));
  }

  #drawNode(random: Random): SimNode {
    const all = this.#nodes ?? this.#cluster.nodes.map(({ index }) => index);
    return this.#cluster.node(all[random.integer(all.length)] as number);
  }

  #read(node: SimNode): boolean {
    const request: Request = { node: node.index, vm: null };
    const { checker } = this.#options;
    const floor = checker.readFloor;
    return this.#tell(node, request, "read", {
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

  #drawSpec(name: string, random: Random): VmSpec {
    return this.#options.furnish(name, drawSpec(random));
  }

  #drawCommand(name: string, random: Random): Command {
    const drawn = random.next();
    if (drawn < 0.15) return { type: "delete-vm", name };
    if (drawn < 0.4) return { type: "set-running", name, running: random.next() < 0.7 };
    const labels = { request: `r${this.sent}` };
    const spec = this.#drawSpec(name, random);
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
