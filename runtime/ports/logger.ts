/** The logger port: structured lines for people and machines. Drivers: pino in Node.js; the simulator's event log. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: LogFields): void;
}

/** How much a line matters, from least to most. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Values that identify what a line is about; an `Error` goes in as `cause`. */
export type LogFields = Readonly<Record<string, unknown>>;
