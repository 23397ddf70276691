/** What reads entries of a history out of one format, line by line. */
import type { HistoryEntry } from "./history-entry.ts";

export interface EntryReader {
  /** @returns the entries that this line completes @throws HistoryError */
  line(text: string): readonly HistoryEntry[];
  /** There are no more lines. @throws HistoryError where the text breaks off */
  end(): void;
}
