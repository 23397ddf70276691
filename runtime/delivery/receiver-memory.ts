/** What a reliable receiver must remember so that no confirmed message comes again: a number a stream. */

/**
 * Which messages the consumer has confirmed. A consumer with durable state keeps the number of the last delivery of each
 * stream in it, recorded together with what the delivery changed, and gives them back here after a crash.
 */
export interface ReceiverMemory {
  /** The number of the last confirmed message of a stream; undefined for one that it knows nothing of. */
  lastConfirmed(stream: string): number | undefined;
  /** The consumer has confirmed all up to `seq`. A memory that reads the consumer's own state has nothing to do. */
  confirmed?(stream: string, seq: number): void;
  /** The stream is over, or its sender was silent for an hour: the number may be forgotten. */
  forget?(stream: string): void;
}

/**
 * A memory that lives as long as its process. Make it outside of the consumer's behaviour and give it to each receiver that the
 * consumer spawns, and no confirmed message comes again over restarts of either.
 */
export function createReceiverMemory(): ReceiverMemory {
  const confirmed = new Map<string, number>();
  return {
    lastConfirmed: (stream) => confirmed.get(stream),
    confirmed: (stream, seq) => void confirmed.set(stream, Math.max(seq, confirmed.get(stream) ?? 0)),
    forget: (stream) => void confirmed.delete(stream),
  };
}
