/** What a user's own actors, checks and load see of the run they are in. */
import type { JoinClusterOptions } from "../../actors/index.ts";
import type { ActorSystem, Journal, Random, World } from "../../runtime/index.ts";

/** One process of a node, from its start to its crash. */
export interface SimulatedNode {
  /** `n1`, `n2`, …: the name that addresses on this node begin with. */
  readonly name: string;
  /** From 0. */
  readonly index: number;
  /** Counts the processes of this node, from 1: above 1 after a crash. */
  readonly life: number;
  /** The names of all nodes, this one's too. */
  readonly names: readonly string[];
  readonly system: ActorSystem;
  /** The ports that the system runs on, those that outlive the process among them. */
  readonly world: World & { readonly journal: Journal };
  /**
   * What `joinCluster` needs to know of this node; its log and snapshots are on the host's disk, and Raft's own rules are checked over them
   * (sim/README.md).
   */
  readonly cluster: Pick<JoinClusterOptions, "members" | "store" | "snapshots" | "codec" | "logger" | "onRaftStart">;
  /** Writes a line into the event log, and so into the hash: state that two runs of one seed must agree on. */
  note(line: string): void;
  /** Counts something worth reaching; `simulateSeeds` says which of those that it was told to reach were not. */
  mark(name: string): void;
}

/** The run, as its checks and its load see it. */
export interface Simulation {
  readonly seed: number;
  /** Simulated milliseconds since the start. */
  readonly nowMs: number;
  /** `load`: faults and load; `healing`: faults have ended, checks of `eventually` are waited for. */
  readonly phase: "load" | "healing";
  /** Drawn from the seed: for what the load decides. Each step of the load has a stream of its own, so that others can be left out. */
  readonly random: Random;
  /** The names of all nodes. */
  readonly names: readonly string[];
  /** The processes that run now; a paused one among them. */
  nodes(): readonly SimulatedNode[];
  /** The process of a node; undefined while it is down. */
  node(name: string): SimulatedNode | undefined;
  note(line: string): void;
  mark(name: string): void;
  /** Ends the run: `rule` does not hold. Of several calls the first counts. */
  fail(rule: string, message: string): void;
}

/** Says what is wrong, or nothing. What it throws is wrong too. Must not change anything. */
export type Check = (run: Simulation) => string | null | undefined | void;

/** Checks by the name of the rule that they are about. */
export type Checks = Readonly<Record<string, Check>>;
