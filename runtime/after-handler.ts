/**
 * What a handler has asked for that is done when it has returned, as bits of one number, so that the usual message, which asks
 * for nothing, pays for one look. Kept and done by `ActorCell`, and by the test kit for a behaviour in isolation.
 */
import type { Held, Stash } from "./stash.ts";

export const STOP = 1;
/** A child's crash escalated to this actor meanwhile. */
export const ESCALATED = 2;
export const BECOME = 4;
export const STASH = 8;
export const UNSTASH = 16;
/** It was stashed, then everything was unstashed: the message in hand comes back with the others. */
export const UNSTASH_IN_HAND = 32;
/** There is a receive timeout, which every message touches. Stays set, unlike the others. */
export const TIMED = 64;
export const UNHANDLED = 128;

/** What is asked for when `unstashAll` follows what was asked for already. */
export function withUnstash(asked: number): number {
  return asked | ((asked & STASH) === 0 ? UNSTASH : UNSTASH | UNSTASH_IN_HAND);
}

/** Does what was asked of the stash; `inHand` is the message, if the handler had one. */
export function settleStash(stash: Stash, asked: number, inHand: Held | null): void {
  if (inHand !== null && (asked & UNSTASH_IN_HAND) !== 0) stash.put(inHand);
  if ((asked & UNSTASH) !== 0) stash.bringBack();
  if (inHand !== null && (asked & (STASH | UNSTASH_IN_HAND)) === STASH) stash.put(inHand);
}
