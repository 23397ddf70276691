/** A client of one node: asks its replica on behalf of the load, which lives outside of every node. */
import { stateless, type AskResult, type Behavior, type Ref } from "../../runtime/index.ts";
import type { Command, ProposeReply, Query, ReadReply, ReplicaRequest } from "../../actors/index.ts";

export type ClientMessage =
  | { readonly type: "write"; readonly command: Command; readonly done: (reply: ProposeReply | null) => void }
  | { readonly type: "read"; readonly query: Query; readonly done: (reply: ReadReply | null) => void }
  /** The replica's answer, or none in time. */
  | { readonly type: "answered"; readonly finish: () => void };

const TIMEOUT_MS = 5000;
const ASK_SLACK_MS = 500;

export function clientActor(replica: Ref<ReplicaRequest>): Behavior<null, ClientMessage> {
  return stateless("client", (message, ctx) => {
    const timeoutMs = TIMEOUT_MS;
    switch (message.type) {
      case "write": {
        const { command, done } = message;
        ctx.ask<ReplicaRequest, ProposeReply>(replica, {
          make: (replyTo) => ({ type: "propose", command, timeoutMs, replyTo }),
          timeoutMs: timeoutMs + ASK_SLACK_MS,
          adapt: (result) => ({ type: "answered", finish: () => done(answerOf(result)) }),
        });
        return;
      }
      case "read": {
        const { query, done } = message;
        ctx.ask<ReplicaRequest, ReadReply>(replica, {
          make: (replyTo) => ({ type: "read", query, timeoutMs, replyTo }),
          timeoutMs: timeoutMs + ASK_SLACK_MS,
          adapt: (result) => ({ type: "answered", finish: () => done(answerOf(result)) }),
        });
        return;
      }
      case "answered":
        message.finish();
        return;
      default:
        message satisfies never;
    }
  });
}

function answerOf<Answer>(result: AskResult<Answer>): Answer | null {
  return result.ok ? result.answer : null;
}
