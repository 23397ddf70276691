/**
 * What becomes of the VMs of a node that is emptied, as data: what moves live, what by stop and start and where to, what is on its way, and what
 * stays and why. Pure. `--dry-run` shows it, and the drain actor carries it out.
 */
import { whyNotMigrate, type MigrationSides, type MoveHow } from "../cluster/migration-rules.ts";
import { isWanted } from "../cluster/is-wanted.ts";
import type { Room, Rooms } from "../cluster/rooms.ts";
import type { Node, Vm } from "../resources/index.ts";
import { lacks } from "./feasible.ts";
import { survey, type SchedulerView } from "./plan.ts";
import { best, type Spread } from "./rank.ts";

export interface DrainStep {
  readonly vm: string;
  /** `moves`: on its way; `waits`: something else is under way with it; `stays`: it can go nowhere as things are. */
  readonly how: MoveHow | "moves" | "waits" | "stays";
  /** Where to; empty where it goes nowhere. */
  readonly to: string;
  /** For people: why not live, or why it stays; empty when there is nothing to say. */
  readonly why: string;
}

export interface DrainQuestion {
  readonly node: string;
  readonly liveOnly: boolean;
  /** VMs that have failed to move live, and go so only where they can go no other way. Default: none. */
  readonly coldFor?: ReadonlySet<string>;
  /** Moves that the plan may hold; what comes behind them is not looked at. Default: all. */
  readonly movesMax?: number;
}

/** In order of the VMs' names. */
export function planDrain(view: SchedulerView, question: DrainQuestion): readonly DrainStep[] {
  const { node, movesMax = Infinity } = question;
  const planner = new Planner(view, question);
  const here = [...view.vms.values()].filter(({ status }) => status.instance?.node === node);
  const steps: DrainStep[] = [];
  let moves = 0;
  for (const vm of here.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    if (moves >= movesMax) break;
    const step = planner.step(vm);
    if (step.how === "live" || step.how === "cold") moves += 1;
    steps.push(step);
  }
  return steps;
}

class Planner {
  readonly #view: SchedulerView;
  readonly #question: DrainQuestion;
  readonly #rooms: Rooms;
  readonly #spread: Spread;
  readonly #source: Node | undefined;

  constructor(view: SchedulerView, question: DrainQuestion) {
    this.#view = view;
    this.#question = question;
    const { rooms, spread } = survey(view);
    this.#rooms = rooms;
    this.#spread = spread;
    this.#source = view.nodes.get(question.node);
  }

  step(vm: Vm): DrainStep {
    const { instance, migration, phase } = vm.status;
    const { name } = vm.metadata;
    const step = (how: DrainStep["how"], why: string, to = ""): DrainStep => ({ vm: name, how, to, why });
    if (migration !== undefined) return step("moves", migration.phase, migration.node);
    if (instance === null || instance.stopping || !isWanted(vm, instance)) return step("waits", "it is being stopped");
    if (instance.checkpointing !== undefined) {
      return step("waits", `checkpoint "${instance.checkpointing}" of it is being made`);
    }
    if (phase === "Starting") return step("waits", "it is starting");
    const { liveOnly, coldFor } = this.#question;
    const live = this.#choose(vm, "live");
    const isLiveNext = typeof live !== "string" && coldFor?.has(name) !== true;
    const cold = liveOnly || isLiveNext ? null : this.#choose(vm, "cold");
    if (cold !== null && typeof cold !== "string") {
      const why = typeof live === "string" ? live : "it has failed to move live";
      return this.#book(vm, cold, step("cold", why, cold.node.metadata.name));
    }
    // Once more, too, what has failed to move live and can go no other way: a guest whose checkpoint is on its node alone.
    if (typeof live !== "string") return this.#book(vm, live, step("live", "", live.node.metadata.name));
    return step("stays", cold ?? live);
  }

  /** The best node, or why none. */
  #choose(vm: Vm, how: MoveHow): Room | string {
    const { node: from } = this.#question;
    const checkpoint = this.#view.checkpoints?.get(vm.spec.checkpoint ?? "");
    const sides: Omit<MigrationSides, "target"> = { vm, source: this.#source, checkpoint };
    const feasible: Room[] = [];
    const objections: [string, string][] = [];
    for (const room of this.#rooms.rooms()) {
      const { name } = room.node.metadata;
      if (name === from) continue;
      const lack = lacks(vm, room);
      const why = whyNotMigrate({ ...sides, target: room }, how)?.why ?? (lack === null ? null : `the node ${lack}`);
      if (why === null) feasible.push(room);
      else objections.push([name, why]);
    }
    return best(vm, feasible, this.#spread) ?? explainAll(objections);
  }

  #book(vm: Vm, room: Room, step: DrainStep): DrainStep {
    const { instance } = vm.status;
    const node = room.node.metadata.name;
    if (instance !== null) this.#rooms.book({ vm: vm.metadata.name, node, claim: instance.claim });
    this.#spread.add(vm, node);
    return step;
  }
}

/** Nodes that an explanation names; past it only their number. */
const NAMED_MAX = 20;

/** What is the same for all nodes is said once. */
function explainAll(objections: readonly (readonly [string, string])[]): string {
  const [first] = objections;
  if (first === undefined) return "there is no other node";
  if (objections.every(([, why]) => why === first[1]) && !first[1].startsWith("the node ")) return first[1];
  const named = objections.slice(0, NAMED_MAX).map(([node, why]) => `${node}: ${why}`);
  const rest = objections.length - named.length;
  return `${named.join("; ")}${rest === 0 ? "" : `; and ${rest} more nodes`}`;
}
