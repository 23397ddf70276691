/**
 * What a command comes to: events to keep, and what is to happen once they are kept.
 *
 * A decision is a value. It is made by `decide`, which can send nothing, and carried out by the event-sourced actor: events first, all
 * or none; the rest, in the order in which it was said, when everything the decision has seen is durable.
 */
import type { Context } from "../context.ts";
import type { Random } from "../ports/random.ts";
import type { Ref } from "../ref.ts";

/** What `decide` and `onSignal` have at hand: what can be known, and the ways to decide. Nothing that leaves the actor. */
export interface DecideContext<State, Command, Event> {
  readonly self: Ref<Command>;
  /** The name of the node this actor runs on. */
  readonly node: string;
  /** The stream that the events go into. */
  readonly stream: string;
  /** The number of the last event in the state. */
  readonly sequence: number;
  readonly random: Random;
  /** The monotonic clock, in milliseconds. */
  now(): number;
  /** The wall clock, in milliseconds since the epoch; for labels only. */
  wallNow(): number;

  /** Keeps one event, or several of which all or none are kept. An empty list keeps nothing. */
  persist(events: Event | readonly Event[]): Decision<State, Command>;
  /** Keeps nothing; what is added by `then…` happens all the same. */
  none(): Decision<State, Command>;
  /** Keeps nothing and answers. Short for `none().thenReply(to, () => answer)`. */
  reply<Answer>(to: Ref<Answer>, answer: NoInfer<Answer>): Decision<State, Command>;
  /** Puts the command away until a decision says `thenUnstashAll`. The limit is the spawner's (`SpawnOptions.stash`). */
  stash(): Decision<State, Command>;
  /** The command is none for this actor: a dead letter, `unhandled`. */
  unhandled(): Decision<State, Command>;
  /** Keeps nothing and stops. Short for `none().thenStop()`. */
  stop(): Decision<State, Command>;
}

/** One step that follows when the decision is durable. `state` is the one right behind the decision's events. */
type Step<State, Command> = (state: State, ctx: Context<Command>, token: string) => void;

interface DecisionParts<State, Command> {
  readonly events?: readonly unknown[];
  readonly steps?: readonly Step<State, Command>[];
  readonly command?: "handled" | "stash" | "unhandled";
  readonly unstashes?: boolean;
  readonly stops?: boolean;
}

/** Immutable; each `then…` gives a new one. */
export class Decision<State, Command> {
  /** @internal */
  readonly events: readonly unknown[];
  /** @internal */
  readonly steps: readonly Step<State, Command>[];
  /** @internal What becomes of the command itself. */
  readonly command: "handled" | "stash" | "unhandled";
  /** @internal */
  readonly unstashes: boolean;
  /** @internal */
  readonly stops: boolean;

  /** @internal Use the `DecideContext`. */
  constructor(parts: DecisionParts<State, Command>) {
    this.events = parts.events ?? [];
    this.steps = parts.steps ?? [];
    this.command = parts.command ?? "handled";
    this.unstashes = parts.unstashes ?? false;
    this.stops = parts.stops ?? false;
  }

  /** Answers, with what `make` makes of the state. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as `Answer`, literals in what `make` gives would widen
  thenReply<Answer, const Given extends Answer = Answer>(
    to: Ref<Answer>,
    make: (state: State) => Given,
  ): Decision<State, Command> {
    return this.thenRun((state, ctx) => ctx.tell(to, make(state)));
  }

  /**
   * Does anything that an actor can do. It happens at most once: a crash after the write and before the step forgets the step. What must
   * happen is kept as a part of the state, marked by `token`, and begun again on the signal `recovered`.
   *
   * `token` names the decision's last event for good, as `effectToken` does; for a decision without events, the last event before it.
   */
  thenRun(run: (state: State, ctx: Context<Command>, token: string) => void): Decision<State, Command> {
    return this.#with({ steps: [...this.steps, run] });
  }

  /** Stops the actor, after the other steps. It decides no more commands; those that wait become dead letters. */
  thenStop(): Decision<State, Command> {
    return this.#with({ stops: true });
  }

  /** Brings back what was stashed, ahead of everything that waits; at once, as later commands see this decision's state at once. */
  thenUnstashAll(): Decision<State, Command> {
    return this.#with({ unstashes: true });
  }

  #with(parts: DecisionParts<State, Command>): Decision<State, Command> {
    const { events, steps, command, unstashes, stops } = this;
    return new Decision({ events, steps, command, unstashes, stops, ...parts });
  }
}

/**
 * A name for what follows from one event: the same before and after a crash, and no other event's. Give it to what is outside, so that a
 * step which is begun again after a recovery is told from a new one.
 */
export function effectToken(stream: string, sequence: number): string {
  return `${stream}/${sequence}`;
}
