/** Replies of one turn, gathered by receiver: each gets one message, however many of its requests were answered. */
import type { Ref } from "../../../runtime/index.ts";
import type { MachineReplies, MachineReply } from "./machine-protocol.ts";

export class ReplyBasket {
  readonly #replies = new Map<Ref<MachineReplies>, MachineReply[]>();

  /** The list to which replies for `replyTo` are pushed until the next `send`. */
  of(replyTo: Ref<MachineReplies>): MachineReply[] {
    const known = this.#replies.get(replyTo);
    if (known !== undefined) return known;
    const replies: MachineReply[] = [];
    this.#replies.set(replyTo, replies);
    return replies;
  }

  send(tell: (to: Ref<MachineReplies>, replies: MachineReplies) => void): void {
    if (this.#replies.size === 0) return;
    for (const [replyTo, replies] of this.#replies) if (replies.length > 0) tell(replyTo, { type: "replies", replies });
    this.#replies.clear();
  }
}
