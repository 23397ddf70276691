/**
 * A scenario as it is run: what `compile.ts` makes of a file. Plain data, so that it goes to a thread; nodes by index, times in milliseconds
 * from the moment at which the cluster stands and its VMs run.
 */
import type { VmSpec } from "../../actors/index.ts";
import type { ProfileName } from "../faults/profile.ts";

export interface ScenarioPlan {
  readonly name: string;
  readonly durationMs: number;
  /** How many seeds, where nobody says. */
  readonly seeds: number;
  readonly nodes: readonly PlannedNode[];
  readonly vms: readonly PlannedVm[];
  readonly network: PlannedNetwork;
  readonly clients: PlannedClients;
  readonly faults: readonly PlannedFault[];
  /** Faults that the seed draws beside those. */
  readonly random: { readonly profile: ProfileName; readonly everyFault: boolean } | null;
  readonly expectations: readonly Expectation[];
}

export interface PlannedNode {
  readonly name: string;
  /** A zone is the label `zone`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly memoryMiB: number;
  readonly vcpus: number;
}

export interface PlannedVm {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: VmSpec;
}

/** What messages between nodes meet with all the time. */
export interface PlannedNetwork {
  readonly delayMs: number;
  /** From 0 to 1. */
  readonly loss: number;
}

export interface PlannedClients {
  readonly count: number;
  /** Mean pause of a client between an answer and its next request. */
  readonly everyMs: number;
  /** Share of requests that read. */
  readonly reads: number;
}

/** Some nodes, found when the fault strikes. */
export type Whom =
  | { readonly type: "nodes"; readonly nodes: readonly number[] }
  | { readonly type: "role"; readonly role: Role }
  /** The node that the VM runs on. */
  | { readonly type: "host-of"; readonly vm: string };

/** `majority` and `minority` are drawn: one node more than half of all, and as many as can be missed. `any`: one of all, drawn. */
export const ROLES = ["leader", "followers", "majority", "minority", "any", "all"] as const;
export type Role = (typeof ROLES)[number];

/** All whom any of these names. */
export type Group = readonly Whom[];

/** What is done, but for whom it meets: the fields of a blow (`../schedule/blow.ts`). */
type Fields = Readonly<Record<string, unknown>>;

export type PlannedAct =
  /** One blow for each node. */
  | { readonly type: "each"; readonly blow: string; readonly whom: Group; readonly fields: Fields }
  /** One blow for all of them. */
  | { readonly type: "many"; readonly blow: string; readonly whom: Group; readonly fields: Fields }
  /** One blow along the lines between groups; of one group: between it and all others. `way`: seen from the first group. */
  | {
      readonly type: "lines";
      readonly blow: string;
      readonly groups: readonly Group[];
      readonly way: "both" | "from" | "to";
      readonly fields: Fields;
    }
  /** One blow for a pair of nodes. */
  | { readonly type: "pair"; readonly blow: string; readonly between: readonly [Group, Group]; readonly fields: Fields }
  /** One blow for the guest of a VM. */
  | { readonly type: "guest"; readonly blow: string; readonly vm: string; readonly fields: Fields }
  /** One blow for the cluster. */
  | { readonly type: "whole"; readonly blow: string; readonly fields: Fields };

export interface PlannedFault {
  /** As expectations call it. */
  readonly name: string;
  /** For people: "lose-zone b". */
  readonly title: string;
  /** When it strikes, ascending. */
  readonly atMs: readonly number[];
  /** Null: it is over at once. */
  readonly forMs: number | null;
  /** When the last strike is, also of several that come one after the other. */
  readonly lastMs: number;
  /** Pause between one node and the next; 0: all at once. */
  readonly staggerMs: number;
  readonly act: PlannedAct;
}

interface Expected {
  /** The expectation in words. */
  readonly title: string;
}

export type Expectation = Expected &
  (
    | {
        readonly type: "healthy";
        readonly vms: readonly string[];
        readonly withinMs: number;
        /** Name of a fault. Null: of each. */
        readonly after: string | null;
      }
    | { readonly type: "downtime"; readonly vms: readonly string[]; readonly maxMs: number }
    | {
        readonly type: "available";
        readonly app: string;
        readonly vms: readonly string[];
        readonly min: number;
        readonly gapMs: number;
      }
    | { readonly type: "lost"; readonly vms: readonly string[]; readonly after: string }
    | {
        readonly type: "answered";
        readonly what: "writes" | "reads";
        readonly withinMs: number;
        /** Faults while which it does not count. */
        readonly except: readonly string[];
      }
    | { readonly type: "leader"; readonly gapMs: number; readonly except: readonly string[] }
    | { readonly type: "never-two" }
  );
