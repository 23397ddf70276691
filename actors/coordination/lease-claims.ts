/**
 * The leases that actors of this node compete for, hold and give up.
 *
 * What the map shows decides: a lease that it shows under this node's session is granted to its claimant, or given up when
 * there is none; a free one that is claimed is asked for. So an answer that was lost does no harm. A fence that was given
 * up once is never granted again, whatever became of the proposal that said so.
 */
import type { AnyRef, Context, Ref } from "../../runtime/index.ts";
import type { Command } from "../cluster/commands.ts";
import { RENEW_MS } from "../cluster/lease.ts";
import { propose } from "../cluster/propose.ts";
import type { ProposeReply, ReplicaRequest } from "../cluster/replica-protocol.ts";
import type { LeaseRecord } from "./coordination-record.ts";
import type { CoordinationTables } from "./coordination-tables.ts";
import type { CoordinatorMessage, LeaseClaimsMessage } from "./coordinator-message.ts";
import type { LeaseEvent } from "./coordinator-protocol.ts";
import { Tenure, type SessionTerm } from "./tenure.ts";

/** Pause before a proposal without effect is made again. */
const RETRY_MS = 250;

export interface LeaseClaimsOptions {
  readonly ctx: Context<CoordinatorMessage>;
  readonly replica: Ref<ReplicaRequest>;
  readonly tables: CoordinationTables;
  /** The session to act under; null while there is none. */
  readonly term: () => SessionTerm | null;
  /** Whether a majority of the members is there, so that something can be agreed on. */
  readonly isMajority: () => boolean;
}

interface Claim {
  readonly holder: Ref<LeaseEvent>;
  tenure: Tenure | null;
}

/** What is to be given up, until the map shows it no more. */
interface Release {
  readonly fence: number;
  readonly to: string | null;
}

export class LeaseClaims {
  readonly #options: LeaseClaimsOptions;
  readonly #claims = new Map<string, Claim>();
  readonly #releases = new Map<string, Release>();
  /** Who has dropped a claim that the map still shows, or may come to show. */
  readonly #droppers = new Map<string, Ref<LeaseEvent>>();
  /** Names with a proposal on its way. */
  readonly #asked = new Set<string>();

  constructor(options: LeaseClaimsOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#claims.size === 0 && this.#releases.size === 0 && this.#droppers.size === 0;
  }

