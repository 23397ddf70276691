/** How an actor proposes a command to its node's replica: an ask whose answer always comes, also when the replica is silent. */
import type { Context, Ref } from "../../runtime/index.ts";
import type { Command } from "./commands.ts";
import type { ProposeReply, ReplicaRequest, Unavailable } from "./replica-protocol.ts";

/** The replica answers at its own deadline; whoever asked waits this much longer before it takes it for gone. */
const SLACK_MS = 250;

/** Pause before a command that was not answered, or not taken, is proposed again. */
const PAUSE_MS = 250;

export interface ProposeOptions<Message> {
  readonly replica: Ref<ReplicaRequest>;
  readonly command: Command;
  /** How long the replica tries; its answer comes later by at most 250 ms. */
  readonly timeoutMs: number;
  /** Called once. A reply that is not `ok` says nothing of the command's fate. */
  readonly adapt: (reply: ProposeReply) => Message;
}

export function propose<Message>(ctx: Context<Message>, options: ProposeOptions<Message>): void {
  const { replica, command, timeoutMs, adapt } = options;
  ctx.ask<ReplicaRequest, ProposeReply>(replica, {
    make: (replyTo) => ({ type: "propose", command, timeoutMs, replyTo }),
    timeoutMs: timeoutMs + SLACK_MS,
    adapt: (result) =>
      adapt(result.ok ? result.answer : { ok: false, code: "no-leader", message: "The replica did not answer" }),
  });
}

/**
 * How long to pause before a command that the replica gave up is proposed again, in milliseconds: 250. Where too much waits already, at least what the leader
 * asks for, and up to twice as long, so that those who were refused together do not come back together.
 */
export function pauseMs<Message>(ctx: Context<Message>, { code, retryAfterMs = 0 }: Unavailable): number {
  if (code !== "overloaded") return PAUSE_MS;
  return Math.round(Math.max(PAUSE_MS, retryAfterMs) * (1 + ctx.random.next()));
}
