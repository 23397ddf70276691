/**
 * The actor behind one watch: subscribes to the replica, and hands what comes to the stream of its client.
 *
 * It opens the stream only when the replica has taken the subscription, so that a version that is too old is answered
 * with a status of its own (410) instead of an empty stream.
 */
import type { ReplicaRequest, ReplicaStatus, Selection, WatchMessage } from "../actors/index.ts";
import type { Behavior, Context, Ref } from "../runtime/index.ts";
import { apiError, type ApiError } from "./api-error.ts";
import type { WatchLine } from "./wire.ts";

/** Where a watch goes: `open` once, then lines, then `finish` or `fail`; or `fail` alone. */
export interface WatchSink {
  open(): void;
  send(line: WatchLine): void;
  /** Ends a stream whose last line said why. */
  finish(): void;
  /** Before `open`, this refuses the watch. */
  fail(reason: ApiError): void;
}

export interface WatchOptions {
  readonly replica: Ref<ReplicaRequest>;
  readonly selection: Selection;
  readonly since?: number;
  readonly sink: WatchSink;
  readonly bookmarkMs: number;
  readonly readMs: number;
}

/** What the actor tells itself. */
type Own =
  /** The replica has told everything up to `applied`; null when it did not answer. */
  { readonly type: "told"; readonly applied: number | null } | { readonly type: "bookmark-due" };

interface WatchState {
  readonly open: boolean;
  /** Everything up to here has been sent. */
  readonly version: number;
}

type VersionedLine = WatchLine & { readonly version: number };
type Changes = Extract<WatchMessage, { readonly type: "changes" }>;
type WatchContext = Context<WatchMessage | Own>;

export function watchActor(options: WatchOptions): Behavior<WatchState, WatchMessage | Own> {
  const { replica, selection, since, sink, bookmarkMs, readMs } = options;

  function opened(state: WatchState): WatchState {
    if (!state.open) sink.open();
    return { ...state, open: true };
  }

  function sent(state: WatchState, line: VersionedLine, ctx: WatchContext): WatchState {
    const next = opened(state);
    sink.send(line);
    ctx.setTimer("bookmark", bookmarkMs, { type: "bookmark-due" });
    return { ...next, version: line.version };
  }

  function failed(state: WatchState, reason: ApiError, ctx: WatchContext): WatchState {
    sink.fail(reason);
    ctx.stop();
    return state;
  }

  /** The replica handles its messages in order, so its answer says that what it applied before was told before. */
  function askWhatWasTold(ctx: WatchContext): void {
    ctx.ask<ReplicaRequest, ReplicaStatus>(replica, {
      make: (replyTo) => ({ type: "status", replyTo }),
      timeoutMs: readMs,
      adapt: (result) => ({ type: "told", applied: result.ok ? result.answer.applied : null }),
    });
  }

  return {
    name: "watch",
    init: (ctx) => {
      const from = since === undefined ? {} : { since };
      ctx.watch(replica);
      ctx.tell(replica, { type: "subscribe", subscriber: ctx.self, selection, ...from });
      askWhatWasTold(ctx);
      return { open: false, version: since ?? 0 };
    },
    receive: (state, message, ctx) => {
      switch (message.type) {
        case "synced":
          return sent(state, message, ctx);
        case "changes":
          // A replica that lags behind the version asked for repeats what the client has.
          if (message.version <= state.version) return state;
          return linesOf(message, state.version).reduce((at, line) => sent(at, line, ctx), state);
        case "compacted":
          if (!state.open) return failed(state, compacted(message.oldest), ctx);
          sink.send({ type: "compacted", version: message.oldest });
          sink.finish();
          ctx.stop();
          return state;
        case "told":
          if (message.applied === null && !state.open) return failed(state, silent(), ctx);
          return sent(state, { type: "bookmark", version: Math.max(state.version, message.applied ?? 0) }, ctx);
        case "bookmark-due":
          askWhatWasTold(ctx);
          return state;
        default:
          return message satisfies never;
      }
    },
    onSignal: (state, signal, ctx) => {
      if (signal.type === "terminated") return failed(state, silent(), ctx);
      if (signal.type === "post-stop") ctx.tell(replica, { type: "unsubscribe", subscriber: ctx.self });
      return state;
    },
  };
}

/**
 * Changes of one version as lines. Only the last carries the version: a client that was cut off in between must get the
 * earlier ones again, or it would miss the rest.
 */
function linesOf({ changes, version }: Changes, before: number): readonly VersionedLine[] {
  if (changes.length === 0) return [{ type: "bookmark", version }];
  const last = changes.length - 1;
  return changes.map(({ type, resource }, at) => ({ type, version: at === last ? version : before, resource }));
}

function silent(): ApiError {
  return apiError("no-answer", "This node's replica does not answer; ask another node");
}

function compacted(oldest: number): ApiError {
  const message = `Cannot watch from that version: this node remembers changes since ${oldest}; list again and watch from there`;
  return apiError("compacted", message, { oldest });
}
