/**
 * Strikes the faults of a plan when their time comes: finds whom, makes blows of it, and has them carried out by the executor of all faults
 * (`../faults/blow-executor.ts`).
 *
 * A fault that names who leads, or where a VM runs, waits for one: an election may be under way just then. After `PATIENCE_US` it is given up,
 * and what became of it says so.
 */
import type { Random } from "../../runtime/index.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { BlowExecutor } from "../faults/blow-executor.ts";
import type { BlowAct } from "../schedule/blow.ts";
import type { Recording } from "../schedule/schedule.ts";
import { FAULT_VERBS } from "./fault-verbs.ts";
import type { Group, PlannedAct, PlannedFault, ScenarioPlan } from "./scenario-plan.ts";
import { findGroup } from "./whom.ts";

const PATIENCE_US = 10_000_000;
const LOOK_AGAIN_US = 50_000;

/** What became of one strike. Times in microseconds of the run. */
export interface Strike {
  readonly fault: string;
  readonly title: string;
  readonly atUs: number;
  /** When it is over; `atUs` where it is at once. */
  readonly untilUs: number;
  /** By index; who was struck. */
  readonly nodes: readonly number[];
  /** Null: struck. */
  readonly notStruck: string | null;
  /** Who led just before. */
  readonly leader: number | null;
  /** Where each VM ran just before. */
  readonly places: Readonly<Record<string, number>>;
}

/** One blow, and whom it strikes. */
interface Blow {
  readonly act: BlowAct;
  readonly nodes: readonly number[];
}

export class Striker {
  readonly strikes: Strike[] = [];
  readonly #cluster: Cluster;
  readonly #plan: ScenarioPlan;
  readonly #random: Random;
  readonly #recording: Recording;
  readonly #executor: BlowExecutor;
  #active = false;
  #endUs = 0;

  constructor(
    cluster: Cluster,
    options: { readonly plan: ScenarioPlan; readonly random: Random; readonly recording: Recording },
  ) {
    this.#cluster = cluster;
    this.#plan = options.plan;
    this.#random = options.random;
    this.#recording = options.recording;
    this.#executor = new BlowExecutor(cluster);
  }

  start(): void {
    const { timeline } = this.#cluster;
    this.#active = true;
    this.#endUs = timeline.nowUs + this.#plan.durationMs * 1000;
    for (const fault of this.#plan.faults) {
      for (const atMs of fault.atMs) {
        timeline.afterAside(atMs * 1000, () => this.#strike(fault, timeline.nowUs + PATIENCE_US));
      }
    }
  }

  /** No more strikes; those under way end now. */
  stop(): void {
    this.#active = false;
    this.#executor.healAll();
  }

  /** The node on which a guest of the VM runs. */
  hostOf(vm: string): number | undefined {
    return this.#cluster.nodes.find(({ host }) => [...host.guests.values()].some(({ launch }) => launch.vm === vm))
      ?.index;
  }

  #strike(fault: PlannedFault, untilUs: number): void {
    if (!this.#active) return;
    const { timeline } = this.#cluster;
    const blows = this.#blowsOf(fault);
    if (blows !== null) this.#strikeInTurn(fault, blows);
    else if (timeline.nowUs + LOOK_AGAIN_US <= Math.min(untilUs, this.#endUs)) {
      timeline.afterAside(LOOK_AGAIN_US, () => this.#strike(fault, untilUs));
    } else this.#note(fault, { nodes: [], untilUs: timeline.nowUs, notStruck: "there was nobody to strike" });
  }

  /** All at once, or one after the other, each a strike of its own. */
  #strikeInTurn(fault: PlannedFault, blows: readonly Blow[]): void {
    if (fault.staggerMs === 0) {
      this.#carryOut(fault, blows);
      return;
    }
    for (const [index, blow] of blows.entries()) {
      const now = (): void => {
        if (this.#active) this.#carryOut(fault, [blow]);
      };
      if (index === 0) now();
      else this.#cluster.timeline.afterAside(index * fault.staggerMs * 1000, now);
    }
  }

  #carryOut(fault: PlannedFault, blows: readonly Blow[]): void {
    const { nowUs } = this.#cluster.timeline;
    const nodes = [...new Set(blows.flatMap((blow) => blow.nodes))];
    const untilUs = Math.min(this.#endUs, nowUs + (fault.forMs ?? 0) * 1000);
    this.#note(fault, { nodes, untilUs, notStruck: null });
    const struck = blows.filter(({ act }) => this.#do(act));
    const noted = this.strikes.at(-1);
    if (struck.length > 0 || noted === undefined) return;
    this.strikes[this.strikes.length - 1] = { ...noted, untilUs: nowUs, notStruck: "it was not possible then" };
  }

  #do(act: BlowAct): boolean {
    const leader = this.#cluster.raft.leader();
    const isDone = this.#executor.strike(act);
    if (isDone) this.#recording.add(act, leader);
    else this.#cluster.timeline.note(`not possible ${act.type}`);
    return isDone;
  }

  #note(fault: PlannedFault, what: Pick<Strike, "nodes" | "untilUs" | "notStruck">): void {
    const { timeline, raft } = this.#cluster;
    const places = Object.fromEntries(
      this.#plan.vms.flatMap(({ name }) => {
        const host = this.hostOf(name);
        return host === undefined ? [] : [[name, host] as const];
      }),
    );
    const { name, title } = fault;
    timeline.note(`scenario fault ${name}: ${title}${what.notStruck === null ? "" : `, ${what.notStruck}`}`);
    this.strikes.push({ fault: name, title, atUs: timeline.nowUs, leader: raft.leader() ?? null, places, ...what });
  }

