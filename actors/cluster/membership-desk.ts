/**
 * Where members of the cluster are changed: requests go to the leader's replica, from there to its Raft actor, and what has come of
 * them is noted in the map by the leader, once, so that people find it among the Events.
 *
 *     request ─▶ replica of the leader ─▶ raft ─▶ configuration committed and simple ─▶ `note-members`
 *
 * The leader's replica remembers who asked until then. A leader that was not asked notes the change without a name; applying takes
 * each configuration once.
 */
import type { AskResult, Context, Ref } from "../../runtime/index.ts";
import { isJoint } from "../raft/core/configuration.ts";
import type { ChangeMembershipResult, ConfigurationInForce } from "../raft/core/ready.ts";
import type { RaftActorMessage } from "../raft/raft-actor-protocol.ts";
import type { NotedMembers } from "./membership-commands.ts";
import { propose } from "./propose.ts";
import type { ReplicaMessage } from "./replica-message.ts";
import type { ChangeMembership, ChangeMembershipReply } from "./replica-protocol.ts";

/** A request that was taken on more often meets nodes that disagree on the leader. */
const HOPS_MAX = 3;

/** Raft answers at once; a request whose answer is lost may have been taken. */
const ANSWER_MS = 2000;

const NOTE_MS = 5000;

export class MembershipDesk {
  readonly #ctx: Context<ReplicaMessage>;
  readonly #raft: Ref<RaftActorMessage>;
  #configuration: ConfigurationInForce | null = null;
  /** Who asked for the change that is under way. */
  #asked: { readonly by: string; readonly index: number } | null = null;
  #noting = false;

  constructor(ctx: Context<ReplicaMessage>, raft: Ref<RaftActorMessage>) {
    this.#ctx = ctx;
    this.#raft = raft;
  }

  change(request: ChangeMembership, leader: string | null): void {
    const hops = request.hops ?? 0;
    if (leader !== null && leader !== this.#ctx.node && hops < HOPS_MAX) {
      const replica = this.#ctx.refAt<ReplicaMessage>({ node: leader, path: this.#ctx.self.path });
      this.#ctx.tell(replica, { ...request, hops: hops + 1 });
      return;
    }
    const { change, by, replyTo } = request;
    this.#ctx.ask<RaftActorMessage, ChangeMembershipResult>(this.#raft, {
      make: (raftReplyTo) => ({ type: "change-membership", change, replyTo: raftReplyTo }),
      timeoutMs: ANSWER_MS,
      adapt: (result) => ({ type: "membership-answered", by, replyTo, result }),
    });
  }

  answered(by: string, replyTo: Ref<ChangeMembershipReply>, result: AskResult<ChangeMembershipResult>): void {
    if (!result.ok) {
      const message = `Raft did not answer within ${ANSWER_MS} ms: the change may be under way; the status shows it`;
      this.#ctx.tell(replyTo, { ok: false, code: "no-leader", message });
      return;
    }
    if (result.answer.ok) this.#asked = { by, index: result.answer.index };
    this.#ctx.tell(replyTo, result.answer);
  }

  /** Another configuration is in force, or it is committed now. */
  inForce(configuration: ConfigurationInForce): void {
    this.#configuration = configuration;
  }

  /** Proposes what is not noted yet; to be called at a leader whenever something may have changed. */
  note(noted: NotedMembers | null): void {
    const inForce = this.#configuration;
    if (inForce === null || this.#noting || !inForce.committed || isJoint(inForce.configuration)) return;
    if (inForce.index <= (noted?.index ?? 0)) return;
    const { index, configuration } = inForce;
    const { voters, learners } = configuration;
    const asked = this.#asked;
    // A change goes through a joint configuration: the simple one that ends it comes behind what the answer named.
    const by = asked !== null && asked.index <= index ? asked.by : "";
    this.#noting = true;
    propose(this.#ctx, {
      replica: this.#ctx.self,
      command: { type: "note-members", index, voters, learners, by },
      timeoutMs: NOTE_MS,
      adapt: (reply): ReplicaMessage => ({ type: "members-noted", index, done: reply.ok }),
    });
  }

  /** This node does not lead any more: whoever does notes what becomes of the change, and does not know who asked. */
  cease(): void {
    this.#asked = null;
  }

  /** The proposal was answered, or given up and not `done`. */
  noted(index: number, done: boolean): void {
    this.#noting = false;
    if (done && this.#asked !== null && this.#asked.index <= index) this.#asked = null;
  }
}
