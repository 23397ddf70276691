/** Reads what a log's folder holds, and mends what a crash left half done. Nothing that may have been acknowledged is changed. */
import { randomInt } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { LoadedLog, LogDamage } from "../../ports/log-store.ts";
import { foreignLogError, LogFilesError } from "./log-errors.ts";
import { scanLog, type LogScan } from "./log-scan.ts";
import { newState, readState, type LogState } from "./log-state.ts";
import { listSegments, removeSpare, segmentPath, wipe } from "./segment-file.ts";

export const STATE_FILE = "hard-state.mdb";
/** What the log was kept in before it had segments. */
const FORMER_FILE = "raft-log.mdb";

export interface OpenedLog {
  readonly loaded: LoadedLog;
  readonly scan: LogScan;
  readonly state: LogState;
  /** The state is not what stands in the file: it must be written before anything else. */
  readonly stateChanged: boolean;
}

/** @throws {StoreError}, or what `readError` makes one of. */
export function openLog(folder: string): OpenedLog {
  if (existsSync(join(folder, FORMER_FILE))) throw foreignLogError(folder, FORMER_FILE);
  const found = readState(join(folder, STATE_FILE));
  const numbers = listSegments(folder);
  if (found === null && numbers.length > 0) {
    throw new LogFilesError(`there are segments, but ${STATE_FILE} is missing`);
  }
  const kept = found ?? newState(randomInt(1, 2 ** 32));
  const scan = scanLog(folder, kept);
  const damage = damageOf(kept, scan);
  const identity = damage === null && isUnfinished(kept, scan) ? (kept.before?.identity ?? null) : kept.identity;
  if (damage === null) removeStrays(folder, numbers, kept);
  if (scan.torn !== null) wipe(segmentPath(folder, scan.torn.segment), scan.torn.byte, scan.torn.toByte);
  const before = kept.before !== null && identity !== kept.identity ? null : kept.before;
  const state = { ...kept, identity, before, damage };
  checkTerms(state, scan);
  const { base } = scan;
  const entries = damage === null ? scan.entries : scan.entries.slice(0, damage.fromIndex - 1 - base.index);
  const lastIndex = base.index + entries.length;
  return {
    loaded: {
      identity,
      hardState: {
        term: state.term,
        vote: state.vote,
        commit: Math.max(base.index, Math.min(lastIndex, scan.commit)),
      },
      base,
      entries,
      repairs: scan.torn === null ? [] : [scan.torn.message],
      damage,
    },
    scan,
    state,
    stateChanged: identity !== kept.identity || damage?.fromIndex !== kept.damage?.fromIndex,
  };
}

/** What was found before is damaged until it was replaced durably, even if the disk reads well today. */
function damageOf({ damage: before }: LogState, { damage: now, base, entries }: LogScan): LogDamage | null {
  if (before === null) return now;
  if (now !== null && now.fromIndex < before.fromIndex) return now;
  return { ...before, fromIndex: Math.min(before.fromIndex, base.index + entries.length + 1) };
}

/** An identity that came together with a batch counts only when the batch does. */
function isUnfinished({ before }: LogState, { lastSequence }: LogScan): boolean {
  return before !== null && before.sequence > lastSequence;
}

/** A disk that gives back whole records of different times has lost writes that it had confirmed: the vote may be among them. */
function checkTerms({ term }: LogState, { entries }: LogScan): void {
  const last = entries.at(-1);
  if (last === undefined || last.term <= term) return;
  throw new LogFilesError(`its last entry is of term ${last.term}, but its term is ${term}`);
}

/** Segments that were given up, or made and not used, when the process ended. */
function removeStrays(folder: string, numbers: readonly number[], { firstSegment, lastSegment }: LogState): void {
  removeSpare(folder);
  for (const number of numbers) {
    if (number < firstSegment || number > lastSegment) rmSync(segmentPath(folder, number));
  }
}
