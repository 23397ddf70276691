/** Answers to requests that a Raft actor cannot take up at all: it belongs to no cluster yet, or its store has failed. */
import type { HostPorts } from "./host-ports.ts";
import type { RaftActorMessage } from "./raft-actor-protocol.ts";

/** Refuses a request by name; whatever is no request is left alone. `why` goes on behind "Cannot …: " and says what would help. */
export function refuseRequest(
  message: RaftActorMessage,
  code: "no-leader" | "store-failed",
  why: string,
  { ctx, tell }: Pick<HostPorts, "ctx" | "tell">,
): void {
  switch (message.type) {
    case "propose":
    case "propose-batch":
      if (message.replyTo) ctx.tell(message.replyTo, { type: "propose-refused", code, leader: null });
      return;
    case "read":
      return tell({ type: "read-failed", id: message.id, code });
    case "change-membership": {
      const text = `Cannot change the membership at node "${ctx.node}": ${why}`;
      return ctx.tell(message.replyTo, { ok: false, code: "not-leader", message: text, leader: null });
    }
    case "transfer": {
      const text = `Cannot hand leadership over at node "${ctx.node}": ${why}`;
      return ctx.tell(message.replyTo, { ok: false, code: "not-leader", message: text, leader: null });
    }
    case "snapshot-now": {
      const text = `Cannot make a snapshot at node "${ctx.node}": ${why}`;
      const reason = code === "no-leader" ? "nothing-to-snapshot" : code;
      return ctx.tell(message.replyTo, { ok: false, code: reason, message: text });
    }
    default:
      return;
  }
}
