/**
 * The scheduler's decision, as data: nothing has happened yet. Carrying it out is proposing its commands, and each is
 * verified again when it is applied.
 */
import type { CommandOf } from "../cluster/commands.ts";
import { WAITING, waitsFor } from "../cluster/dependency-rules.ts";
import { bookingsOf, claimOf, Rooms } from "../cluster/rooms.ts";
import type { Checkpoint, Node, Vm } from "../resources/index.ts";
import { checkFeasible, explain } from "./feasible.ts";
import { best, Spread } from "./rank.ts";
import { reconcile } from "./reconcile.ts";

export interface SchedulerView {
  readonly vms: ReadonlyMap<string, Vm>;
  readonly nodes: ReadonlyMap<string, Node>;
  /** Default: none. */
  readonly checkpoints?: ReadonlyMap<string, Checkpoint>;
}

export interface Plan {
  readonly place: readonly CommandOf<"place">[];
  /** Only for VMs whose explanation is new. */
  readonly pending: readonly CommandOf<"explain-pending">[];
}

/**
 * Commands of one plan. A larger one is older when its end is carried out, and more of it is refused. What is left over
 * comes with the next plan, which the changes of this one bring about.
 */
export const PLAN_COMMANDS_MAX = 256;

export interface PlanOptions {
  /** Default: PLAN_COMMANDS_MAX. */
  readonly commandsMax?: number;
  /** Default false; only the simulator says otherwise, to plant a fault. */
  readonly dependenciesIgnored?: boolean;
}

/** Plans VMs that wait, with at most so many commands. Pure: the same view gives the same plan. */
export function makePlan(view: SchedulerView, options: PlanOptions = {}): Plan {
  const { commandsMax = PLAN_COMMANDS_MAX, dependenciesIgnored = false } = options;
  const place: CommandOf<"place">[] = [];
  const pending: CommandOf<"explain-pending">[] = [];
  const waiting = reconcile(view.vms.values());
  // Most changes leave nobody without a place: then nobody asks what is taken where.
  if (waiting.length === 0) return { place, pending };
  const { rooms, spread } = survey(view);
  for (const vm of waiting) {
    if (place.length + pending.length >= commandsMax) break;
    const { name, uid, generation } = vm.metadata;
    const hold = (message: string): void => {
      if (message !== vm.status.message) pending.push({ type: "explain-pending", vm: name, uid, message });
    };
    const wait = dependenciesIgnored ? null : waitsFor(vm.spec, (other) => view.vms.get(other));
    if (wait !== null) {
      hold(`${WAITING}${wait}`);
      continue;
    }
    const { feasible, objections } = checkFeasible(vm, rooms.rooms(), view.checkpoints?.get(vm.spec.checkpoint ?? ""));
    const room = best(vm, feasible, spread);
    if (room === undefined) {
      hold(explain(vm, objections));
      continue;
    }
    const node = room.node.metadata.name;
    place.push({ type: "place", vm: name, uid, generation, node, epoch: room.node.status.epoch });
    rooms.book({ vm: name, node, claim: claimOf(vm.spec) });
    spread.add(vm, node);
  }
  return { place, pending };
}

/** What is taken on each node, by the map. */
export function survey({ vms, nodes }: SchedulerView): { rooms: Rooms; spread: Spread } {
  const rooms = new Rooms();
  const spread = new Spread();
  for (const node of nodes.values()) rooms.setNode(node);
  for (const vm of vms.values()) {
    for (const booking of bookingsOf(vm)) {
      rooms.book(booking);
      spread.add(vm, booking.node);
    }
  }
  return { rooms, spread };
}
