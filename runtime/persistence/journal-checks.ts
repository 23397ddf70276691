/**
 * What every driver of the journal refuses before it looks at a stream: names, limits, numbers that cannot be.
 *
 * Two forms. What depends on data (a name made of a user's id, a large event) is a refusal with a code; a number that no caller can
 * have meant is a bug and throws a `RangeError`.
 */
import { JOURNAL_LIMITS, type JournalAppend, type NewEvent, type Snapshot } from "../ports/journal.ts";
import type { StoreErrorCode } from "../ports/store-error.ts";

export interface CheckFailure {
  readonly code: StoreErrorCode;
  /** The end of a sentence that begins with what was tried. */
  readonly reason: string;
}

export function checkStreamName(name: string): CheckFailure | undefined {
  return checkName("its name", name, JOURNAL_LIMITS.streamNameBytes);
}

/** @throws {RangeError} for numbers that are none, and without events. */
export function checkAppend({ stream, epoch, after, events }: JournalAppend): CheckFailure | undefined {
  checkNumber("epoch", epoch);
  checkNumber("after", after);
  if (events.length === 0) throw new RangeError("Journal.append: no events");
  const { appendEvents, appendBytes } = JOURNAL_LIMITS;
  if (events.length > appendEvents) return tooLarge(`${events.length} events at once, at most ${appendEvents}`);
  let bytes = 0;
  for (const event of events) {
    bytes += event.payload.length;
    const failure = checkEvent(event);
    if (failure !== undefined) return failure;
  }
  if (bytes > appendBytes) return tooLarge(`${bytes} bytes at once, at most ${appendBytes}`);
  return checkStreamName(stream);
}

/** @throws {RangeError} for numbers that are none. */
export function checkSnapshot(
  stream: string,
  { manifest, version, sequence, payload }: Snapshot,
): CheckFailure | undefined {
  checkNumber("version", version);
  checkNumber("sequence", sequence);
  const { snapshotBytes } = JOURNAL_LIMITS;
  if (payload.length > snapshotBytes) {
    return tooLarge(`a snapshot of ${payload.length} bytes, at most ${snapshotBytes}`);
  }
  return checkStreamName(stream) ?? checkLabel("a manifest", manifest);
}

/** @throws {RangeError} when it is no whole number of at least `least`. */
export function checkNumber(name: string, value: number, least: number = 0): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(`Journal: ${name} is ${value}, no whole number from ${least}`);
  }
}

function checkEvent({ manifest, version, wallMs, tags, payload }: NewEvent): CheckFailure | undefined {
  checkNumber("version", version);
  if (!Number.isFinite(wallMs)) throw new RangeError(`Journal: wallMs is ${wallMs}`);
  const { eventBytes, tags: tagsMax } = JOURNAL_LIMITS;
  if (payload.length > eventBytes) return tooLarge(`an event of ${payload.length} bytes, at most ${eventBytes}`);
  if (tags.length > tagsMax) return tooLarge(`an event with ${tags.length} tags, at most ${tagsMax}`);
  for (const tag of tags) {
    const failure = checkLabel("a tag", tag);
    if (failure !== undefined) return failure;
  }
  return checkLabel("a manifest", manifest);
}

function checkLabel(what: string, label: string): CheckFailure | undefined {
  return checkName(what, label, JOURNAL_LIMITS.labelBytes);
}

function checkName(what: string, name: string, bytesMax: number): CheckFailure | undefined {
  if (name.length === 0) return invalidName(`${what} is empty`);
  // A surrogate on its own has no bytes in UTF-8: two such names would be kept under one.
  if (!name.isWellFormed()) return invalidName(`${what} is no whole Unicode`);
  // One UTF-16 unit takes at most three bytes, so most names need no count.
  const bytes = name.length * 3 <= bytesMax ? 0 : utf8Bytes(name);
  return bytes > bytesMax ? invalidName(`${what} has ${bytes} bytes, at most ${bytesMax}`) : undefined;
}

function utf8Bytes(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4;
  }
  return bytes;
}

function tooLarge(reason: string): CheckFailure {
  return { code: "too-large", reason };
}

function invalidName(reason: string): CheckFailure {
  return { code: "invalid-name", reason };
}
