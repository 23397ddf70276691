/**
 * Where the leader finds out what all members can apply, and raises the cluster's level to it (`cluster-level.ts`).
 *
 * It asks the replica of each member, learners too, for as long as the level is below its own software's; a member that does not answer, or runs
 * software that does not say, holds the level where it is. Who has said that it can apply all is not asked again while this node leads: on links that lose
 * much, all members would never answer in the same round. One that is changed to older software after it answered finds a level that it
 * does not know, and refuses by name: what an operator may not do is told, not suffered.
 */
import type { Context } from "../../runtime/index.ts";
import type { Configuration } from "../raft/core/configuration.ts";
import { nodeOf } from "../raft/member-id.ts";
import { FIRST_LEVEL, LEVEL } from "./cluster-level.ts";
import { propose } from "./propose.ts";
import type { ReplicaMessage } from "./replica-message.ts";
import type { ReplicaStatus } from "./replica-protocol.ts";

/** Within one step of replicated time, with which it is asked again. */
const ANSWER_MS = 2000;
const RAISE_MS = 5000;

export class LevelDesk {
  readonly #ctx: Context<ReplicaMessage>;
  /** Nodes whose answer to the question under way is awaited; null without one. */
  #waiting: Set<string> | null = null;
  /** What those that belong have said while this node leads. */
  readonly #told = new Map<string, number>();
  /** Who belongs. */
  #nodes: ReadonlySet<string> = new Set();

  constructor(ctx: Context<ReplicaMessage>) {
    this.#ctx = ctx;
  }

  /** To be called at a leader now and then. `level`: the cluster's. */
  tend(level: number, configuration: Configuration | null): void {
    if (level >= LEVEL || configuration === null || this.#waiting !== null) return;
    const { voters, votersOutgoing, learners } = configuration;
    this.#nodes = new Set([...voters, ...votersOutgoing, ...learners].map(nodeOf));
    for (const node of this.#told.keys()) if (!this.#nodes.has(node)) this.#told.delete(node);
    // Who can apply less may have been upgraded.
    const asked = new Set([...this.#nodes].filter((node) => (this.#told.get(node) ?? 0) < LEVEL));
    if (asked.size === 0) return this.#raiseBeyond(level);
    this.#waiting = asked;
    for (const node of asked) this.#ask(node);
  }

  /** What a member can apply; null when it did not say in time. */
  answered(node: string, software: number | null, level: number): void {
    const waiting = this.#waiting;
    if (waiting?.delete(node) !== true) return;
    if (software === null) this.#told.delete(node);
    else this.#told.set(node, software);
    if (waiting.size > 0) return;
    this.#waiting = null;
    this.#raiseBeyond(level);
  }

  /** This node leads no more: what is under way counts for nothing. */
  end(): void {
    this.#waiting = null;
    this.#told.clear();
  }

  #raiseBeyond(level: number): void {
    const all = [...this.#nodes].map((node) => this.#told.get(node) ?? FIRST_LEVEL);
    const lowest = Math.min(LEVEL, ...all);
    if (lowest > level) this.#raise(lowest);
  }

  #ask(node: string): void {
    const replica = this.#ctx.refAt<ReplicaMessage>({ node, path: this.#ctx.self.path });
    this.#ctx.ask<ReplicaMessage, ReplicaStatus>(replica, {
      make: (replyTo) => ({ type: "status", replyTo }),
      timeoutMs: ANSWER_MS,
      adapt: (result) => ({
        type: "software-told",
        node,
        // Older software says nothing of levels.
        level: result.ok ? (result.answer.softwareLevel ?? FIRST_LEVEL) : null,
      }),
    });
  }

  #raise(to: number): void {
    propose(this.#ctx, {
      replica: this.#ctx.self,
      command: { type: "raise-level", to },
      timeoutMs: RAISE_MS,
      adapt: (): ReplicaMessage => ({ type: "level-raised" }),
    });
  }
}