  /** Whether a claimant may act under a tenure that it has not given back. */
  get isInUse(): boolean {
    for (const { tenure } of this.#claims.values()) if (tenure !== null) return true;
    return false;
  }

  claim(name: string, holder: Ref<LeaseEvent>): void {
    const { ctx } = this.#options;
    const before = this.#claims.get(name);
    if (before !== undefined && before.holder.toString() !== holder.toString()) {
      const message = `Cannot claim lease "${name}" for ${holder.toString()}: ${before.holder.toString()} of this node does`;
      ctx.tell(holder, { type: "lease-refused", name, message });
      return;
    }
    if (before !== undefined) {
      // It was restarted, and what it spawned has ended.
      this.#giveUp(name, before, null);
      return;
    }
    ctx.watch(holder);
    this.#claims.set(name, { holder, tenure: null });
    this.#reconcile(name);
  }

  release(name: string, holder: AnyRef, { fence, to }: Release): void {
    const claim = this.#claimOf(name, holder);
    if (claim?.tenure?.fence === fence) this.#giveUp(name, claim, to);
  }

  drop(name: string, holder: Ref<LeaseEvent>): void {
    const claim = this.#claimOf(name, holder);
    this.#droppers.set(name, holder);
    if (claim !== undefined) {
      this.#claims.delete(name);
      this.#giveUp(name, claim, null);
    }
    this.#settle(name);
  }

  /** A claimant has ended, and what it spawned with it. */
  forget(holder: AnyRef): void {
    const ended = [...this.#claims].filter(([name]) => this.#claimOf(name, holder) !== undefined);
    for (const [name, claim] of ended) {
      this.#claims.delete(name);
      this.#giveUp(name, claim, null);
    }
  }

  /** The map has changed, or there is a session. */
  reconcileAll(): void {
    const { tables, term } = this.#options;
    const session = term()?.session;
    const held = tables.list("lease").filter((lease) => lease.session === session);
    const names = new Set([...this.#claims.keys(), ...this.#releases.keys(), ...held.map(({ name }) => name)]);
    for (const name of names) this.#reconcile(name);
  }

  /** The session ends: whoever holds something must stop. */
  lose(): void {
    for (const [name, { holder, tenure }] of this.#claims) {
      if (tenure !== null) this.#tell(holder, { type: "lease-lost", name, fence: tenure.fence });
    }
  }

  /** The session is over: nothing is held any more. */
  clear(): void {
    this.#releases.clear();
    for (const claim of this.#claims.values()) {
      claim.tenure?.end();
      claim.tenure = null;
    }
    this.settleAll();
  }

  /** Tells all who have dropped a claim and have nothing to wait for. */
  settleAll(): void {
    for (const name of [...this.#droppers.keys()]) this.#settle(name);
  }

  handle(message: LeaseClaimsMessage): void {
    const { name } = message;
    if (message.type === "lease-due") {
      this.#reconcile(name);
      return;
    }
    const { what, reply } = message;
    this.#asked.delete(name);
    if (reply.ok && reply.outcome.ok) {
      this.#reconcile(name);
    } else if (reply.ok && !reply.outcome.ok && reply.outcome.code === "invalid" && what === "acquire") {
      const claim = this.#claims.get(name);
      this.#claims.delete(name);
      if (claim !== undefined)
        this.#tell(claim.holder, { type: "lease-refused", name, message: reply.outcome.message });
    } else {
      this.#options.ctx.setTimer(`lease:${name}`, RETRY_MS, { type: "lease-due", name });
    }
  }

  #claimOf(name: string, holder: AnyRef): Claim | undefined {
    const claim = this.#claims.get(name);
    return claim?.holder.toString() === holder.toString() ? claim : undefined;
  }

  #giveUp(name: string, claim: Claim, to: string | null): void {
    const { tenure } = claim;
    if (tenure === null) return;
    tenure.end();
    claim.tenure = null;
    if (this.#options.term() !== null) this.#releases.set(name, { fence: tenure.fence, to });
    this.#reconcile(name);
  }

  #reconcile(name: string): void {
    const { tables, term } = this.#options;
    const current = term();
    const record = tables.lease(name);
    const release = this.#releases.get(name);
    if (release !== undefined && record?.fence !== release.fence) this.#releases.delete(name);
    this.#settle(name);
    if (current === null || this.#asked.has(name)) return;
    const claim = this.#claims.get(name);
    if (record === undefined) {
      if (claim !== undefined) this.#ask(name, "acquire", { type: "acquire-lease", name, ...this.#id(current) });
    } else if (record.session === current.session) {
      this.#reconcileHeld(record, claim, current);
    }
  }

  #reconcileHeld({ name, fence }: LeaseRecord, claim: Claim | undefined, term: SessionTerm): void {
    const release = this.#releases.get(name) ?? (claim === undefined ? { fence, to: null } : undefined);
    if (release !== undefined) {
      this.#releases.set(name, release);
      this.#ask(name, "release", { type: "release-lease", name, fence, to: release.to, ...this.#id(term) });
    } else if (claim !== undefined && claim.tenure === null) {
      claim.tenure = new Tenure(fence, term);
      this.#tell(claim.holder, { type: "lease-granted", name, tenure: claim.tenure });
    }
  }

  /**
   * Tells who has dropped its claim, once nothing can come of it any more, or nothing can be agreed on: nobody acts under the
   * lease by then, so that it may as well run out.
   */
  #settle(name: string): void {
    const dropper = this.#droppers.get(name);
    if (dropper === undefined || (this.#options.isMajority() && this.#isShown(name))) return;
    this.#droppers.delete(name);
    this.#tell(dropper, { type: "lease-dropped", name });
  }

  /** The map shows something of a claim that was dropped, or may come to. */
  #isShown(name: string): boolean {
    if (this.#asked.has(name) || this.#releases.has(name)) return true;
    const { tables, term } = this.#options;
    const record = tables.lease(name);
    return record !== undefined && record.session === term()?.session && !this.#claims.has(name);
  }

  #id({ session }: SessionTerm): { readonly node: string; readonly session: number } {
    return { node: this.#options.ctx.node, session };
  }

  #ask(name: string, what: "acquire" | "release", command: Command): void {
    const { ctx, replica } = this.#options;
    this.#asked.add(name);
    const adapt = (reply: ProposeReply): LeaseClaimsMessage => ({ type: "lease-answered", name, what, reply });
    propose(ctx, { replica, command, timeoutMs: RENEW_MS, adapt });
  }

  #tell(holder: Ref<LeaseEvent>, event: LeaseEvent): void {
    this.#options.ctx.tell(holder, event);
  }
}
