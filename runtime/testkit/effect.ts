/** What one behaviour did, as plain values: recorded by `runInIsolation`, compared by tests. */
import type { SpawnOptions } from "../context.ts";
import type { AnyRef } from "../ref.ts";

export type Effect =
  | { readonly type: "told"; readonly to: AnyRef; readonly message: unknown }
  | AskedEffect
  /** `behavior` is its name; nothing of the child runs. */
  | { readonly type: "spawned"; readonly ref: AnyRef; readonly behavior: string; readonly options: SpawnOptions }
  /** A child, or the actor itself. */
  | { readonly type: "stopped"; readonly ref: AnyRef }
  | { readonly type: "watched"; readonly ref: AnyRef }
  | { readonly type: "unwatched"; readonly ref: AnyRef }
  /** It wants to hear of links; `Isolated.link` tells it of one. */
  | { readonly type: "links-watched" }
  | { readonly type: "timer-set"; readonly key: string; readonly delayMs: number; readonly message: unknown }
  /** Also for a key that has no timer. */
  | { readonly type: "timer-cancelled"; readonly key: string };

/** A request that waits for `Isolated.answer` or `Isolated.failAsk`. */
export interface AskedEffect {
  readonly type: "asked";
  readonly to: AnyRef;
  /** The request, with the ref for the answer in it. */
  readonly message: unknown;
  readonly timeoutMs: number;
}
