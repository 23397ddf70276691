/** A world is the set of ports an actor system runs on: Node.js in production, the simulator in a test. */
import type { Clock } from "./ports/clock.ts";
import type { Dispatcher } from "./ports/dispatcher.ts";
import type { Journal } from "./ports/journal.ts";
import type { Random } from "./ports/random.ts";
import type { Remoting } from "./ports/remoting.ts";

export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly dispatcher: Dispatcher;
  /** Absent for a system that talks to no other node. */
  readonly remoting?: Remoting;
  /** Where event-sourced actors keep their events, unless they name another journal. */
  readonly journal?: Journal;
}
