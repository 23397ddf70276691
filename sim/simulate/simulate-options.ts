/** What `simulate` is asked for and what it answers. */
import type { OrderKind } from "../search/index.ts";
import type { CrashReport } from "../../runtime/index.ts";
import type { PayloadType } from "../../transport/index.ts";
import type { ActorFaults } from "./actor-faults.ts";
import type { Replay, SeedFailure } from "../run/run-result.ts";
import type { Checks, SimulatedNode, Simulation } from "./simulation.ts";

/** Requests from outside, at times drawn from the seed, until healing begins. */
export interface SimulationLoad<Step = unknown> {
  /** Mean pause between two steps, in simulated milliseconds. Default: 100. */
  readonly everyMs?: number;
  /**
   * Decides what the next step is, from `run.random`, and does nothing: plain data (JSON), by which the step is known in a recorded run and in its
   * diagram. Null: nothing this time. Default: a step without data.
   */
  draw?(run: Simulation): Step | null;
  /** Does the step, a copy of what was drawn; a step that was left out of a shorter run is not done. Not `async`. */
  act(run: Simulation, step: Step): void;
}

/** What is simulated, under what, and what must hold. */
export interface SimulateOptions<Step = unknown> {
  /** Decides everything: faults, delays, the order of turns, the load. A safe integer. */
  readonly seed: number;
  /** How many nodes, 1 to 9; they are called `n1`, `n2`, … Default: 3. */
  readonly nodes?: number;
  /** Simulated time under load and faults, in milliseconds. Healing comes on top. Default: 60,000. */
  readonly durationMs?: number;
  /** What goes wrong. Default: `mixed`. */
  readonly faults?: ActorFaults;
  /**
   * Puts the actors into a new process: called for each node at the start, and again after each crash. Nothing of the
   * earlier life is left but what a port kept. Not `async`: a promise from it is refused.
   */
  start(node: SimulatedNode): void;
  readonly load?: SimulationLoad<Step>;
  /** Must hold after every event. */
  readonly always?: Checks;
  /** Must hold at some time after all faults have ended; asked ten times a second until all of them do. */
  readonly eventually?: Checks;
  /** How long after the last fault everything in `eventually` must hold, in simulated milliseconds. Default: 120,000. */
  readonly settleWithinMs?: number;
  /** Whether this crash of an actor is meant to be. Default: none is; a crash ends the run with `no-actor-crashes`. */
  allowCrash?(crash: CrashReport): boolean;
  /** The types of the application's own that may be in messages, as the nodes of production have them. Default: none. */
  readonly payloadTypes?: readonly PayloadType[];
  /** What is done to the nodes and by the load, in place of what the seed draws. Default: what the seed draws. */
  readonly replay?: Replay;
  /**
   * How the order of turns is decided: `even`, drawn evenly from all who are runnable, or `pct`, by priorities that change now and then, which finds
   * what needs one actor to wait while another takes many turns. Default: drawn from the seed.
   */
  readonly order?: OrderKind;
  /** Lines of the event log kept for the report of a failure. Default: 40. */
  readonly linesKept?: number;
  /** Gets every line of the event log, at once. Must write synchronously, or collect. */
  onLine?(line: string): void;
}

/** What became of one run. Plain data, the same for the same seed in every process. */
export interface SimulationResult {
  readonly seed: number;
  readonly nodes: number;
  readonly durationMs: number;
  readonly faultsAsked: ActorFaults;
  readonly ok: boolean;
  /** Present when `ok` is false: the first rule that did not hold. */
  readonly failure?: SeedFailure;
  /** 16 hexadecimal digits over every line of the event log. Equal for equal seed, options and software. */
  readonly eventLogHash: string;
  /** Lines of the event log. */
  readonly events: number;
  /** Turns of actors. */
  readonly turns: number;
  readonly simulatedMs: number;
  /** How often each kind of fault struck. */
  readonly faults: Readonly<Record<string, number>>;
  /** What was marked, and how many messages were delivered and lost between nodes. */
  readonly marks: Readonly<Record<string, number>>;
}
