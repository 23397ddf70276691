/** What one behaviour did, as plain values: recorded by `runInIsolation`, compared by tests. */
import type { SpawnOptions } from "../context.ts";
import type { AnyRef } from "../ref.ts";

/** One effect. Refs in it are those that the behaviour used; to compare, make them with `Isolated.ref`. */
export type Effect =
  | { readonly type: "told"; readonly to: AnyRef; readonly message: unknown }
  | { readonly type: "forwarded"; readonly to: AnyRef; readonly message: unknown }
  | AskedEffect
  | PipedEffect
  /** `behavior` is its name; nothing of the child runs. */
  | { readonly type: "spawned"; readonly ref: AnyRef; readonly behavior: string; readonly options: SpawnOptions }
  /** A child, or the actor itself; `deadlineMs` for one that may handle what waits. */
  | { readonly type: "stopped"; readonly ref: AnyRef; readonly deadlineMs?: number }
  | { readonly type: "watched"; readonly ref: AnyRef }
  | { readonly type: "unwatched"; readonly ref: AnyRef }
  /** It wants to hear of links; `Isolated.link` tells it of one. */
  | { readonly type: "links-watched" }
  | { readonly type: "timer-set"; readonly key: string; readonly delayMs: number; readonly message: unknown }
  /** Also for a key that has no timer. */
  | { readonly type: "timer-cancelled"; readonly key: string }
  | { readonly type: "receive-timeout-set"; readonly delayMs: number; readonly message: unknown }
  | { readonly type: "receive-timeout-cancelled" }
  /** The message in hand was none for it. */
  | { readonly type: "unhandled"; readonly message: unknown }
  /** It wants to be told at the system's shutdown; `Isolated.shutdown` tells it. */
  | { readonly type: "shutdown-awaited"; readonly phase: string }
  /** By name; its `init` has run when the step returns. */
  | { readonly type: "became"; readonly behavior: string }
  | { readonly type: "stashed"; readonly message: unknown }
  /** What was stashed is handled in the same step. */
  | { readonly type: "unstashed"; readonly messages: readonly unknown[] }
  /** It wants no message until it says so; in isolation it gets what the test hands it all the same. */
  | { readonly type: "held" }
  | { readonly type: "released" };

/** A request that waits for `Isolated.answer` or `Isolated.failAsk`. */
export interface AskedEffect {
  readonly type: "asked";
  readonly to: AnyRef;
  /** The request, with the ref for the answer in it. */
  readonly message: unknown;
  readonly timeoutMs: number;
}

/** A promise that waits for `Isolated.settle`; what becomes of it outside is not waited for. */
export interface PipedEffect {
  readonly type: "piped";
  readonly promise: PromiseLike<unknown>;
}
