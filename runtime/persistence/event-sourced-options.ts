/** What an event-sourced actor is made of: its two pure functions, where its events are, what it hears. */
import type { Signal } from "../behavior.ts";
import type { Journal } from "../ports/journal.ts";
import type { StoreError } from "../ports/store-error.ts";
import type { DecideContext, Decision } from "./decision.ts";
import type { EventFormatOptions } from "./event-format.ts";
import type { EventPlace } from "./recovery.ts";

/** What an event-sourced actor hears besides the signals of every actor. */
export type PersistenceSignal =
  /** The state is made; commands come from now on. Where what must happen is begun again. */
  | {
      readonly type: "recovered";
      /** The last event in the state; 0 for a new stream. */
      readonly sequence: number;
      /** Events that were applied, behind the snapshot. */
      readonly events: number;
      /** Snapshots that could not be used, and why; the events were applied instead. */
      readonly skippedSnapshots: readonly string[];
    }
  /** A younger writer has the stream, or it was deleted. The actor stops behind this; what was not durable is lost. */
  | { readonly type: "fenced"; readonly error: StoreError }
  /** A snapshot could not be kept. The events are; a recovery takes longer. */
  | { readonly type: "snapshot-failed"; readonly error: unknown };

/** What an event-sourced actor is made of: two pure functions, and where its events are. */
export interface EventSourcedOptions<State, Command, Event> extends EventFormatOptions<State, Event> {
  /** Appears in crash reports and in the inspection stream. */
  readonly name: string;
  /** Where the events are: one stream, one actor. Two that share it fence each other. 1 to 512 bytes of UTF-8. */
  readonly streamId: string;
  /** The state before the first event. Not to be changed in place, as every state. */
  readonly empty: State;
  /** What a command comes to. Pure: it may be run for a command that is lost in a crash. What it throws is a crash. */
  decide(state: State, command: Command, ctx: DecideContext<State, Command, Event>): Decision<State, Command>;
  /**
   * The next state. Pure, and total: it must take every event that was ever kept, so it refuses nothing. Undefined is a state only
   * where `empty` is undefined too; else it is taken for a forgotten case, and the actor crashes before the event is kept.
   */
  evolve(state: State, event: Event, place: EventPlace): State;
  /**
   * Decides on a signal; those that come while the actor recovers wait until it has. What it decides on `pre-restart`, `post-stop` and
   * `fenced` may have steps and no events.
   */
  onSignal?(
    state: State,
    signal: Signal | PersistenceSignal,
    ctx: DecideContext<State, Command, Event>,
  ): Decision<State, Command> | undefined;
  /** Keeps a snapshot behind so many events. Default: never. */
  readonly snapshotEvery?: number;
  /** How many snapshots remain. Default: 2, so that one that cannot be read costs time and no data. */
  readonly keepSnapshots?: number;
  /** Deletes events that are older than the oldest snapshot that remains. Default: false, they are history. */
  readonly deleteOldEvents?: boolean;
  /** Default: the world's. */
  readonly journal?: Journal;
  /** See `Behavior.accepts`. */
  accepts?(message: unknown): message is Command;
}
