/** `--no-wait` and `--timeout`, which every command that changes a VM has. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { formatAge, parseDuration } from "../output/duration.ts";
import { WAIT_DEFAULT_MS } from "../wait-for-vm.ts";

export interface WaitFlags {
  readonly wait: boolean;
  /** Milliseconds. */
  readonly timeout: number;
}

export function addWaitOptions(command: Command): Command {
  return command.option("--no-wait", "return once the cluster has taken it on").addOption(timeoutOption());
}

export function timeoutOption(): Option {
  return durationOption("--timeout <duration>", "give up waiting after this long", WAIT_DEFAULT_MS);
}

/** Whole days; what a timer of Node.js waits at most, which would fire at once for longer. */
const DAY_MS = 86_400_000;
const TIMER_MAX_MS = 24 * DAY_MS;

/** An option in milliseconds, whose help shows its default, if it has one, as people write it. At most 24 days. */
export function durationOption(flags: string, description: string, defaultMs?: number): Option {
  const option = new Option(flags, description).argParser((text) => toDuration(text, TIMER_MAX_MS));
  return defaultMs === undefined ? option : option.default(defaultMs, formatAge(defaultMs));
}

/** For commander: milliseconds, or a refusal that names the option. */
function toDuration(text: string, maxMs: number): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError("Expected a duration like 30s, 5m or 1h.");
  if (ms > maxMs) throw new InvalidArgumentError(`Expected at most ${maxMs / DAY_MS}d.`);
  return ms;
}

/** What bounds a length, where a timer does not. */
export interface LengthBounds {
  readonly defaultMs?: number;
  /** Whole days, in milliseconds. Default: 24 of them. */
  readonly maxMs?: number;
}

/** As `durationOption`, of what cannot be nothing. */
export function lengthOption(
  flags: string,
  description: string,
  { defaultMs, maxMs = TIMER_MAX_MS }: LengthBounds = {},
): Option {
  return durationOption(flags, description, defaultMs).argParser((text) => {
    const ms = toDuration(text, maxMs);
    if (ms > 0) return ms;
    throw new InvalidArgumentError("Expected more than nothing, like 30s, 5m or 1h.");
  });
}

/** For commander: a whole number in a range. */
export function toCount(min: number, max: number): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (/^\d+$/.test(text) && count >= min && count <= max) return count;
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
  };
}
