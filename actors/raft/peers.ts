/**
 * The Raft actors of other nodes: their refs, and the watch on the leader's, whose loss is the loss of the link to it.
 *
 * What only says that the commit index has moved waits a little for something to go along with: the next append, or a heartbeat, says the
 * same. Under load nothing is sent for it at all. Where one client waits for one write after the other it saves each member a message and a
 * waking, which on two cores made a write a tenth slower.
 */
import type { Context } from "../../runtime/context.ts";
import type { Ref } from "../../runtime/ref.ts";
import { nodeOf } from "./member-id.ts";
import type { RaftActorMessage } from "./raft-actor-protocol.ts";

/** How long a member without new entries may hear later of a commit than it could. Under the noise of what it does with it. */
const NOTICE_WAIT_MS = 2;

type PeerMessage = Extract<RaftActorMessage, { readonly type: "peer" }>;

export class Peers {
  readonly #ctx: Context<RaftActorMessage>;
  readonly #path: string;
  readonly #refs = new Map<string, Ref<RaftActorMessage>>();
  /** The leader that is watched; null when its link was lost, until it is heard again. */
  #watched: string | null = null;
  /** Notices of commits that wait, by member; the newest says it all. */
  readonly #notices = new Map<string, PeerMessage>();
  #noticesDue = false;

  constructor(ctx: Context<RaftActorMessage>, path: string) {
    this.#ctx = ctx;
    this.#path = path;
  }

  /** To the Raft actor of a member's node. */
  tell(member: string, message: RaftActorMessage): void {
    if (message.type === "peer" && this.#holds(member, message)) return;
    this.#ctx.tell(this.#ref(nodeOf(member)), message);
  }

  /** The leader was heard. */
  watch(leader: string): void {
    if (leader === this.#watched) return;
    if (this.#watched !== null) this.#ctx.unwatch(this.#ref(nodeOf(this.#watched)));
    this.#watched = leader;
    this.#ctx.watch(this.#ref(nodeOf(leader)));
  }

  /** The Raft actor of a node is gone, with its node or by itself. Returns the leader if it was that one. */
  lost(node: string): string | null {
    const leader = this.#watched;
    if (leader === null || nodeOf(leader) !== node) return null;
    this.#watched = null;
    return leader;
  }

  /** Whether the message waits. Losing one that waits is harmless, as losing any is: heartbeats say it again. */
  #holds(member: string, message: PeerMessage): boolean {
    const said = message.message;
    if (said.type === "append" || said.type === "heartbeat") this.#notices.delete(member);
    if (said.type !== "commit") return false;
    this.#notices.set(member, message);
    if (this.#noticesDue) return true;
    this.#noticesDue = true;
    this.#ctx.setTimer("notices", NOTICE_WAIT_MS, { type: "resume", run: () => this.#sendNotices() });
    return true;
  }

  #sendNotices(): void {
    this.#noticesDue = false;
    for (const [member, message] of this.#notices) this.#ctx.tell(this.#ref(nodeOf(member)), message);
    this.#notices.clear();
  }

  #ref(node: string): Ref<RaftActorMessage> {
    const known = this.#refs.get(node);
    if (known) return known;
    const ref = this.#ctx.refAt<RaftActorMessage>({ node, path: this.#path });
    this.#refs.set(node, ref);
    return ref;
  }
}
