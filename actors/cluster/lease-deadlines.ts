/**
 * The leader's side of the lease rule, for whoever ends leases of silent nodes: from when this replica applied a renewal,
 * a whole lease, the drift bound and the grace go by on this node's clock before the end is proposed (proof in `lease.ts`).
 *
 * It counts on every node, so that a new leader need not wait anew, and sets timers only while its node leads. An old
 * renewal that is replayed or comes late only makes it wait longer. Whether a proposal still holds is decided at apply.
 */
import type { Context } from "../../runtime/index.ts";
import type { LeaseRule } from "./lease.ts";

/** Pause before a proposal without effect is made again, if the node is still silent by then. */
const RETRY_MS = 500;

/** A lease as this node has seen it. */
export interface SeenLease {
  /** Index that opened it. */
  readonly epoch: number;
  readonly renewedAt: number;
  /** This node's monotonic clock when it saw the renewal. */
  readonly seenAtMs: number;
}

export interface LeaseDeadlinesOptions<in out Message> {
  readonly ctx: Context<Message>;
  readonly rule: LeaseRule;
  /** What its owner is told when the lease of a node may be ended. */
  readonly due: (node: string) => Message;
}

export class LeaseDeadlines<in out Message> {
  readonly #options: LeaseDeadlinesOptions<Message>;
  readonly #leases = new Map<string, SeenLease>();
  #leading = false;

  constructor(options: LeaseDeadlinesOptions<Message>) {
    this.#options = options;
  }

  get(node: string): SeenLease | undefined {
    return this.#leases.get(node);
  }

  /** Whether this node leads from now on. */
  lead(leading: boolean): void {
    this.#leading = leading;
    for (const node of this.#leases.keys()) this.#wait(node);
  }

  see(node: string, { epoch, renewedAt }: Omit<SeenLease, "seenAtMs">): void {
    if (this.#leases.get(node)?.renewedAt === renewedAt) return;
    this.#leases.set(node, { epoch, renewedAt, seenAtMs: this.#options.ctx.now() });
    this.#wait(node);
  }

  forget(node: string): void {
    this.#leases.delete(node);
    this.#options.ctx.cancelTimer(`lease:${node}`);
  }

  /** Forgets every node that is not among these. */
  keepOnly(nodes: ReadonlySet<string>): void {
    for (const node of [...this.#leases.keys()]) if (!nodes.has(node)) this.forget(node);
  }

  /** The end was proposed and not carried out. */
  retry(node: string): void {
    this.#wait(node, RETRY_MS);
  }

  #wait(node: string, atLeastMs = 0): void {
    const { ctx, rule, due } = this.#options;
    const lease = this.#leases.get(node);
    if (lease === undefined || !this.#leading) {
      ctx.cancelTimer(`lease:${node}`);
      return;
    }
    const dueMs = lease.seenAtMs + rule.expireAfterMs;
    ctx.setTimer(`lease:${node}`, Math.max(atLeastMs, dueMs - ctx.now()), due(node));
  }
}
