/**
 * The proposer: brings this node's commands into the log, each exactly once, and answers when this node has applied it.
 *
 * Each open proposal has a slot, and each slot is a session of its own: the slot is free again when the proposal was
 * answered or given up, and its next proposal has the next sequence. So many proposals are in flight side by side while a
 * session never has more than one (`../raft/sessions/session-table.ts` says why that is enough). A proposal is made again, unchanged, after
 * silence, after a refusal and whenever a leader is found; only its deadline ends that. What an overloaded leader
 * has no room for is held together (`held-proposals.ts`), but for what is vital, which comes again by itself.
 */
import type { AskResult, Context, PayloadCodec, Ref } from "../../runtime/index.ts";
import type { RaftActorMessage, RaftProposeReply } from "../raft/raft-actor-protocol.ts";
import type { Applied } from "./cluster-state.ts";
import type { Command, Outcome, Proposal } from "./commands.ts";
import type { ReplicaMessage } from "./replica-message.ts";
import { HeldProposals } from "./held-proposals.ts";
import type { ProposeReply, ReplicaRequest, Unavailable } from "./replica-protocol.ts";
import type { Urgency } from "../raft/core/admission.ts";
import { isPatient, urgencyOf } from "./urgency.ts";

/** Proposals in flight of one node; past it new ones are refused as overloaded. Four times what a busy API has open. */
export const PROPOSALS_MAX = 4096;

/** Raft answers at once or not at all; a message that crosses two nodes and is not answered by then is lost. */
const ANSWER_MS = 500;

/** What Raft has taken commits within milliseconds, or is lost with its leader, which is noticed by itself. */
const COMMIT_PATIENCE_MS = 2000;

/**
 * What a leader has taken once more is waited for twice as long: in a log that its cluster is slow to commit it comes no sooner when it is in there
 * twice, and everything else comes later.
 */
const PATIENCE_DOUBLINGS_MAX = 4;

const BACKOFF_MIN_MS = 25;
const BACKOFF_MAX_MS = 800;

/** What is said of a leader that refused last. */
const REASONS: Readonly<Record<string, string>> = {
  "read-only": "has no room on its disk and is read-only",
  overloaded: "has taken more than the cluster commits in time",
};

export interface ProposerOptions {
  readonly ctx: Context<ReplicaMessage>;
  readonly raft: Ref<RaftActorMessage>;
  readonly codec: PayloadCodec;
}

interface Open {
  readonly session: Session;
  /** How many were proposed before it. */
  readonly order: number;
  readonly urgency: Urgency;
  readonly command: Command;
  readonly replyTo: Ref<ProposeReply>;
  readonly timeoutMs: number;
  proposal: Proposal;
  payload: Uint8Array;
  attempt: number;
  /** Attempts that may be in a log: those that were not refused. */
  doubts: number;
  /** How often the leader that is known has taken it. */
  taken: number;
  /** The last refusal of Raft, for the message when time is up. */
  refusal: string | null;
  /** How long after that the leader wants to be asked again. */
  retryAfterMs: number | undefined;
  /** Entries that may have held it were jumped over by a snapshot since it was made. */
  jumped: boolean;
}

interface Session {
  readonly id: string;
  sequence: number;
}

export class Proposer {
  readonly #ctx: Context<ReplicaMessage>;
  readonly #raft: Ref<RaftActorMessage>;
  readonly #codec: PayloadCodec;
  /** Tells this life of the replica from every other one of the node: a sequence must not begin again in a session. */
  readonly #life: string;
  readonly #idle: Session[] = [];
  readonly #open = new Map<string, Open>();
  readonly #held: HeldProposals;
  #proposed = 0;
  #sessions = 0;

