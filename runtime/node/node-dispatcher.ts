/**
 * The dispatcher of the Node.js world: runnable actors queue up and are drained on one `setImmediate`.
 *
 * A drain ends after `DRAIN_MS`, so that sockets and timers get their turn while actors are busy. The queue is a ring, so that
 * two actors that talk to each other touch two slots of it, not all of a growing array.
 */
import type { Dispatcher, Turn } from "../ports/dispatcher.ts";
import type { TurnMeter } from "./turn-meter.ts";

/** Longest time the actors keep the event loop, in milliseconds: well under a heartbeat, well over a macrotask's cost. */
const DRAIN_MS = 5;

/** Turns between two looks at the clock, which costs about as much as a short turn. */
const TURNS_PER_CHECK = 32;

/** Slots of a ring that was not needed yet. */
const SLOTS_MIN = 1024;

export interface NodeDispatcherOptions {
  /** Watches every turn; a watchdog's. Default: none, which costs nothing. */
  readonly meter?: TurnMeter;
}

export function createNodeDispatcher({ meter }: NodeDispatcherOptions = {}): Dispatcher {
  let slots = emptySlots(SLOTS_MIN);
  let head = 0;
  let length = 0;
  let awake = false;

  function shift(): Turn {
    const turn = slots[head] as Turn;
    slots[head] = null;
    head = (head + 1) & (slots.length - 1);
    length -= 1;
    return turn;
  }

  function grow(): void {
    slots = slots.slice(head).concat(slots.slice(0, head), emptySlots(slots.length));
    head = 0;
  }

  function drain(): void {
    const endMs = performance.now() + DRAIN_MS;
    try {
      for (let turns = 1; length > 0; turns++) {
        if (meter === undefined) shift().run();
        else meter.measure(shift());
        if (turns % TURNS_PER_CHECK === 0 && performance.now() > endMs) break;
      }
    } finally {
      // Also after a turn that threw, as one of a listener to crashes may: it must not stop the others for ever.
      awake = length > 0;
      if (awake) setImmediate(drain);
    }
    if (awake) return;
    // What a burst of spawns needed is not kept.
    if (slots.length > SLOTS_MIN) slots = emptySlots(SLOTS_MIN);
    head = 0;
  }

  return {
    schedule(turn) {
      if (length === slots.length) grow();
      slots[(head + length) & (slots.length - 1)] = turn;
      length += 1;
      if (awake) return;
      awake = true;
      setImmediate(drain);
    },
  };
}

function emptySlots(length: number): (Turn | null)[] {
  return Array.from({ length }, () => null);
}
