/**
 * A node's part in a kind of shards: says under each new session that it takes part, and at last that it does no more.
 *
 * `set-region` and `drop-region` may be said again at will, so silence is answered by saying it once more.
 */
import type { Context, Ref } from "../../runtime/index.ts";
import { propose } from "../cluster/propose.ts";
import type { ProposeReply, ReplicaRequest } from "../cluster/replica-protocol.ts";
import type { SessionTerm } from "../coordination/tenure.ts";
import type { RegionLeft, ShardHostMessage } from "./shard-protocol.ts";

const PROPOSE_MS = 1500;

/** Pause before something is said again. */
const RETRY_MS = 250;

export interface RegionMembershipOptions {
  readonly ctx: Context<ShardHostMessage>;
  readonly replica: Ref<ReplicaRequest>;
  readonly shardType: string;
  readonly shards: number;
  readonly hosts: boolean;
}

export class RegionMembership {
  readonly #options: RegionMembershipOptions;
  readonly #leavers: Ref<RegionLeft>[] = [];
  #term: SessionTerm | null = null;
  #isDropping = false;
  #isDropped = false;

  constructor(options: RegionMembershipOptions) {
    this.#options = options;
  }

  get isLeaving(): boolean {
    return this.#leavers.length > 0;
  }

  held(term: SessionTerm): void {
    this.#term = term;
    this.say();
  }

  lost(): void {
    this.#term = null;
    this.#options.ctx.cancelTimer("region");
    if (this.isLeaving) this.#left();
  }

  /** This node takes no more shards. */
  leave(replyTo: Ref<RegionLeft>): void {
    this.#leavers.push(replyTo);
    if (this.#term === null || this.#isDropped) this.#left();
    else if (this.#leavers.length === 1) this.say();
  }

  /** Says to the cluster what this node's part is. */
  say(): void {
    const { ctx, replica, shardType, shards } = this.#options;
    if (this.#term === null || this.#isDropped) return;
    const { session } = this.#term;
    const hosts = this.#options.hosts && !this.isLeaving;
    propose(ctx, {
      replica,
      command: { type: "set-region", shardType, shards, node: ctx.node, session, hosts },
      timeoutMs: PROPOSE_MS,
      adapt: (reply): ShardHostMessage => ({ type: "region-answered", session, reply }),
    });
  }

  /** @throws when the cluster refuses for good: the number of shards is another one. */
  answered(reply: ProposeReply): void {
    if (reply.ok && reply.outcome.ok) return;
    if (reply.ok && !reply.outcome.ok && reply.outcome.code === "invalid") throw new Error(reply.outcome.message);
    this.#options.ctx.setTimer("region", RETRY_MS, { type: "region-due" });
  }

  /**
   * Nobody can take the shards that are at home here: no other node has entities, or no majority is there to say so. They
   * stay what they are until this node's session runs out.
   */
  giveUp(): void {
    if (this.isLeaving) this.#left();
  }

  /** No shard is at home here; leaves if that is wanted. */
  isEmpty(): void {
    const { ctx, replica, shardType } = this.#options;
    if (!this.isLeaving || this.#term === null || this.#isDropping || this.#isDropped) return;
    const { session } = this.#term;
    this.#isDropping = true;
    propose(ctx, {
      replica,
      command: { type: "drop-region", shardType, node: ctx.node, session },
      timeoutMs: PROPOSE_MS,
      adapt: (reply): ShardHostMessage => ({ type: "region-dropped", reply }),
    });
  }

  /** Whether the cluster has forgotten this node's part. */
  dropped(reply: ProposeReply): boolean {
    this.#isDropping = false;
    if (reply.ok && (reply.outcome.ok || reply.outcome.code === "stale")) {
      this.#left();
      return true;
    }
    this.#options.ctx.setTimer("region", RETRY_MS, { type: "region-due" });
    return false;
  }

  #left(): void {
    this.#isDropped = true;
    for (const leaver of this.#leavers.splice(0)) this.#options.ctx.tell(leaver, { type: "left" });
  }
}
