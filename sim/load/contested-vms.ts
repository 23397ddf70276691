/**
 * Users who share VMs: each reads a VM and writes it back with what it changed, on the condition that nobody else did (`expectedVersion`). They scale,
 * stop, start and delete it, make it anew under the same name, and say again, at another node, what they got no answer to.
 */
import type { CommandOf, ProposeReply, Vm, VmSpec } from "../../actors/index.ts";
import type { Random } from "../../runtime/index.ts";
import type { ClientChecker } from "../checkers/client-checker.ts";
import type { UpdateChecker } from "../checkers/update-checker.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { SimNode } from "../cluster/sim-node.ts";
import type { ClientDesk } from "./client-desk.ts";

export interface ContestedVmsOptions {
  readonly random: Random;
  readonly cluster: Cluster;
  readonly desk: ClientDesk;
  readonly clients: ClientChecker;
  readonly updates: UpdateChecker;
  /** Mean pause of a user, in microseconds. */
  readonly everyUs: number;
  readonly drawNode: () => SimNode;
}

/** Names of VMs that several users change begin so. */
const SHARED = "shared";

/** The label that counts how often a VM was updated. */
const COUNT = "count";

const VMS_MAX = 3;
const USERS_MAX = 4;

/** How often a user says again what was not answered. */
const AGAIN_MAX = 2;

type Update = CommandOf<"apply-vm"> & { readonly expectedVersion: number };

export class ContestedVms {
  /** Requests that were made again since nobody had answered. */
  repeated = 0;
  readonly #options: ContestedVmsOptions;
  readonly #vms: number;
  readonly #users: number;
  #active = false;

  constructor(options: ContestedVmsOptions) {
    this.#options = options;
    this.#vms = 1 + options.random.integer(VMS_MAX);
    this.#users = 2 + options.random.integer(USERS_MAX - 1);
  }

  start(): void {
    this.#active = true;
    for (let user = 0; user < this.#users; user++) this.#actSoon(user);
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
    const { random, everyUs, cluster } = this.#options;
    cluster.timeline.after(-Math.log(1 - random.next()) * everyUs, () => {
      if (this.#active) this.#read(user, `${SHARED}${random.integer(this.#vms)}`);
    });
  }

  #read(user: number, name: string): void {
    const { desk, drawNode } = this.#options;
    const isAsked = desk.read(drawNode(), { kind: "Vm", name, consistency: "linearizable" }, (reply) => {
      const found = reply?.ok === true ? reply.resources[0] : undefined;
      if (reply?.ok !== true || !this.#active) return this.#actSoon(user);
      this.#options.cluster.timeline.after(0, () => this.#write(user, name, found?.kind === "Vm" ? found : null));
    });
    if (!isAsked) this.#actSoon(user);
  }

  #write(user: number, name: string, vm: Vm | null): void {
    const { random, clients } = this.#options;
    const done = (): void => this.#actSoon(user);
    if (vm === null) {
      const create = { type: "create-vm", name, labels: { [COUNT]: "0" }, spec: firstSpec(random) } as const;
      return this.#ask(create, 0, (reply) => {
        if (reply?.ok === true) clients.onOutcome(name, create, reply.outcome);
        done();
      });
    }
    if (random.next() < 0.1) {
      const remove = { type: "delete-vm", name } as const;
      return this.#ask(remove, 0, (reply) => {
        if (reply?.ok === true) clients.onOutcome(name, remove, reply.outcome);
        done();
      });
    }
    this.#update(vm, done);
  }

  /** One update is one intention, however often it is said: from its version it can act once. */
  #update({ metadata, spec }: Vm, done: () => void): void {
    const { random, clients, updates } = this.#options;
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
    this.#ask(update, 0, finish, () => {
      isSilent = true;
    });
  }

  /** Says it at a drawn node and, without an answer, again at another. `onSilence`: what was said may have acted. */
  #ask(
    command: CommandOf<"create-vm" | "apply-vm" | "delete-vm">,
    again: number,
    done: (reply: ProposeReply | null) => void,
    onSilence?: () => void,
  ): void {
    const { desk, drawNode, cluster } = this.#options;
    const isAsked = desk.write(drawNode(), command, (reply) => {
      if (reply?.ok === true || again >= AGAIN_MAX || !this.#active) return done(reply);
      onSilence?.();
      this.repeated += 1;
      cluster.timeline.after(0, () => this.#ask(command, again + 1, done, onSilence));
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
