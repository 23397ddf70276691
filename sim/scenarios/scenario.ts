/**
 * A scenario puts actors into the processes of a cluster, loads them, and knows what must hold at the end.
 *
 * Two exist: `raft-scenario.ts` (consensus alone, small and fast, for its rarest faults) and `member-scenario.ts` (the
 * whole node as in production).
 */
import type { Cluster } from "../cluster/cluster.ts";
import type { CoreEnd } from "../faults/core-ending.ts";
import type { GuestWatcher } from "../outside/guest.ts";
import type { LoadAct } from "../schedule/load-act.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { Process, SimNode } from "../cluster/sim-node.ts";

/** What is asked of a cluster that has lost a quorum (`../run/quorum-loss.ts`). */
export interface AfterLoss {
  /** Nobody replaces anything by himself any more. */
  begin(): void;
  /** The answer in a word: `ok`, or the code of a refusal. */
  ask(node: SimNode, how: "read" | "write", done: (answer: string) => void): void;
  /** The payload of the entry that tells of the recovery. */
  note(): Uint8Array;
  /** What stood behind that index counts no more: one node goes on alone. */
  forget(through: number): void;
  /** Adds or promotes somebody, where there is one. */
  grow(): void;
}

export interface Scenario {
  /** Absent: nothing is known of what must be then. */
  readonly afterLoss?: AfterLoss;
  readonly guests: GuestWatcher;
  /** Something stands on the rates of clocks and bears no pause of one. Default: false. */
  readonly standsOnClockRates?: boolean;
  /** Called once, before any process starts. */
  attach(cluster: Cluster): void;
  compose(process: Process): void;
  /** Asked after every event of each process that was touched by it. */
  check(node: SimNode): void;
  onEnd(node: SimNode): void;
  /** Begins to send requests; where they are `scheduled`, only those that `perform` is told of. Default: as they are drawn. */
  load(load?: Schedule["load"]): void;
  /** Does what was recorded. False when it is not possible now. Default: nothing is recorded, and nothing possible. */
  perform?(act: LoadAct): boolean;
  /** How many VMs its requests are about. Default: none. */
  readonly vms?: number;
  /** Sends no more new requests. */
  unload(): void;
  /** How long it may take to settle, in microseconds. Default: two minutes. */
  readonly settleWithinUs?: number;
  /** Called before that where nobody but this core is healed: what is asked from then on is asked of the core. Default: of everybody. */
  keepTo?(end: CoreEnd): void;
  /** The latest term that a node which counts is in: it must not go on rising once all has settled. Default: it is not asked. */
  term?(): number;
  /** Faults are over: messages, one after another, that bring whoever is needed for a quorum up to date. Default: none. */
  behind?(): number;
  /** Faults are over: sends requests, which must be answered by then. */
  probe?(untilUs: number): void;
  /** What has not gone on since then; null when all were answered. */
  halted?(): string | null;
  /** Faults are over: whether everything is as it must be by now. Asked until it says null. */
  unsettled(): string | null;
  /** After everything has settled: what must be true of the whole. Reports through `timeline.fail`. */
  checkEnd(): void;
  marks(): Readonly<Record<string, number>>;
}
