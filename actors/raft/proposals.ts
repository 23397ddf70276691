/**
 * Proposals that wait for the end of a batch: the core gets all of them at once, so that they make one append to each follower
 * and one write, however many clients they come from.
 *
 * What is vital goes first, and what a leader has no room for is let in as far as there is room (`core/admission.ts`).
 *
 * What is patient, as renewals of leases that come from all nodes within milliseconds, waits at the leader until something else goes, or its time is
 * over: a hundred renewals are one append to each follower and one sync. It costs them as much of their lease.
 *
 * At a follower they go on to the leader, each by itself: there they are gathered again. Whatever is not in the log is answered as
 * refused; silence means that a message was lost on the way.
 */
import type { Context } from "../../runtime/context.ts";
import type { Ref } from "../../runtime/ref.ts";
import type { Urgency } from "./core/admission.ts";
import type { RaftCore } from "./core/raft-core.ts";
import type { ProposeResult } from "./core/ready.ts";
import { nodeOf } from "./member-id.ts";
import type { Peers } from "./peers.ts";
import type { RaftActorMessage, RaftPropose, RaftProposeBatch, RaftProposeReply } from "./raft-actor-protocol.ts";

/** A request that was forwarded more often meets members that disagree on the leader; it is refused, to be retried. */
export const FORWARDS_MAX = 3;

/**
 * For how long what is patient waits: the round trips and syncs by which nodes are apart that propose at the same news, of which an entry takes several;
 * next to a lease, nothing.
 */
const PATIENCE_MS = 20;

type Proposed = RaftPropose | RaftProposeBatch;

type RefusalCode = Extract<RaftProposeReply, { readonly type: "propose-refused" }>["code"];

/** Of one urgency, in the order in which they came. */
interface Waiting {
  messages: Proposed[];
  payloads: Uint8Array[];
}

type Overloaded = Extract<ProposeResult, { readonly code: "overloaded" }>;

export interface ProposalsOptions {
  readonly ctx: Context<RaftActorMessage>;
  readonly peers: Peers;
  readonly payloadBytesMax: number;
}

