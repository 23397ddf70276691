/**
 * Users who let VMs stand still and go on, move them to other nodes and change their minds, and start them anew: nothing that changes what a VM is, so
 * whoever it belongs to finds it as he left it. Some are their own, which live for long since nobody else changes them.
 */
import type { CommandOf, Vm, VmSpec } from "../../actors/index.ts";
import { createRandom, type Random } from "../../runtime/index.ts";
import type { MoveKind } from "../schedule/load-act.ts";
import { PacedUsers, type PacedUsersOptions } from "./paced-users.ts";
import type { UsersAct } from "./users.ts";

type MoveAct = Extract<UsersAct, { readonly type: "move" }>;

type Wanted = CommandOf<"create-vm" | "migrate-vm" | "cancel-migration" | "set-paused" | "restart-vm">;

/** Mean pause between two acts. */
const EVERY_US = 1_000_000;

/** Names of their own VMs begin so; how many there are, and how often it is one of them. */
const OWN = "moved";
const OWN_MAX = 3;
const OWN_SHARE = 0.7;

const MIB = 1_048_576;

/** How often each is wanted. */
const HOW: readonly MoveKind[] = [
  "migrate",
  "migrate",
  "migrate",
  "migrate",
  "cancel",
  "pause",
  "resume",
  "resume",
  "restart",
];

export class VmMovers extends PacedUsers<MoveAct> {
  /** What was taken on by the map. */
  readonly taken: Record<MoveKind, number> = { migrate: 0, cancel: 0, pause: 0, resume: 0, restart: 0 };

  readonly #furnish: (vm: string, spec: VmSpec) => VmSpec;

  constructor(options: PacedUsersOptions & { readonly furnish: (vm: string, spec: VmSpec) => VmSpec }) {
    super(options, { type: "move", everyUs: EVERY_US, ways: HOW });
    this.#furnish = options.furnish;
  }

  /** False when nobody is there to ask. */
  override perform({ node, how, chance }: MoveAct): boolean {
    const { cluster, desk } = this.options;
    const at = cluster.nodes[node];
    if (!this.isActive || at === undefined) return false;
    const random = createRandom(chance);
    return desk.read(at, { kind: "Vm", consistency: "local" }, (reply) => {
      if (reply?.ok !== true || !this.isActive) return;
      const command = this.#choose(reply.resources as readonly Vm[], how, random);
      if (command === null) return;
      cluster.timeline.after(0, () => {
        desk.write(this.options.drawNode(random), command, (told) => {
          if (told?.ok === true && told.outcome.ok && command.type !== "create-vm") this.taken[how] += 1;
        });
      });
    });
  }

  #choose(vms: readonly Vm[], how: MoveKind, random: Random): Wanted | null {
    const missing = Array.from({ length: OWN_MAX }, (_, at) => `${OWN}${at}`).find(
      (own) => !vms.some(({ metadata }) => metadata.name === own),
    );
    if (missing !== undefined) {
      return { type: "create-vm", name: missing, labels: {}, spec: this.#furnish(missing, SPEC) };
    }
    const all = vms.filter((vm) => isFit(vm, how));
    const own = random.next() < OWN_SHARE ? all.filter(({ metadata }) => metadata.name.startsWith(OWN)) : [];
    const fit = own.length > 0 ? own : all;
    const vm = fit[random.integer(Math.max(1, fit.length))];
    if (vm === undefined) return null;
    const { name } = vm.metadata;
    switch (how) {
      case "migrate": {
        const nodes = this.options.cluster.names;
        const target = nodes[random.integer(nodes.length)] as string;
        return { type: "migrate-vm", name, target, limits: drawLimits(random) };
      }
      case "cancel":
        return { type: "cancel-migration", name, migration: null, message: "a user changed his mind" };
      case "pause":
      case "resume":
        return { type: "set-paused", name, paused: how === "pause" };
      case "restart":
        return { type: "restart-vm", name };
      default:
        return how satisfies never;
    }
  }
}

const SPEC: VmSpec = {
  ...{ running: true, vcpus: 1, memoryMiB: 96, image: "base", command: [], env: {}, files: [], ports: [] },
  ...{ restart: "always", stopGraceMs: 500, nodeSelector: {} },
};

function isFit({ status }: Vm, how: MoveKind): boolean {
  if (how === "cancel") return status.migration !== undefined;
  if (how === "resume") return status.instance?.paused === true;
  return status.phase === "Running" && (how !== "migrate" || status.migration === undefined);
}

/** Small VMs go in a second or two; now and then one takes longer than it may. */
function drawLimits(random: Random): CommandOf<"migrate-vm">["limits"] {
  return {
    bandwidthBytesPerSecond: MIB * (50 + random.integer(500)),
    downtimeMs: 10 + random.integer(300),
    autoConverge: random.next() < 0.7,
    timeoutMs: 1000 * (2 + random.integer(40)),
  };
}
