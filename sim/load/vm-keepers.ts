/**
 * Users who make checkpoints of VMs, have them go on from there, make clones, and remove what they made. They have VMs of their own, which live for
 * long, and take what they find of others' too; what is refused they leave.
 */
import type { Checkpoint, CommandOf, Resource, Vm, VmSpec } from "../../actors/index.ts";
import { createRandom, type Random } from "../../runtime/index.ts";
import type { KeepKind } from "../schedule/load-act.ts";
import { PacedUsers, type PacedUsersOptions } from "./paced-users.ts";
import type { UsersAct } from "./users.ts";

type KeepAct = Extract<UsersAct, { readonly type: "keep" }>;

type Wanted = CommandOf<
  "create-vm" | "apply-vm" | "delete-vm" | "create-checkpoint" | "delete-checkpoint" | "restore-vm"
>;

/** Mean pause between two acts. */
const EVERY_US = 1_500_000;

/** Names begin so; how many there are of each. */
const OWN = { vm: "kept", clone: "clone", checkpoint: "cp" };
const MAX = { vm: 2, clone: 4, checkpoint: 4 };

/** How often each is wanted; `boot`: a VM that was restored boots again at its next start. */
const HOW: readonly KeepKind[] = [
  "checkpoint",
  "checkpoint",
  "checkpoint",
  "clone",
  "clone",
  "restore",
  "restore",
  "boot",
  "delete",
  "delete-clone",
];

const SPEC: VmSpec = {
  ...{ running: true, vcpus: 1, memoryMiB: 128, image: "base", command: [], env: {}, files: [], ports: [] },
  ...{ restart: "always", stopGraceMs: 500, nodeSelector: {} },
};

export class VmKeepers extends PacedUsers<KeepAct> {
  /** What was taken on by the map. */
  readonly taken: Record<KeepKind, number> = {
    ...{ checkpoint: 0, clone: 0, restore: 0, boot: 0, delete: 0, "delete-clone": 0 },
  };

  constructor(options: PacedUsersOptions) {
    super(options, { type: "keep", everyUs: EVERY_US, ways: HOW });
  }

  /** False when nobody is there to ask. */
  override perform({ node, how, chance }: KeepAct): boolean {
    const random = createRandom(chance);
    return this.#read(node, "Vm", (vms) => {
      this.#read(node, "Checkpoint", (checkpoints) => {
        const command = choose(
          { vms: vms as readonly Vm[], checkpoints: checkpoints as readonly Checkpoint[] },
          how,
          random,
        );
        if (command !== null) this.#write(command, how, random);
      });
    });
  }

  #read(node: number, kind: "Vm" | "Checkpoint", done: (found: readonly Resource[]) => void): boolean {
    const { cluster, desk } = this.options;
    const at = cluster.nodes[node];
    if (!this.isActive || at === undefined) return false;
    return desk.read(at, { kind, consistency: "local" }, (reply) => {
      if (reply?.ok !== true || !this.isActive) return;
      const { resources } = reply;
      cluster.timeline.after(0, () => done(resources));
    });
  }

  #write(command: Wanted, how: KeepKind, random: Random): void {
    const { desk, drawNode } = this.options;
    desk.write(drawNode(random), command, (told) => {
      const isAside = command.type === "create-vm" && command.spec.checkpoint === undefined;
      if (told?.ok === true && told.outcome.ok && !isAside) this.taken[how] += 1;
    });
  }
}

interface Shown {
  readonly vms: readonly Vm[];
  readonly checkpoints: readonly Checkpoint[];
}

function choose({ vms, checkpoints }: Shown, how: KeepKind, random: Random): Wanted | null {
  const pick = <Item>(items: readonly Item[]): Item | undefined => items[random.integer(Math.max(1, items.length))];
  const missing = (kind: keyof typeof OWN, known: readonly Resource[]): string | undefined =>
    Array.from({ length: MAX[kind] }, (_, at) => `${OWN[kind]}${at}`).find(
      (name) => !known.some(({ metadata }) => metadata.name === name),
    );
  const own = missing("vm", vms);
  if (own !== undefined) return { type: "create-vm", name: own, labels: {}, spec: SPEC };
  const ours = vms.filter(({ metadata }) => metadata.name.startsWith(OWN.vm));
  const clones = vms.filter(({ metadata }) => metadata.name.startsWith(OWN.clone));
  const checkpoint = pick(checkpoints);
  switch (how) {
    case "checkpoint": {
      const name = missing("checkpoint", checkpoints);
      // Of a VM that nobody restores, too: of a clone, of one that moves.
      const vm = pick(random.next() < 0.8 ? ours : vms);
      return name === undefined || vm === undefined
        ? null
        : { type: "create-checkpoint", name, labels: {}, vm: vm.metadata.name };
    }
    case "clone": {
      const name = missing("clone", vms);
      if (name === undefined || checkpoint === undefined) return null;
      const spec = { ...checkpoint.spec.guest, running: true, checkpoint: checkpoint.metadata.name };
      return { type: "create-vm", name, labels: {}, spec };
    }
    case "restore": {
      const fit = checkpoints.filter(({ spec }) => spec.vm.startsWith(OWN.vm));
      const from = pick(fit);
      return from === undefined ? null : { type: "restore-vm", name: from.spec.vm, checkpoint: from.metadata.name };
    }
    case "boot": {
      const vm = pick(ours);
      return vm === undefined ? null : { type: "apply-vm", name: vm.metadata.name, labels: {}, spec: SPEC };
    }
    case "delete":
      return checkpoint === undefined ? null : { type: "delete-checkpoint", name: checkpoint.metadata.name };
    case "delete-clone": {
      const vm = pick(clones);
      return vm === undefined ? null : { type: "delete-vm", name: vm.metadata.name };
    }
    default:
      return how satisfies never;
  }
}
