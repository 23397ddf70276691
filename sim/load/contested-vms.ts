/**
 * Users who share VMs: each reads a VM and writes it back with what it changed, on the condition that nobody else did (`expectedVersion`). They scale,
 * stop, start and delete it, make it anew under the same name, and say again, at another node, what they got no answer to.
 */
import type { CommandOf, ProposeReply, Vm, VmSpec } from "../../actors/index.ts";
import { createRandom, type Random } from "../../runtime/index.ts";
import type { ClientChecker } from "../checkers/client-checker.ts";
import type { UpdateChecker } from "../checkers/update-checker.ts";
import type { SimNode } from "../cluster/sim-node.ts";
import { CHANCES } from "../schedule/load-act.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { ClientDesk } from "./client-desk.ts";
import type { UserOptions, UsersAct } from "./users.ts";

export interface ContestedVmsOptions extends UserOptions {
  readonly desk: ClientDesk;
  readonly clients: ClientChecker;
  readonly updates: UpdateChecker;
  /** Mean pause of a user, in microseconds. */
  readonly everyUs: number;
}

/** Names of VMs that several users change begin so. */
const SHARED = "shared";

/** The label that counts how often a VM was updated. */
const COUNT = "count";

const VMS_MAX = 3;
const USERS_MAX = 4;

/** How often a user says again what was not answered. */
const AGAIN_MAX = 2;

type UpdateAct = Extract<UsersAct, { readonly type: "update" }>;

/** What one act of a user goes on with. */
interface Round {
  readonly random: Random;
  readonly done: () => void;
}

type Update = CommandOf<"apply-vm"> & { readonly expectedVersion: number };

export class ContestedVms {
  /** Requests that were made again since nobody had answered. */
  repeated = 0;
  readonly #options: ContestedVmsOptions;
  readonly #vms: number;
  readonly #users: number;
  #active = false;
  #decides = false;
  /** Users who wait for an answer. */
  readonly #busy = new Set<number>();

  constructor(options: ContestedVmsOptions) {
    this.#options = options;
    this.#vms = 1 + options.random.integer(VMS_MAX);
    this.#users = 2 + options.random.integer(USERS_MAX - 1);
  }

  /** `scheduled`: they act when `perform` is told to. */
  start(load: Schedule["load"]): void {
    this.#active = true;
    this.#decides = load === "drawn";
    for (let user = 0; user < this.#users; user++) this.#actSoon(user);
  }

  /** False when there is no such user, he waits for an answer, or nobody is there to ask. */
  perform({ user, node, chance }: UpdateAct): boolean {
    const at = this.#options.cluster.nodes[node];
    if (!this.#active || at === undefined || user >= this.#users || this.#busy.has(user)) return false;
    return this.#read(user, at, createRandom(chance));
  }

  stop(): void {
    this.#active = false;
  }

  /** What each shared VM counts, when all is over. */
  checkEnd(vms: readonly Vm[]): void {
    for (const { metadata } of vms) {
      const count = metadata.labels[COUNT];
      if (count !== undefined) this.#options.updates.checkCount(metadata.uid, Number(count));
    }
  }

  #actSoon(user: number): void {
    const { deciding, everyUs, cluster, drawNode, onAct } = this.#options;
    if (!this.#decides) return;
    const decide = (): void => {
      if (!this.#active) return;
      const node = drawNode(deciding).index;
      const act: UpdateAct = { type: "update", user, node, chance: deciding.integer(CHANCES) };
      if (this.perform(act)) onAct(act);
      else this.#actSoon(user);
    };
    cluster.timeline.afterAside(-Math.log(1 - deciding.next()) * everyUs, decide, "load");
  }

  #done(user: number): void {
    this.#busy.delete(user);
    this.#actSoon(user);
  }

  #read(user: number, node: SimNode, random: Random): boolean {
    const { desk, cluster } = this.#options;
    const name = `${SHARED}${random.integer(this.#vms)}`;
    const isAsked = desk.read(node, { kind: "Vm", name, consistency: "linearizable" }, (reply) => {
      const found = reply?.ok === true ? reply.resources[0] : undefined;
      if (reply?.ok !== true || !this.#active) return this.#done(user);
      const vm = found?.kind === "Vm" ? found : null;
      cluster.timeline.after(0, () => this.#write(name, vm, { random, done: () => this.#done(user) }));
    });
    if (isAsked) this.#busy.add(user);
    return isAsked;
  }

  #write(name: string, vm: Vm | null, { random, done }: Round): void {
    const { clients } = this.#options;
    const tell = (command: CommandOf<"create-vm" | "delete-vm">): void =>
      this.#ask(command, { random, again: 0 }, (reply) => {
        if (reply?.ok === true) clients.onOutcome(name, command, reply.outcome);
        done();
      });
    if (vm === null) return tell({ type: "create-vm", name, labels: { [COUNT]: "0" }, spec: firstSpec(random) });
    if (random.next() < 0.1) return tell({ type: "delete-vm", name });
    this.#update(vm, { random, done });
  }

  /** One update is one intention, however often it is said: from its version it can act once. */
  #update({ metadata, spec }: Vm, { random, done }: Round): void {
    const { clients, updates } = this.#options;
    const labels = { ...metadata.labels, [COUNT]: String(Number(metadata.labels[COUNT] ?? 0) + 1) };
    const { name, uid, version } = metadata;
    const update: Update = { type: "apply-vm", name, labels, spec: changed(spec, random), expectedVersion: version };
    let isSilent = false;
    updates.onBegun(uid);
    const finish = (reply: ProposeReply | null): void => {
      done();
      if (reply?.ok !== true) return;
      const { outcome } = reply;
      clients.onOutcome(name, update, outcome);
      if (outcome.ok) return updates.onAcknowledged(uid, version, outcome.version);
      updates.conflicts += 1;
      if (!isSilent) updates.onRefused(uid);
    };
    this.#ask(update, { random, again: 0 }, finish, () => {
      isSilent = true;
    });
  }

  /** Says it at a drawn node and, without an answer, again at another. `onSilence`: what was said may have acted. */
  #ask(
    command: CommandOf<"create-vm" | "apply-vm" | "delete-vm">,
    { random, again }: { readonly random: Random; readonly again: number },
    done: (reply: ProposeReply | null) => void,
    onSilence?: () => void,
  ): void {
    const { desk, drawNode, cluster } = this.#options;
    const isAsked = desk.write(drawNode(random), command, (reply) => {
      if (reply?.ok === true || again >= AGAIN_MAX || !this.#active) return done(reply);
      onSilence?.();
      this.repeated += 1;
      cluster.timeline.after(0, () => this.#ask(command, { random, again: again + 1 }, done, onSilence));
    });
    if (!isAsked) done(null);
  }
}

function firstSpec(random: Random): VmSpec {
  return {
    ...{ running: true, vcpus: 1, memoryMiB: 64, image: "base", command: [], env: {}, files: [], ports: [] },
    ...{ restart: "always", stopGraceMs: random.integer(2000), nodeSelector: {} },
  };
}

/** Scaled, stopped or started, or with another environment. */
function changed(spec: VmSpec, random: Random): VmSpec {
  const drawn = random.next();
  if (drawn < 0.4) return { ...spec, memoryMiB: 64 * (1 + random.integer(4)) };
  if (drawn < 0.7) return { ...spec, running: !spec.running };
  return { ...spec, env: { CHANGE: String(random.integer(1000)) } };
}
