/** One actor library under measurement: what each of its child processes runs. Neighbours: `kernel.ts`, `nact.ts`, the runner. */

export const MEASURES = ["ping-pong", "one-way", "fan-out", "spawn-stop", "ask", "idle"] as const;
export type Measure = (typeof MEASURES)[number];

/** What a child process prints, as JSON. */
export interface ChildFigures {
  /** Messages, actors or asks a second; for `idle`, bytes of heap an actor. */
  readonly value: number;
  /** Nanoseconds of CPU time each took, of all threads; unlike the rate, about the same on a busy machine. 0 for `idle`. */
  readonly cpuNs: number;
}

/** Actors that `fan-out` tells, each as often as the others. */
export const FAN_OUT = 1_000;

/** Tells, or spawns, of one handler before its actor lets others have a turn. */
export const BATCH = 1_000;

export interface MeasuredSystem {
  /** Messages between two actors that answer each other. */
  readonly pingPong: (messages: number) => Promise<void>;
  /** One actor tells another one, `BATCH` messages in each of its handlers. */
  readonly oneWay: (messages: number) => Promise<void>;
  /** One actor tells each of `FAN_OUT` others in turn; each of them says when it has had its share. */
  readonly fanOut: (messages: number) => Promise<void>;
  /** Actors that are spawned, `BATCH` at a time, and stopped before they got a message. */
  readonly spawnStop: (actors: number) => Promise<void>;
  /** One actor asks another one, the next time when it has the answer. */
  readonly ask: (asks: number) => Promise<void>;
  /** Spawns actors that never get a message, and keeps them. */
  readonly spawnIdle: (actors: number) => void;
}
