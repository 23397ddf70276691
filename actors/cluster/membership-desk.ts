/**
 * Where members of the cluster are changed: requests go to the leader's replica, from there to its Raft actor, and what has come of
 * them is noted in the map by the leader, once, so that people find it among the Events.
 *
 *     request ─▶ replica of the leader ─▶ raft ─▶ configuration committed and simple ─▶ `note-members`
 *
 * Who asked goes with the configuration into the log, so it is known also to a leader that was not asked, because leadership was lost in the
 * middle. Applying takes each configuration once.
 */
import type { AskResult, Context, Ref } from "../../runtime/index.ts";
import { isJoint, type Configuration } from "../raft/core/configuration.ts";
import type { ChangeMembershipResult, ConfigurationInForce, MembershipChange } from "../raft/core/ready.ts";
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
      make: (raftReplyTo) => ({ type: "change-membership", change: askedBy(change, by), replyTo: raftReplyTo }),
      timeoutMs: ANSWER_MS,
      adapt: (result) => ({ type: "membership-answered", replyTo, result }),
    });
  }

  answered(replyTo: Ref<ChangeMembershipReply>, result: AskResult<ChangeMembershipResult>): void {
    if (!result.ok) {
      const message = `Raft did not answer within ${ANSWER_MS} ms: the change may be under way; the status shows it`;
      this.#ctx.tell(replyTo, { ok: false, code: "no-leader", message });
      return;
    }
    this.#ctx.tell(replyTo, result.answer);
  }

  /** Another configuration is in force, or it is committed now. */
  inForce(configuration: ConfigurationInForce): void {
    this.#configuration = configuration;
  }

  /** The configuration in force; null before Raft has told of one. */
  get configuration(): Configuration | null {
    return this.#configuration?.configuration ?? null;
  }

  /** Proposes what is not noted yet; to be called at a leader whenever something may have changed. */
  note(noted: NotedMembers | null): void {
    const inForce = this.#configuration;
    if (inForce === null || this.#noting || !inForce.committed || isJoint(inForce.configuration)) return;
    if (inForce.index <= (noted?.index ?? 0)) return;
    const { index, configuration } = inForce;
    const { voters, learners } = configuration;
    const by = configuration.askedBy ?? "";
    this.#noting = true;
    propose(this.#ctx, {
      replica: this.#ctx.self,
      command: { type: "note-members", index, voters, learners, by },
      timeoutMs: NOTE_MS,
      adapt: (reply): ReplicaMessage => ({ type: "members-noted", done: reply.ok }),
    });
  }

  /** The proposal was answered, or given up. */
  noted(): void {
    this.#noting = false;
  }
}

/** A name of a user, a node or a tool: what is longer is cut, since it stays in the log. */
const ASKED_BY_LENGTH_MAX = 256;

function askedBy(change: MembershipChange, by: string): MembershipChange {
  return by === "" ? change : { ...change, askedBy: by.slice(0, ASKED_BY_LENGTH_MAX) };
}