  constructor(options: ProposerOptions) {
    this.#ctx = options.ctx;
    this.#raft = options.raft;
    this.#codec = options.codec;
    this.#held = new HeldProposals({ ctx: options.ctx, send: (session) => this.retry(session) });
    const { node, random } = options.ctx;
    this.#life = `${node}/${[0, 1].map(() => random.integer(2 ** 32).toString(36)).join("")}`;
  }

  propose(request: Extract<ReplicaRequest, { readonly type: "propose" }>, applied: number): void {
    if (this.#open.size >= PROPOSALS_MAX) {
      const message = `${PROPOSALS_MAX} proposals of this node are in flight; try again later`;
      this.#ctx.tell(request.replyTo, { ok: false, code: "overloaded", message });
      return;
    }
    const session = this.#idle.pop() ?? { id: `${this.#life}/${++this.#sessions}`, sequence: 0 };
    const { command, replyTo, timeoutMs } = request;
    const made = this.#make(session, command, applied);
    const open: Open = {
      session,
      order: ++this.#proposed,
      urgency: urgencyOf(command),
      command,
      replyTo,
      timeoutMs,
      ...made,
      attempt: 0,
      doubts: 0,
      taken: 0,
      refusal: null,
      retryAfterMs: undefined,
      jumped: false,
    };
    this.#open.set(session.id, open);
    this.#ctx.setTimer(`deadline:${session.id}`, timeoutMs, { type: "proposal-expired", session: session.id });
    if (open.urgency === "vital" || !this.#held.isHolding) return this.#send(open);
    open.refusal = "overloaded";
    this.#held.add(session.id, open.order, undefined);
  }

  /** Takes Raft's answer to one attempt. */
  answered(session: string, attempt: number, result: AskResult<RaftProposeReply>, applied: number): void {
    const open = this.#open.get(session);
    if (open === undefined || open.attempt !== attempt) return;
    if (!result.ok) {
      this.#send(open);
    } else if (result.answer.type === "proposed") {
      this.#sendAfter(open, COMMIT_PATIENCE_MS * 2 ** Math.min(open.taken, PATIENCE_DOUBLINGS_MAX));
      open.taken += 1;
      if (open.urgency === "ordinary") this.#held.taken();
    } else if (result.answer.code === "too-large") {
      const message = `Cannot apply "${open.command.type}": ${open.payload.length} bytes are more than the log takes`;
      this.#close(open, { ok: true, outcome: { ok: false, version: applied, code: "invalid", message } });
    } else {
      const { code, retryAfterMs } = result.answer;
      open.doubts -= 1;
      open.refusal = code;
      open.retryAfterMs = retryAfterMs;
      const isHeld = code === "overloaded" && open.urgency === "ordinary";
      if (isHeld) this.#held.add(session, open.order, retryAfterMs);
      else this.#sendAfter(open, this.#backoffMs(open.attempt) + (retryAfterMs ?? 0));
    }
  }

  retry(session: string): void {
    const open = this.#open.get(session);
    if (open !== undefined) this.#send(open);
  }

  /** It is time to ask an overloaded leader again. */
  heldDue(): void {
    this.#held.due();
  }

  /** A leader is known: what was proposed before may have been lost with the last one. */
  leaderFound(): void {
    this.#held.clear();
    for (const open of this.#open.values()) {
      open.taken = 0;
      this.#send(open);
    }
  }

  /** A committed proposal was applied here: answers it if it is one of this node's. */
  applied(proposal: Proposal, { outcome, fate }: Applied, index: number): void {
    const open = this.#open.get(proposal.session);
    if (open === undefined || open.proposal.sequence !== proposal.sequence) return;
    if (fate !== "expired") this.#finish(open, outcome);
    else if (!open.jumped) this.#renew(open, index);
    else this.#close(open, { ok: false, code: "no-leader", message: unknownAfterJump(open.command) });
  }

  /**
   * The state jumped over entries that were not seen here. What sessions remember is the answer to what was among them; the rest
   * is proposed again, as it is.
   */
  jumped(recall: (proposal: Proposal) => Outcome | null): void {
    for (const open of this.#open.values()) {
      const outcome = recall(open.proposal);
      open.jumped = true;
      if (outcome === null) this.#send(open);
      else this.#finish(open, outcome);
    }
  }

  /** Gives up a proposal whose time is over; it may still be applied, at most once, unless each attempt was refused as overloaded. */
  expire(session: string, leader: string | null): void {
    const open = this.#open.get(session);
    if (open === undefined) return;
    if (open.refusal === "overloaded" && open.doubts === 0) return this.#close(open, overloaded(open, leader));
    const why =
      leader === null
        ? "no leader is known"
        : `leader "${leader}" ${REASONS[open.refusal ?? ""] ?? "did not confirm it"}`;
    const message = `"${open.command.type}" is not confirmed after ${open.timeoutMs} ms: ${why}; it may still take effect`;
    this.#close(open, { ok: false, code: open.refusal === "read-only" ? "read-only" : "no-leader", message });
  }

  /** Answers everything that is open with the same failure. */
  failAll(failure: Unavailable): void {
    for (const open of this.#open.values()) this.#close(open, failure);
  }

  #make(session: Session, command: Command, applied: number): Pick<Open, "proposal" | "payload"> {
    session.sequence += 1;
    const { id, sequence } = session;
    const proposal: Proposal = { session: id, sequence, after: applied, atMs: this.#ctx.wallNow(), command };
    return { proposal, payload: this.#codec.encode(proposal) };
  }

  /** The replicas had forgotten the session and this proposal has not acted: made anew, it is beyond all doubt. */
  #renew(open: Open, applied: number): void {
    Object.assign(open, this.#make(open.session, open.command, applied), { doubts: 0 });
    this.#send(open);
  }

  #send(open: Open): void {
    open.attempt += 1;
    open.doubts += 1;
    const { attempt, payload, urgency, command } = open;
    const session = open.session.id;
    this.#ctx.cancelTimer(`retry:${session}`);
    this.#ctx.ask<RaftActorMessage, RaftProposeReply>(this.#raft, {
      make: (replyTo) => ({
        type: "propose",
        payload,
        replyTo,
        ...(urgency === "vital" && { urgency }),
        ...(isPatient(command) && { patient: true as const }),
      }),
      timeoutMs: ANSWER_MS,
      adapt: (result) => ({ type: "proposal-answered", session, attempt, result }),
    });
  }

