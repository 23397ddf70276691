/**
 * An actor whose state is what its events add up to: commands are decided, events are kept, the state evolves.
 *
 *     command ──decide──▶ Decision ──▶ events ──evolve──▶ state
 *                                        └──▶ journal ──durable──▶ replies, steps
 *
 * `decide` and `evolve` are pure: `decide` has no way to send, `evolve` is run again at each recovery. What the actor does to others is
 * said in the decision and happens when the events are durable. The sketch and the guarantees are in README.md; the model is the
 * decider of Chassaing, "Functional Event Sourcing Decider" (2021), and Akka's `EventSourcedBehavior`.
 */
import type { Behavior } from "../behavior.ts";
import { EventFormat } from "./event-format.ts";
import { EventSourcedActor } from "./event-sourced-actor.ts";
import type { EventSourcedOptions } from "./event-sourced-options.ts";
import { JournalReply } from "./journal-reply.ts";

/**
 * A behaviour that keeps its state as events in a journal.
 *
 * Commands that come during recovery wait in the mailbox. Crashes with a `PersistenceError`: `recovery-failed`, `persist-failed`,
 * `persist-rejected`, `no-journal`. Supervision decides what follows: a restart recovers again, from what is durable; `resume` goes on
 * only after `persist-rejected` and after what `decide` threw. Stops, with the signal `fenced`, when another writer has the stream.
 */
export function eventSourced<State, Command, Event>(
  options: EventSourcedOptions<State, Command, Event>,
): Behavior<unknown, Command> {
  const { snapshotEvery, keepSnapshots = 1 } = options;
  for (const [name, value] of Object.entries({ snapshotEvery: snapshotEvery ?? 1, keepSnapshots })) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new RangeError(`eventSourced: ${name} is ${value}, wanted 1 or more`);
  }
  const format = new EventFormat<State, Event>(options);
  const behavior: Behavior<EventSourcedActor<State, Command, Event>, Command> = {
    name: options.name,
    init: (ctx) => EventSourcedActor.start(options, format, ctx),
    receive: (actor, message) => {
      if (message instanceof JournalReply) message.handle();
      else actor.decide(message);
      return actor;
    },
    onSignal: (actor, signal) => {
      actor.onSignal(signal);
      return actor;
    },
  };
  if (options.accepts === undefined) return behavior;
  return { ...behavior, accepts: (message): message is Command => options.accepts?.(message) === true };
}
