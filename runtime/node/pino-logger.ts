/**
 * The logger of the Node.js world: pino, one JSON object a line, to a file descriptor.
 *
 * A log that cannot be written is no reason to end what it tells of: lines wait for the disk to have room again, and past
 * a limit they are lost.
 */
import { pino, stdTimeFunctions } from "pino";
import type { Logger, LogLevel } from "../ports/logger.ts";

export interface PinoLoggerOptions {
  /** Least level that is written. Default `info`. */
  readonly level?: LogLevel;
  /** Fields of every line, such as the node's name. */
  readonly base: Readonly<Record<string, unknown>>;
  /** File path or descriptor. Default: standard error. */
  readonly destination?: string | number;
}

/** What waits while the disk is full: some 2,000 lines. Later ones are dropped. */
const WAITING_CHARS_MAX = 512 * 1024;

export function createPinoLogger(options: PinoLoggerOptions): Logger {
  const sink = pino.destination({ dest: options.destination ?? 2, sync: true, maxLength: WAITING_CHARS_MAX });
  // Without a listener the failure of a write is thrown at whoever logs, and takes its actor or the process down.
  sink.on("error", () => undefined);
  const logger = pino(
    {
      level: options.level ?? "info",
      base: options.base,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      errorKey: "cause",
      serializers: { cause: describe },
    },
    sink,
  );
  return { log: (level, message, fields = {}) => logger[level](fields, message) };
}

/** A failure from outside is known by its code; only a bug needs a stack. */
function describe(cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause;
  const { name, message, stack } = cause;
  const { code } = cause as { readonly code?: unknown };
  return typeof code === "string" ? { name, code, message } : { name, message, stack };
}