export class Proposals {
  readonly #options: ProposalsOptions;
  readonly #waiting: Readonly<Record<Urgency, Waiting>> = {
    vital: { messages: [], payloads: [] },
    ordinary: { messages: [], payloads: [] },
  };
  /** What may wait, all of it vital, until the time after that. */
  readonly #patient: RaftPropose[] = [];
  #patientUntilMs = Infinity;

  constructor(options: ProposalsOptions) {
    this.#options = options;
  }

  /** One that is too large is refused here, so that it does not take along those with which it would go to the core. */
  add(message: Proposed, core: RaftCore): void {
    const { payloadBytesMax } = this.#options;
    // What another node says is taken by its word only where it is this very word.
    const isVital = message.type === "propose" && message.urgency === "vital";
    if (isVital && message.patient === true && core.isLeader && message.payload.length <= payloadBytesMax) {
      if (this.#patient.push(message) === 1) this.#patientUntilMs = this.#options.ctx.now() + PATIENCE_MS;
      return;
    }
    const { messages, payloads } = this.#waiting[isVital ? "vital" : "ordinary"];
    if (message.type === "propose") {
      if (message.payload.length > payloadBytesMax) return this.refuse(message, "too-large", leaderOf(core));
      payloads.push(message.payload);
    } else {
      if (message.payloads.some(({ length }) => length > payloadBytesMax)) {
        return this.refuse(message, "too-large", leaderOf(core));
      }
      for (const payload of message.payloads) payloads.push(payload);
    }
    messages.push(message);
  }

  /** Hands over what waits; called before `takeReady`. */
  flush(core: RaftCore, self: { readonly leads: boolean; readonly readOnly: boolean }): void {
    this.#releasePatient(core);
    this.#flush("vital", core, self);
    this.#flush("ordinary", core, self);
  }

  /** When what is patient must wait no longer, by the member's clock; Infinity when nothing is. */
  get deadlineMs(): number {
    return this.#patientUntilMs;
  }

  refuse(message: Proposed, code: RefusalCode, leader: string | null): void {
    if (message.replyTo) this.#tell(message.replyTo, { type: "propose-refused", code, leader });
  }

  /** It goes with what else does; who does not lead any more sends it on. */
  #releasePatient(core: RaftCore): void {
    if (this.#patient.length === 0) return;
    const { vital, ordinary } = this.#waiting;
    const goes = vital.messages.length > 0 || ordinary.messages.length > 0;
    if (core.isLeader && !goes && this.#options.ctx.now() < this.#patientUntilMs) return;
    this.#patientUntilMs = Infinity;
    for (const message of this.#patient.splice(0)) {
      vital.messages.push(message);
      vital.payloads.push(message.payload);
    }
  }

  #flush(urgency: Urgency, core: RaftCore, self: { readonly leads: boolean; readonly readOnly: boolean }): void {
    const waiting = this.#waiting[urgency];
    const { messages, payloads } = waiting;
    if (messages.length === 0) return;
    waiting.messages = [];
    waiting.payloads = [];
    if (self.leads && self.readOnly) return this.#refuseAll(messages, "read-only", leaderOf(core));
    const result = core.propose(payloads, this.#options.ctx.now(), urgency);
    if (result.ok) return this.#accept(messages, result.firstIndex, result.term);
    if (result.code === "not-leader") return this.#forwardAll(messages, result.leader);
    if (result.code === "too-large") return this.#refuseAll(messages, result.code, leaderOf(core));
    if (messages.length === 1) return this.#overloaded(messages, result, core);
    this.#proposeEach(messages, urgency, core);
  }

  /** All together are too much. As many as there is room for go, and with the first that does not, none after it. */
  #proposeEach(messages: readonly Proposed[], urgency: Urgency, core: RaftCore): void {
    for (const [at, message] of messages.entries()) {
      const payloads = message.type === "propose" ? [message.payload] : message.payloads;
      const result = core.propose(payloads, this.#options.ctx.now(), urgency);
      if (result.ok) this.#accept([message], result.firstIndex, result.term);
      else if (result.code === "overloaded") return this.#overloaded(messages.slice(at), result, core);
    }
  }

  #accept(waiting: readonly Proposed[], firstIndex: number, term: number): void {
    let index = firstIndex;
    for (const message of waiting) {
      if (message.replyTo) this.#tell(message.replyTo, { type: "proposed", index, term });
      index += message.type === "propose" ? 1 : message.payloads.length;
    }
  }

  #forwardAll(waiting: readonly Proposed[], leader: string | null): void {
    for (const message of waiting) {
      const hops = message.type === "propose" ? (message.hops ?? 0) : FORWARDS_MAX;
      if (leader === null || hops >= FORWARDS_MAX) this.refuse(message, "no-leader", leader && nodeOf(leader));
      else this.#options.peers.tell(leader, { ...message, hops: hops + 1 } as RaftPropose);
    }
  }

  #refuseAll(waiting: readonly Proposed[], code: RefusalCode, leader: string | null): void {
    for (const message of waiting) this.refuse(message, code, leader);
  }

  #overloaded(refused: readonly Proposed[], { retryAfterMs }: Overloaded, core: RaftCore): void {
    const leader = leaderOf(core);
    const hint = retryAfterMs === undefined ? {} : { retryAfterMs };
    for (const { replyTo } of refused) {
      if (replyTo) this.#tell(replyTo, { type: "propose-refused", code: "overloaded", leader, ...hint });
    }
  }

  #tell(to: Ref<RaftProposeReply>, reply: RaftProposeReply): void {
    this.#options.ctx.tell(to, reply);
  }
}

function leaderOf(core: RaftCore): string | null {
  return core.leader === null ? null : nodeOf(core.leader);
}
