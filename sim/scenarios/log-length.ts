/**
 * How long a log may be once everything has settled: a log that is longer would grow for ever.
 *
 * A snapshot is made `everyEntries` behind the last one and takes some time; what is behind it by more than `trailingEntries` goes then.
 */
import type { RaftStatus } from "../../actors/raft/index.ts";

export interface Compaction {
  readonly everyEntries: number;
  readonly trailingEntries: number;
}

/** Entries that may come while a snapshot is made. */
const SLACK = 100;

/** Null where the log is no longer than it may be. */
export function whyTooLong({ lastIndex, base }: RaftStatus, compaction: Compaction): string | null {
  const lengthMax = compaction.trailingEntries + 2 * compaction.everyEntries + SLACK;
  const length = lastIndex - base;
  return length > lengthMax ? `holds a log of ${length} entries, wanted at most ${lengthMax}` : null;
}
