/** What runs in the library scenario: a singleton and entities that act by themselves and when they are told to. */
import type { Behavior } from "../../runtime/index.ts";
import { fenced, type Tenure } from "../../actors/index.ts";
import type { Copy, TenureChecker } from "../checkers/tenure-checker.ts";
import type { FencedResource } from "../outside/fenced-resource.ts";

export type ActorMessage =
  /** Of the load: for the actor of `key`, with a number of its own. */
  | { readonly type: "work"; readonly key: string; readonly number: number }
  /** Time to do something by itself. */
  | { readonly type: "tick" };

export interface ActingOptions {
  readonly key: string;
  readonly node: number;
  readonly tenure: Tenure;
  readonly checker: TenureChecker;
  readonly resource: FencedResource;
  /** Mean pause between two things that it does by itself, in milliseconds. */
  readonly tickMs: number;
  /** A message was handled. */
  readonly onWork: (number: number) => void;
}

/** Acts under its tenure, and says so to the checker and to the resource. */
export function actingActor(options: ActingOptions): Behavior<Copy, ActorMessage> {
  const { key, node, tenure, checker, resource, tickMs, onWork } = options;
  return {
    name: "acting",
    init: (ctx) => {
      const copy: Copy = { key, node, fence: tenure.fence, isValid: () => tenure.isValid(ctx.now()) };
      checker.onBegin(copy);
      ctx.setTimer("tick", tickMs, { type: "tick" });
      return copy;
    },
    receive: (copy, message, ctx) => {
      checker.onAct(copy);
      fenced(tenure, ctx.now(), (fence) => resource.write(key, fence));
      if (message.type === "work") onWork(message.number);
      else ctx.setTimer("tick", tickMs * (0.5 + ctx.random.next()), message);
      return copy;
    },
    onSignal: (copy, signal) => {
      if (signal.type === "post-stop") checker.onEnd(copy);
      return copy;
    },
  };
}
