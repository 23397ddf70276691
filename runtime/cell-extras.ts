/** What most actors never need, made when it is first needed: an idle actor that was only spawned and told owns none of it. */
import type { Behavior } from "./behavior.ts";
import type { TimerHandle } from "./ports/clock.ts";
import type { ReceiveTimeout } from "./receive-timeout.ts";
import type { AnyRef } from "./ref.ts";
import type { Inlet } from "./remote/inlet.ts";
import type { Restart } from "./restart.ts";
import type { Held, Stash } from "./stash.ts";
import type { CrashHistory } from "./supervision.ts";

export class CellExtras<in out Message> {
  /** By ref. */
  watchers: Map<string, AnyRef> | null = null;
  crashes: CrashHistory | null = null;
  stash: Stash | null = null;
  receiveTimeout: ReceiveTimeout<Message> | null = null;
  /** What the actor becomes when the present handler has returned. */
  becoming: Behavior<unknown, Message> | null = null;
  /** A child's crash that escalated here while a handler was running. */
  escalated: { readonly error: unknown } | null = null;
  /** The restart that it waits for. */
  restart: Restart | null = null;
  /** Set when other nodes send to it and its mailbox presses back. */
  inlet: Inlet | null = null;
  /** Ends a graceful stop. */
  deadline: TimerHandle | null = null;
  /** Told of the end. */
  ended: (() => void) | null = null;

  /** Whether something comes back from the stash. */
  get hasStashed(): boolean {
    return this.stash !== null && this.stash.hasNext;
  }

  /** Only when `hasStashed`. */
  nextStashed(): Held {
    return (this.stash as Stash).next();
  }
}
