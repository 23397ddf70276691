/** What the journal's answer is in the mailbox of an event-sourced actor. Made in its own process only, so no other node can forge one. */
export class JournalReply {
  readonly type = "journal-reply";
  #handle: (() => void) | null;

  constructor(handle: () => void) {
    this.#handle = handle;
  }

  /** Once: a step that stashes what is in hand would bring it back. */
  handle(): void {
    const handle = this.#handle;
    this.#handle = null;
    handle?.();
  }
}
