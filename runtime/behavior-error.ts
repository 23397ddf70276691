/**
 * What a behaviour did that no behaviour may do. Thrown into the behaviour, so it is a crash of its actor like any other:
 * supervision decides, the message in hand is a dead letter, nothing else is disturbed.
 */

export type BehaviorErrorCode =
  /** `init`, `receive` or `onSignal` returned a promise: it was written `async`, or forgot that it calls something that is. */
  | "handler-returned-promise"
  /** `ctx.stash()` with as many messages in the stash as it may hold. */
  | "stash-full"
  /** `ctx.stash()` in `init` or `onSignal`, where there is no message to put away. */
  | "nothing-to-stash"
  /** The `init` of a behaviour that an actor became calls `ctx.become` again and again. */
  | "become-endless";

/** A bug of a behaviour, with a stable `code`; the list with what to do is in docs/errors.md. */
export class BehaviorError extends Error {
  override readonly name = "BehaviorError";
  readonly code: BehaviorErrorCode;

  constructor(code: BehaviorErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Refuses a promise where a state belongs. The promise is let run out: that it rejects is this crash's story already, and
 * must not end the process as an unhandled rejection.
 */
export function refusePromise(returned: unknown, behavior: string, handler: string): void {
  if (!(returned instanceof Promise)) return;
  returned.catch(() => {});
  throw new BehaviorError(
    "handler-returned-promise",
    `Behaviour "${behavior}" returned a promise from ${handler}: a handler does not wait. ` +
      "Give the promise to ctx.pipe, whose outcome comes back as a message",
  );
}

/** `ctx.stash()` of the actor, where it has no message in hand. */
export function nothingToStash(name: string): BehaviorError {
  return new BehaviorError("nothing-to-stash", `Cannot stash in actor "${name}": it is not handling a message`);
}
