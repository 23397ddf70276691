/**
 * The dispatcher of the Node.js world: runnable actors queue up and are drained on one `setImmediate`.
 *
 * A drain ends after `DRAIN_MS`, so that sockets and timers get their turn while actors are busy.
 */
import type { Dispatcher, Turn } from "../ports/dispatcher.ts";

/** Longest time the actors keep the event loop, in milliseconds: well under a heartbeat, well over a macrotask's cost. */
const DRAIN_MS = 5;

/** Turns between two looks at the clock, which costs about as much as a short turn. */
const TURNS_PER_CHECK = 32;

export function createNodeDispatcher(): Dispatcher {
  let queue: Turn[] = [];
  let head = 0;
  let awake = false;

  function drain(): void {
    const endMs = performance.now() + DRAIN_MS;
    while (head < queue.length) {
      queue[head++]?.run();
      if (head % TURNS_PER_CHECK === 0 && performance.now() > endMs) {
        queue = queue.slice(head);
        head = 0;
        setImmediate(drain);
        return;
      }
    }
    queue = [];
    head = 0;
    awake = false;
  }

  return {
    schedule(turn) {
      queue.push(turn);
      if (awake) return;
      awake = true;
      setImmediate(drain);
    },
  };
}
