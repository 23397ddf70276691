/**
 * A door into a node: whoever lives outside of every node asks an actor of that node through it, and hears the answer, or that none came.
 *
 * The node may end at any time; then nothing is ever heard. So whoever asks has a time limit of its own.
 */
import { stateless, type AskRequest, type Behavior, type Context } from "../../runtime/index.ts";
import type { Process, SimNode } from "../cluster/sim-node.ts";

export type DoorMessage =
  | { readonly type: "enter"; readonly run: (ctx: Context<DoorMessage>) => void }
  | { readonly type: "answered"; readonly finish: () => void };

export function doorActor(): Behavior<null, DoorMessage> {
  return stateless("door", (message, ctx) => {
    if (message.type === "enter") message.run(ctx);
    else message.finish();
  });
}

export const DOOR = "door";

/** Asks an actor of a node by its path. False when the node's process does not run; null is told when no answer came. */
export function askAt<Message, Answer>(
  { process }: SimNode,
  path: string,
  ask: {
    readonly make: AskRequest<Message, Answer, DoorMessage>["make"];
    readonly timeoutMs: number;
    readonly done: (answer: Answer | null) => void;
  },
): boolean {
  if (process === null) return false;
  const { system, life }: Process = process;
  const { make, timeoutMs, done } = ask;
  const run = (ctx: Context<DoorMessage>): void => {
    ctx.ask<Message, Answer>(ctx.refAt<Message>({ node: system.node, path }), {
      make,
      timeoutMs,
      adapt: (result) => ({ type: "answered", finish: () => done(result.ok ? result.answer : null) }),
    });
  };
  life.enter(() => system.tell(system.refAt<DoorMessage>({ node: system.node, path: DOOR }), { type: "enter", run }));
  return true;
}
