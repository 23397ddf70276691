/** Actors whose every step is one line in a list: lives, messages, signals. For tests of order. */
import { onTestFinished } from "vitest";
import { ActorSystem, type Behavior } from "../../runtime/index.ts";
import { createManualWorld, type ManualWorld } from "../../runtime/testkit/index.ts";

export interface Recorded {
  readonly world: ManualWorld;
  readonly system: ActorSystem;
  /** One line a step of a recorded actor. */
  readonly steps: string[];
  /** One line a crash: path, message, directive. */
  readonly crashes: string[];
  /** One line a dead letter: message, reason. */
  readonly deadLetters: string[];
  readonly failures: unknown[];
  /** The steps since the last call. */
  take(): string[];
}

export function record(): Recorded {
  const world = createManualWorld();
  const [steps, crashes, deadLetters, failures]: [string[], string[], string[], unknown[]] = [[], [], [], []];
  const system = ActorSystem.create({
    node: "n1",
    world,
    onCrash: ({ ref, error, directive }) => crashes.push(`${ref.path}: ${(error as Error).message}: ${directive}`),
    onFailure: (_, error) => failures.push(error),
  });
  onTestFinished(() => system.stop());
  system.inspection.subscribe((event) => {
    if (event.type === "dead-letter") deadLetters.push(`${String(event.letter.message)} ${event.letter.reason}`);
  });
  return { world, system, steps, crashes, deadLetters, failures, take: () => steps.splice(0) };
}

/** Says what happens to it; a message that begins with `fail` crashes it, and so does its start in some lives. */
export function recorded(
  steps: string[],
  name: string,
  failsInLife: (life: number) => boolean = () => false,
): Behavior<number, string> {
  let lives = 0;
  return {
    name,
    init: () => {
      const life = ++lives;
      steps.push(`${name} starts ${life}`);
      if (failsInLife(life)) throw new Error(`no start ${life}`);
      return life;
    },
    receive: (life, message) => {
      if (message.startsWith("fail")) throw new Error(message);
      steps.push(`${name} ${message}`);
      return life;
    },
    onSignal: (life, signal) => {
      const about = signal.type === "terminated" ? ` ${signal.ref.path} ${signal.reason}` : "";
      steps.push(`${name} ${signal.type}${about}`);
      return life;
    },
  };
}