  #sendAfter(open: Open, delayMs: number): void {
    const session = open.session.id;
    this.#ctx.setTimer(`retry:${session}`, delayMs, { type: "proposal-due", session });
  }

  #backoffMs(attempt: number): number {
    const baseMs = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(attempt - 1, 16));
    return Math.round(baseMs * (0.5 + this.#ctx.random.next() / 2));
  }

  #finish(open: Open, outcome: Outcome): void {
    this.#close(open, { ok: true, outcome });
  }

  #close(open: Open, reply: ProposeReply): void {
    const session = open.session.id;
    this.#open.delete(session);
    this.#held.remove(session);
    this.#idle.push(open.session);
    this.#ctx.cancelTimer(`deadline:${session}`);
    this.#ctx.cancelTimer(`retry:${session}`);
    this.#ctx.tell(open.replyTo, reply);
  }
}

function overloaded({ command, timeoutMs, retryAfterMs }: Open, leader: string | null): Unavailable {
  const message = `Cannot propose "${command.type}": leader "${leader ?? "unknown"}" has taken more than the cluster commits in time, for ${timeoutMs} ms; nothing was proposed, repeat it later`;
  return { ok: false, code: "overloaded", message, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/** Its session was forgotten while this node did not see what was applied: whether it acted cannot be told any more. */
function unknownAfterJump({ type }: Command): string {
  return `"${type}" may have taken effect: this node took over a snapshot meanwhile, which does not say; read, then decide`;
}
