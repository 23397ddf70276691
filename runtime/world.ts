/** A world is the set of ports an actor system runs on: Node.js in production, the simulator in a test. */
import type { Clock } from "./ports/clock.ts";
import type { Dispatcher } from "./ports/dispatcher.ts";
import type { Journal } from "./ports/journal.ts";
import type { Random } from "./ports/random.ts";
import type { Remoting } from "./ports/remoting.ts";
import type { Work } from "./ports/work.ts";

/** The ports that an actor system runs on. */
export interface World {
  /** The name of this node where the system's creator gives none. */
  readonly node?: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly dispatcher: Dispatcher;
  /** Absent for a system that talks to no other node. */
  readonly remoting?: Remoting;
  /** How promises of `ctx.pipe` come back. Absent where they may simply be waited for. */
  readonly work?: Work;
  /** Where event-sourced actors keep their events, unless they name another journal. */
  readonly journal?: Journal;
}
