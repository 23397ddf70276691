/** The logger of the Node.js world: pino, one JSON object a line, to a file descriptor. */
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

export function createPinoLogger(options: PinoLoggerOptions): Logger {
  const sink = pino.destination({ dest: options.destination ?? 2, sync: true });
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

function describe(cause: unknown): unknown {
  return cause instanceof Error ? { name: cause.name, message: cause.message, stack: cause.stack } : cause;
}
