/**
 * Reads a finished snapshot through, chunk by chunk, for whoever must know that it is whole before they count on it: a store verifies heads when it is
 * opened, and a chunk when it is read.
 */
import { crc32 } from "../../../runtime/crc32.ts";
import type { FinishedSnapshot, SnapshotStore } from "../../../runtime/ports/snapshot-store.ts";

export interface SnapshotReading {
  readonly snapshots: SnapshotStore;
  readonly snapshot: FinishedSnapshot;
  /** Gets each chunk, in order. Default: nobody wants them. @throws what says that the chunk makes no sense */
  readonly take?: (chunk: Uint8Array) => void;
  /** Called once: without a word when all of it is there and as it was made, else with why not, as an end of "it cannot be read through: …". */
  readonly done: (fault?: string) => void;
}

/** The store must be loaded. Reads one chunk after the other, so memory holds one. */
export function readThrough(reading: SnapshotReading): void {
  readNext(reading, { number: 0, sizeBytes: 0, checksum: 0 });
}

interface Read {
  readonly number: number;
  readonly sizeBytes: number;
  readonly checksum: number;
}

function readNext(reading: SnapshotReading, { number, sizeBytes, checksum }: Read): void {
  const { snapshots, snapshot, take, done } = reading;
  if (number === snapshot.chunks) {
    const isWhole = sizeBytes === snapshot.sizeBytes && checksum === snapshot.checksum;
    const wanted = `${snapshot.sizeBytes} bytes with checksum ${snapshot.checksum}`;
    return done(isWhole ? undefined : `it has ${sizeBytes} bytes with checksum ${checksum}, wanted ${wanted}`);
  }
  snapshots.read(snapshot.id, number, (chunk) => {
    if (!(chunk instanceof Uint8Array)) return done(chunk.message);
    try {
      take?.(chunk);
    } catch (error) {
      return done((error as Error).message);
    }
    readNext(reading, {
      number: number + 1,
      sizeBytes: sizeBytes + chunk.length,
      checksum: crc32(chunk, checksum),
    });
  });
}
