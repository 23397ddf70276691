/**
 * The sender of a message, with the event that caused it: what stands in the sender's slot of a mailbox while the system is
 * inspected. So causes travel with messages, through stashes and channels too, and cost nothing while nobody looks.
 */
import { Ref, type AnyRef, type Recipient } from "./ref.ts";

/** The id of an event, or a number of this system's own until somebody wants to read it; 0: none. */
export type Cause = number | string;

const NOBODY: Recipient<never> = { receive: () => {} };

export class Traced extends Ref<never> {
  readonly sender: AnyRef | null;
  readonly cause: Cause;

  /** @param node where it was told, for a message without a sender. */
  constructor(node: string, sender: AnyRef | null, cause: Cause) {
    super({ node: sender?.node ?? node, path: null }, sender?.target ?? NOBODY);
    this.sender = sender;
    this.cause = cause;
  }

  override get path(): string {
    return this.sender?.path ?? "";
  }
}

/** Who told a message, for people: without the cause, and for an ask the actor that asked. */
export function senderOf(sender: AnyRef | null): AnyRef | null {
  const told = sender instanceof Traced ? sender.sender : sender;
  return told?.target.asker === undefined ? told : told.target.asker;
}

export function causeOf(sender: AnyRef | null): Cause {
  return sender instanceof Traced ? sender.cause : 0;
}
