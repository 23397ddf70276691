/** What of a member outlives its process: the log store of the explored cluster, as plain data that is never changed. */
import type { HardState, LoadedLog, LogEntry, LogWrite } from "../../../runtime/index.ts";

export interface MemberDisk {
  readonly hardState: HardState;
  readonly entries: readonly LogEntry[];
}

/**
 * What a crash may leave of a write that was under way, as the port allows (`runtime/ports/log-store.ts`): all of it, term and
 * vote without the entries that came with them, or nothing.
 */
export const SURVIVED = ["all", "hard-state", "nothing"] as const;
export type Survived = (typeof SURVIVED)[number];

export function writeTo(disk: MemberDisk, write: LogWrite, survived: Survived): MemberDisk {
  if (survived === "nothing") return disk;
  const hardState = write.hardState ?? disk.hardState;
  const [first] = survived === "all" ? write.entries : [];
  if (first === undefined) return { hardState, entries: disk.entries };
  return { hardState, entries: [...disk.entries.slice(0, first.index - 1), ...write.entries] };
}

export function load({ hardState, entries }: MemberDisk): LoadedLog {
  return { identity: null, hardState, base: { index: 0, term: 0 }, entries, repairs: [], damage: null };
}