  /** Null while there is nobody to strike. */
  #blowsOf({ act, forMs, title }: PlannedFault): readonly Blow[] | null {
    const lasting = forMs === null ? {} : lengthOf(act, forMs);
    const make = (nodes: readonly number[], fields: object): Blow => {
      return { nodes, act: { type: act.blow, ...act.fields, ...lasting, ...fields } as unknown as BlowAct };
    };
    switch (act.type) {
      case "whole":
        return [make([], {})];
      case "each":
        return this.#find(act.whom)?.map((node) => make([node], { node })) ?? null;
      case "many": {
        const nodes = this.#find(act.whom);
        return nodes === null ? null : [make(nodes, { nodes })];
      }
      case "pair": {
        const [one, other] = act.between.map((group) => this.#find(group)?.[0]);
        return one === undefined || other === undefined || one === other
          ? null
          : [make([one, other], { between: [one, other], from: one, to: other })];
      }
      case "guest": {
        const node = this.hostOf(act.vm);
        if (node === undefined) return null;
        const place = [...this.#cluster.node(node).host.guests.values()].findIndex(
          ({ launch }) => launch.vm === act.vm,
        );
        return [make([node], { node, place })];
      }
      case "lines": {
        const found = act.groups.map((group) => this.#find(group));
        if (found.includes(null)) return null;
        const groups = found.map((group) => group ?? []);
        const directions = directionsOf(groups, act.way, this.#cluster.nodes.length);
        const nodes = groups.length === 1 || act.way !== "both" ? (groups[0] ?? []) : groups.flat();
        return directions.length === 0 ? null : [make(nodes, { what: describe(title, groups), directions })];
      }
      default:
        return act satisfies never;
    }
  }

  #find(group: Group): readonly number[] | null {
    return findGroup(group, {
      cluster: this.#cluster,
      random: this.#random,
      hostOf: (vm) => this.hostOf(vm),
    });
  }
}

/** The field of the blow that says how long; one that reaches the end of the scenario has none. */
function lengthOf({ blow }: PlannedAct, forMs: number): Readonly<Record<string, number>> {
  const lasting = [...FAULT_VERBS.values()].find((verb) => verb.blow === blow)?.lasting;
  return lasting === null || lasting === undefined ? {} : { [lasting]: forMs * 1000 };
}

/** Between the first group and all who are in none, or between each two groups. */
function directionsOf(
  groups: readonly (readonly number[])[],
  way: "both" | "from" | "to",
  nodes: number,
): readonly (readonly [number, number])[] {
  const [first = [], second] = groups;
  if (second === undefined) {
    const rest = Array.from({ length: nodes }, (_, node) => node).filter((node) => !first.includes(node));
    return cross(first, rest, way);
  }
  if (way === "from") return cross(first, second, way);
  return groups.flatMap((one, index) => groups.slice(index + 1).flatMap((other) => cross(one, other, "both")));
}

function cross(
  ones: readonly number[],
  others: readonly number[],
  way: "both" | "from" | "to",
): readonly (readonly [number, number])[] {
  return ones.flatMap((one) =>
    others
      .filter((other) => other !== one)
      .flatMap((other): readonly (readonly [number, number])[] => {
        if (way === "from") return [[one, other]];
        if (way === "to") return [[other, one]];
        return [
          [one, other],
          [other, one],
        ];
      }),
  );
}

/** For the event log, whose numbers are nodes: without those of the title. */
function describe(title: string, groups: readonly (readonly number[])[]): string {
  const verb = title.split(" ")[0] ?? "";
  return `${verb} ${groups.map((group) => group.join(",")).join(" | ")}`;
}
