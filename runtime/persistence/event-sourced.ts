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
import { checkStreamName } from "./journal-checks.ts";
import { JournalReply } from "./journal-reply.ts";

/**
 * A behaviour that keeps its state as events in a journal.
 *
 * Commands that come during recovery wait in the mailbox. Crashes with a `PersistenceError`: `recovery-failed`, `persist-failed`,
 * `persist-rejected`, `no-journal`. Supervision decides what follows: a restart recovers again, from what is durable; `resume` goes on
 * only after `persist-rejected` and after what `decide` threw. Stops, with the signal `fenced`, when another writer has the stream.
 * @throws RangeError for a stream that no journal takes, and for numbers that are none; TypeError without `decide` or `evolve`.
 */
export function eventSourced<State, Command, Event>(
  options: EventSourcedOptions<State, Command, Event>,
): Behavior<unknown, Command> {
  checkIdentity(options);
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

/** What the journal, or the first command, would refuse when the actor runs. A JavaScript caller is not held to the types. */
function checkIdentity<State, Command, Event>(options: EventSourcedOptions<State, Command, Event>): void {
  const { name, streamId } = options;
  for (const part of ["decide", "evolve"] as const) {
    if (typeof options[part] === "function") continue;
    throw new TypeError(`eventSourced "${name}": ${part} is ${typeof options[part]}, wanted a function`);
  }
  if (typeof streamId !== "string") {
    throw new TypeError(`eventSourced "${name}": streamId is of type ${typeof streamId}, wanted the name of a stream`);
  }
  const refused = checkStreamName(streamId);
  if (refused !== undefined) {
    throw new RangeError(`eventSourced "${name}": streamId is no name of a stream, since ${refused.reason}`);
  }
}
