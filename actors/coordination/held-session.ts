/**
 * This node's session, from the side of its holder.
 *
 *     idle ──needed──▶ opening ──opened──▶ open ──renewed──▶ open ──not needed──▶ idle
 *                         ▲                  │ about to end, refused, or gone from the map
 *                         └── all let go, or its time is over ◀── ending
 *
 * The term counts from before its opening or renewal was *proposed*, by this node's clock; the keeper that ends a silent
 * session counts longer from when it was applied (`../cluster/lease.ts`). The next session ends this one for everybody, so
 * it is opened only when nothing acts under this one any more.
 */
import type { Context, Ref } from "../../runtime/index.ts";
import type { Command } from "../cluster/commands.ts";
import { GRACE_MS, RENEW_MS } from "../cluster/lease.ts";
import { pauseMs, propose } from "../cluster/propose.ts";
import type { ProposeReply, ReplicaRequest } from "../cluster/replica-protocol.ts";
import type { SessionRecord } from "./coordination-record.ts";
import type { CoordinatorMessage, HeldSessionMessage } from "./coordinator-message.ts";
import { SessionTerm, type HoldRule } from "./tenure.ts";

/** How long before the deadline holders are told to stop: a turn of each, and their last effects. */
const STOP_MS = 500;

/** Pause before an opening that was refused, or answered too late, is proposed again. */
const RETRY_MS = 250;

export interface HeldSessionOptions {
  readonly ctx: Context<CoordinatorMessage>;
  readonly replica: Ref<ReplicaRequest>;
  readonly rule: HoldRule;
  /** Something wants a session. */
  readonly isNeeded: () => boolean;
  /** Something may still act under a session that is ending. */
  readonly isInUse: () => boolean;
  readonly onHeld: (term: SessionTerm) => void;
  readonly onLost: (term: SessionTerm) => void;
  /** The lost session is over; whatever was not given back is forgotten. */
  readonly onOver: () => void;
}

type Phase = "idle" | "opening" | "open" | "ending";

export class HeldSession {
  readonly #options: HeldSessionOptions;
  #phase: Phase = "idle";
  #term: SessionTerm | null = null;

  constructor(options: HeldSessionOptions) {
    this.#options = options;
  }

  /** The term under which something may be acquired and held now; null outside of `open`. */
  get term(): SessionTerm | null {
    return this.#phase === "open" ? this.#term : null;
  }

  handle(message: HeldSessionMessage): void {
    switch (message.type) {
      case "session-opened":
        this.#onOpened(message.askedMs, message.reply);
        return;
      case "session-renewed":
        if (message.session === this.term?.session) this.#onRenewed(this.term, message.askedMs, message.reply);
        return;
      case "session-closed":
        return;
      case "session-due":
        if (this.#phase === "opening") this.#open();
        else if (this.term !== null) this.#renew(this.term);
        return;
      case "session-ending":
        if (this.term !== null) this.#lose(this.term);
        return;
      case "session-over":
        this.#over();
        return;
      default:
        message satisfies never;
    }
  }

  /** Needs may have changed, or something was given back. */
  update(): void {
    const { isNeeded, isInUse } = this.#options;
    if (this.#phase === "ending" && !isInUse()) this.#over();
    else if (this.#phase === "idle" && isNeeded()) this.#open();
    else if (this.term !== null && !isNeeded()) this.#close(this.term);
  }

  /** What the map says of this node's session. */
  seen(record: SessionRecord | undefined): void {
    if (this.term === null || record?.session === this.term.session) return;
    this.#take(this.term);
  }

  #open(): void {
    const { ctx, rule, isNeeded } = this.#options;
    if (!isNeeded()) {
      this.#phase = "idle";
      return;
    }
    this.#phase = "opening";
    const askedMs = ctx.now();
    this.#propose({ type: "open-session", node: ctx.node }, rule.holdMs - STOP_MS, (reply) => {
      return { type: "session-opened", askedMs, reply };
    });
  }

  #onOpened(askedMs: number, reply: ProposeReply): void {
    if (this.#phase !== "opening") return;
    const { ctx, rule, onHeld } = this.#options;
    const untilMs = askedMs + rule.holdMs;
    if (!reply.ok || !reply.outcome.ok || untilMs - STOP_MS <= ctx.now()) {
      ctx.setTimer("session", reply.ok ? RETRY_MS : pauseMs(ctx, reply), { type: "session-due" });
      return;
    }
    this.#phase = "open";
    const term = new SessionTerm(reply.outcome.version, untilMs);
    this.#term = term;
    this.#keep(term, askedMs);
    onHeld(term);
    this.update();
  }

  #renew(term: SessionTerm): void {
    const { ctx } = this.#options;
    const askedMs = ctx.now();
    const { session } = term;
    this.#propose({ type: "renew-session", node: ctx.node, session }, term.untilMs - STOP_MS - askedMs, (reply) => {
      return { type: "session-renewed", session, askedMs, reply };
    });
  }

  #onRenewed(term: SessionTerm, askedMs: number, reply: ProposeReply): void {
    const { ctx, rule } = this.#options;
    if (!reply.ok) {
      ctx.setTimer("session", pauseMs(ctx, reply), { type: "session-due" });
    } else if (reply.outcome.ok) {
      term.extend(askedMs + rule.holdMs);
      this.#keep(term, askedMs);
    } else {
      this.#take(term);
    }
  }

  #keep(term: SessionTerm, askedMs: number): void {
    const { ctx } = this.#options;
    const nowMs = ctx.now();
    ctx.setTimer("session", Math.max(0, askedMs + RENEW_MS - nowMs), { type: "session-due" });
    ctx.setTimer("session-end", Math.max(0, term.untilMs - STOP_MS - nowMs), { type: "session-ending" });
  }

  /** The cluster says that it is over already. */
  #take(term: SessionTerm): void {
    term.end();
    this.#lose(term);
  }

  #lose(term: SessionTerm): void {
    const { ctx, onLost } = this.#options;
    this.#phase = "ending";
    ctx.cancelTimer("session");
    const leftMs = Math.max(0, term.untilMs - ctx.now());
    ctx.setTimer("session-end", leftMs + GRACE_MS, { type: "session-over" });
    onLost(term);
    this.update();
  }

  #over(): void {
    if (this.#phase !== "ending") return;
    this.#options.ctx.cancelTimer("session-end");
    this.#term?.end();
    this.#term = null;
    this.#phase = "idle";
    this.#options.onOver();
    this.update();
  }

  #close(term: SessionTerm): void {
    const { ctx } = this.#options;
    for (const timer of ["session", "session-end"]) ctx.cancelTimer(timer);
    term.end();
    this.#term = null;
    this.#phase = "idle";
    const { session } = term;
    this.#propose({ type: "close-session", node: ctx.node, session }, RENEW_MS, () => ({ type: "session-closed" }));
  }

  /**
   * `usefulMs`: for how long an answer is of use. A proposal that is given up sooner stays in the log all the same, and the next one stands behind it: where the
   * log is long, whoever is impatient makes it longer and waits for ever.
   */
  #propose(command: Command, usefulMs: number, adapt: (reply: ProposeReply) => HeldSessionMessage): void {
    const { ctx, replica } = this.#options;
    propose(ctx, { replica, command, timeoutMs: Math.max(0, usefulMs), adapt });
  }
}
