/** How an ask ends: with the answer, or with why there is none. */
export type AskResult<Answer> =
  | { readonly ok: true; readonly answer: Answer }
  | { readonly ok: false; readonly code: AskFailure };

/** Why an ask has no answer. */
export type AskFailure =
  /** Nobody answered in time. The request may have been handled all the same. */
  | "timeout"
  /** The actor had stopped, stopped with the request waiting, or never existed. */
  | "no-recipient"
  /** The mailbox was full, and its policy says so: `fail-ask` or `back-pressure`. Also the way to another node. */
  | "mailbox-full"
  /** The node of the actor cannot be reached. The request may have been handled all the same. */
  | "node-down"
  /** The actor is on another node, and its behaviour does not accept such a message: of another version, perhaps. */
  | "wrong-type"
  /** The actor is on another node, and no transport carries such a message: cyclic, too large, a function. */
  | "unsendable";

/** How a child is spawned: its name, and what its parent decides for it. */
