/** How much may be under way to one actor of another node; see `channel.ts` for the accounts that keep to it. */

/**
 * Messages that one node may have sent to a pressing actor of another and that it has not handled yet. At 256 a receiver
 * that is one millisecond away gets 250,000 messages a second; more is only what its memory must hold for each peer.
 */
export const WINDOW = 256;

/** Credit goes out in steps of this many handled messages: one kernel message for each, 1.6 % of what it allows. */
export const GRANT_STEP: number = WINDOW / 4;

/**
 * Messages that wait in a channel for credit. Whoever sends one of them is muted, so it takes this many only when handlers
 * send thousands in one turn or when the sender is no actor. Past it: dead letter `no-credit`.
 */
export const CHANNEL_QUEUE_MAX = 10_000;

/**
 * Channels kept for each peer, about 300 bytes each. Past it the ones that were not used for longest and have nothing under
 * way are dropped; those with something under way stay, so that this is no limit on what may be under way.
 */
export const CHANNELS_MAX = 10_000;

/**
 * So many times `CHANNELS_MAX` are kept at most, but for those in which messages wait: a peer that answers no report for so
 * many of its actors has lost its right to a window each. Their next messages start with a new one.
 */
export const CHANNELS_OVERSHOOT = 10;

/**
 * Messages of one node, in windows, that a pressing actor takes unhandled whatever its mailbox holds: one, and one more for each
 * link that broke meanwhile. Past it they fill the mailbox like those of a sender that cannot be held back, since either the
 * link flaps or the node does not keep to its credit.
 */
export const WINDOWS_MAX = 4;
