/**
 * A node that is drained had better not lead: it hands leadership over to one that is not, and takes it again only where nobody else can. What the
 * map says of this node is told to its Raft member, which has the means (`../raft/core/priority.ts`): a preference, so a cluster whose nodes are all
 * drained has a leader all the same.
 */
import type { Context, Ref } from "../../runtime/index.ts";
import type { RaftActorMessage } from "../raft/raft-actor-protocol.ts";
import type { Node } from "../resources/index.ts";
import type { ClusterState } from "./cluster-state.ts";
import type { ReplicaMessage } from "./replica-message.ts";

export class StandAside {
  readonly #ctx: Context<ReplicaMessage>;
  readonly #raft: Ref<RaftActorMessage>;
  #stands = false;

  constructor(ctx: Context<ReplicaMessage>, raft: Ref<RaftActorMessage>) {
    this.#ctx = ctx;
    this.#raft = raft;
  }

  /** Looks at the map as it is now. */
  look(state: ClusterState): void {
    const node = state.get("Node", this.#ctx.node) as Node | undefined;
    const stands = node?.status.drain !== undefined;
    if (stands === this.#stands) return;
    this.#stands = stands;
    this.#ctx.tell(this.#raft, { type: "stand-aside", stands });
  }
}
