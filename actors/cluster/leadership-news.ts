/**
 * Tells whoever watches whether this node leads: only once its replica has applied an entry of the term, so that the map is what a
 * leader must act on, and at once when it leads no more.
 */
import type { AnyRef, Context, Ref } from "../../runtime/index.ts";
import type { Leadership } from "../raft/core/ready.ts";
import type { LeadershipChange } from "./replica-protocol.ts";

export class LeadershipNews<in out Message> {
  readonly #ctx: Context<Message>;
  readonly #watchers = new Map<string, Ref<LeadershipChange>>();
  #leadership: Leadership | null = null;
  #told: LeadershipChange = { type: "leadership", isLeader: false, term: 0 };

  constructor(ctx: Context<Message>) {
    this.#ctx = ctx;
  }

  /** Name of the node that leads, as Raft says. */
  get leader(): string | null {
    return this.#leadership?.leader ?? null;
  }

  get term(): number {
    return this.#leadership?.term ?? 0;
  }

  /** Whether this node leads and has all that was committed before. */
  get isLeading(): boolean {
    return this.#told.isLeader;
  }

  add(watcher: Ref<LeadershipChange>): void {
    this.#watchers.set(watcher.toString(), watcher);
    this.#ctx.watch(watcher);
    this.#ctx.tell(watcher, this.#told);
  }

  remove(watcher: AnyRef): void {
    this.#watchers.delete(watcher.toString());
  }

  /** Raft says who leads. @returns whether it is a leader that was not known before. */
  hear(leadership: Leadership): boolean {
    const before = this.#leadership;
    this.#leadership = leadership;
    if (this.#told.isLeader && (!leadership.isLeader || leadership.term !== this.#told.term)) this.cease();
    if (leadership.leader === null) return false;
    return before?.leader !== leadership.leader || before.term !== leadership.term;
  }

  /** An entry of that term is applied. @returns whether this node leads from now on. */
  applied(term: number): boolean {
    const leadership = this.#leadership;
    if (leadership?.isLeader !== true || term !== leadership.term || this.#told.isLeader) return false;
    this.#tell({ type: "leadership", isLeader: true, term });
    return true;
  }

  /** This node leads no more, or cannot act on it. */
  cease(): void {
    if (this.#told.isLeader) this.#tell({ type: "leadership", isLeader: false, term: this.#told.term });
  }

  #tell(change: LeadershipChange): void {
    this.#told = change;
    for (const watcher of this.#watchers.values()) this.#ctx.tell(watcher, change);
  }
}
