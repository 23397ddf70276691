/**
 * Proposals that wait for the end of a batch: the core gets all of them at once, so that they make one append to each follower
 * and one write, however many clients they come from.
 *
 * At a follower they go on to the leader, each by itself: there they are gathered again. Whatever is not in the log is answered as
 * refused; silence means that a message was lost on the way.
 */
import type { Context } from "../../runtime/context.ts";
import type { Ref } from "../../runtime/ref.ts";
import type { RaftCore } from "./core/raft-core.ts";
import { nodeOf } from "./member-id.ts";
import type { Peers } from "./peers.ts";
import type { RaftActorMessage, RaftPropose, RaftProposeBatch, RaftProposeReply } from "./raft-actor-protocol.ts";

/** A request that was forwarded more often meets members that disagree on the leader; it is refused, to be retried. */
export const FORWARDS_MAX = 3;

type RefusalCode = Extract<RaftProposeReply, { readonly type: "propose-refused" }>["code"];

export interface ProposalsOptions {
  readonly ctx: Context<RaftActorMessage>;
  readonly peers: Peers;
  readonly payloadBytesMax: number;
}

export class Proposals {
  readonly #options: ProposalsOptions;
  #waiting: (RaftPropose | RaftProposeBatch)[] = [];
  #payloads: Uint8Array[] = [];

  constructor(options: ProposalsOptions) {
    this.#options = options;
  }

  /** One that is too large is refused here, so that it does not take along those with which it would go to the core. */
  add(message: RaftPropose | RaftProposeBatch, core: RaftCore): void {
    const { payloadBytesMax } = this.#options;
    if (message.type === "propose") {
      if (message.payload.length > payloadBytesMax) return this.refuse(message, "too-large", leaderOf(core));
      this.#payloads.push(message.payload);
    } else {
      if (message.payloads.some(({ length }) => length > payloadBytesMax)) {
        return this.refuse(message, "too-large", leaderOf(core));
      }
      for (const payload of message.payloads) this.#payloads.push(payload);
    }
    this.#waiting.push(message);
  }

  /** Hands over what waits; called before `takeReady`. */
  flush(core: RaftCore, self: { readonly leads: boolean; readonly readOnly: boolean }): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    const payloads = this.#payloads;
    this.#waiting = [];
    this.#payloads = [];
    if (self.leads && self.readOnly) return this.#refuseAll(waiting, "read-only", leaderOf(core));
    const result = core.propose(payloads);
    if (result.ok) return this.#accept(waiting, result.firstIndex, result.term);
    if (result.code === "not-leader") return this.#forwardAll(waiting, result.leader);
    this.#refuseAll(waiting, result.code, leaderOf(core));
  }

  refuse(message: RaftPropose | RaftProposeBatch, code: RefusalCode, leader: string | null): void {
    if (message.replyTo) this.#tell(message.replyTo, { type: "propose-refused", code, leader });
  }

  #accept(waiting: readonly (RaftPropose | RaftProposeBatch)[], firstIndex: number, term: number): void {
    let index = firstIndex;
    for (const message of waiting) {
      if (message.replyTo) this.#tell(message.replyTo, { type: "proposed", index, term });
      index += message.type === "propose" ? 1 : message.payloads.length;
    }
  }

  #forwardAll(waiting: readonly (RaftPropose | RaftProposeBatch)[], leader: string | null): void {
    for (const message of waiting) {
      const hops = message.type === "propose" ? (message.hops ?? 0) : FORWARDS_MAX;
      if (leader === null || hops >= FORWARDS_MAX) this.refuse(message, "no-leader", leader && nodeOf(leader));
      else this.#options.peers.tell(leader, { ...message, hops: hops + 1 } as RaftPropose);
    }
  }

  #refuseAll(waiting: readonly (RaftPropose | RaftProposeBatch)[], code: RefusalCode, leader: string | null): void {
    for (const message of waiting) this.refuse(message, code, leader);
  }

  #tell(to: Ref<RaftProposeReply>, reply: RaftProposeReply): void {
    this.#options.ctx.tell(to, reply);
  }
}

function leaderOf(core: RaftCore): string | null {
  return core.leader === null ? null : nodeOf(core.leader);
}
