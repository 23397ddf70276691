/**
 * The actors of the remote benchmark. The sender numbers its messages and keeps a window of them under way; the receiver
 * checks that every number is the one after the last, and says how far it is.
 */
import { stateless, type Behavior, type Ref } from "../runtime/index.ts";

export interface Numbered {
  readonly seq: number;
  readonly payload: unknown;
}

export type SinkMessage =
  | { readonly type: "open"; readonly source: Ref<SourceMessage> }
  /** Nothing but its fields: what is measured is the payload's way. */
  | Numbered;

export type SourceMessage =
  | { readonly type: "handled"; readonly count: number }
  | { readonly type: "disordered"; readonly detail: string };

/** How often the receiver says how far it is, in messages. */
const ACK_EVERY = 500;

/**
 * Messages under way at most: enough for both processes to be busy, and few enough to stay in the caches. At 20,000 of 1 KiB the
 * socket holds 20 MB, and the rate is half.
 */
const WINDOW = 4000;

/** Messages that the sender tells before it lets others have a turn. */
const BURST = 250;

interface SinkState {
  readonly source: Ref<SourceMessage> | null;
  next: number;
}

/** Takes numbered messages of one sender at a time; `open` starts afresh. */
export function sink(): Behavior<SinkState, SinkMessage> {
  return {
    name: "sink",
    init: () => ({ source: null, next: 0 }),
    receive(state, message, ctx) {
      if ("type" in message) return { source: message.source, next: 0 };
      if (state.source === null) return state;
      if (message.seq !== state.next) {
        const detail = `message ${message.seq} came where ${state.next} was due`;
        ctx.tell(state.source, { type: "disordered", detail });
      }
      state.next = message.seq + 1;
      if (state.next % ACK_EVERY === 0) ctx.tell(state.source, { type: "handled", count: state.next });
      return state;
    },
  };
}

export interface SourceOptions {
  readonly to: Ref<SinkMessage>;
  /** A multiple of 500, so that the last one is acknowledged. */
  readonly count: number;
  readonly payload: unknown;
  readonly done: (error: string | null) => void;
}

interface SourceState {
  sent: number;
  handled: number;
  /** A `more` is in the own mailbox. */
  going: boolean;
}

/** Sends `count` messages in order, and calls `done` when the last one has been handled. */
export function source({ to, count, payload, done }: SourceOptions): Behavior<SourceState, SourceMessage | "more"> {
  return {
    name: "source",
    init(ctx) {
      ctx.tell(to, { type: "open", source: ctx.self });
      ctx.tell(ctx.self, "more");
      return { sent: 0, handled: 0, going: true };
    },
    receive(state, message, ctx) {
      if (message === "more") {
        const end = Math.min(count, state.handled + WINDOW, state.sent + BURST);
        for (; state.sent < end; state.sent++) ctx.tell(to, { seq: state.sent, payload });
        state.going = state.sent < Math.min(count, state.handled + WINDOW);
        if (state.going) ctx.tell(ctx.self, "more");
        return state;
      }
      if (message.type === "disordered") {
        done(message.detail);
        ctx.stop();
        return state;
      }
      state.handled = message.count;
      if (state.handled === count) {
        done(null);
        ctx.stop();
      } else if (!state.going) {
        state.going = true;
        ctx.tell(ctx.self, "more");
      }
      return state;
    },
  };
}

export type SlowMessage = { readonly seq: number; readonly payload: unknown } | { readonly report: Ref<number> };

/** Spends `handleUs` on each message in turn; tells how many there were when asked. A gap in the numbers crashes it. */
export function slowSink(handleUs: number): Behavior<number, SlowMessage> {
  return {
    name: "slow",
    init: () => 0,
    receive(next, message, ctx) {
      if ("report" in message) {
        ctx.tell(message.report, next);
        return next;
      }
      if (message.seq !== next) throw new Error(`message ${message.seq} came where ${next} was due`);
      const endMs = performance.now() + handleUs / 1000;
      while (performance.now() < endMs);
      return next + 1;
    },
  };
}

export interface EagerOptions {
  readonly to: Ref<SlowMessage>;
  /** What it would send if nobody held it back. */
  readonly perSecond: number;
  readonly payload: unknown;
}

interface EagerState {
  readonly sinceMs: number;
  sent: number;
}

/** How often the eager sender looks how many messages are due, and what it tells at most in one turn. */
const EAGER_MS = 2;
const EAGER_BURST = 1000;

/** Sends at its own rate and waits for nobody; whoever asks it by a ref hears how many it has sent, and it stops. */
export function eagerSource({ to, perSecond, payload }: EagerOptions): Behavior<EagerState, "due" | Ref<number>> {
  return {
    name: "eager",
    init(ctx) {
      ctx.setTimer("due", EAGER_MS, "due");
      return { sinceMs: ctx.now(), sent: 0 };
    },
    receive(state, message, ctx) {
      if (message !== "due") {
        ctx.tell(message, state.sent);
        ctx.stop();
        return state;
      }
      const due = Math.floor(((ctx.now() - state.sinceMs) / 1000) * perSecond);
      const end = Math.min(due, state.sent + EAGER_BURST);
      for (; state.sent < end; state.sent++) ctx.tell(to, { seq: state.sent, payload });
      ctx.setTimer("due", EAGER_MS, "due");
      return state;
    },
  };
}

export interface EchoRequest {
  readonly n: number;
  readonly replyTo: Ref<number>;
}

export function echo(): Behavior<null, EchoRequest> {
  return stateless("echo", ({ n, replyTo }, ctx) => ctx.tell(replyTo, n));
}
