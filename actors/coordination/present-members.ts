/**
 * Whether a majority of the cluster's members is there for this node: linked, and with a Raft actor that has not ended. It
 * watches for ends only once this node leaves, since a member that has not started yet looks as one that has ended does.
 */
import type { AnyRef, Context, LinkEvent, TerminationReason } from "../../runtime/index.ts";
import type { KnownVoters } from "../cluster/known-voters.ts";
import { LinkedNodes } from "./linked-nodes.ts";

/** Where each member's Raft actor is: it ends last. */
const RAFT_PATH = "raft";

export class PresentMembers<Message> {
  readonly #ctx: Context<Message>;
  readonly #voters: KnownVoters;
  readonly #linked: LinkedNodes;
  readonly #ended = new Set<string>();
  #isWatching = false;

  constructor(ctx: Context<Message>, voters: KnownVoters) {
    this.#ctx = ctx;
    this.#voters = voters;
    this.#linked = new LinkedNodes(ctx.node);
  }

  get isMajority(): boolean {
    return this.#voters.isMajority((node) => this.#linked.has(node) && !this.#ended.has(node));
  }

  take(event: LinkEvent): void {
    this.#linked.take(event);
    this.#ended.delete(event.node);
    if (event.type === "up" && this.#isWatching) this.#watch(event.node);
  }

  /** Counts from now on whose Raft actor ends as gone, though its process and link may live on for a while. */
  watchEnds(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    for (const node of this.#voters.names) if (this.#linked.has(node)) this.#watch(node);
  }

  /** Something that was watched is gone. Of a node that is, the links tell. */
  ended({ node, path }: AnyRef, reason: TerminationReason): void {
    if (path === RAFT_PATH && reason !== "node-down") this.#ended.add(node);
  }

  #watch(node: string): void {
    if (node !== this.#ctx.node) this.#ctx.watch(this.#ctx.refAt({ node, path: RAFT_PATH }));
  }
}
