/** What a file says that no history can: which line, which field, what was expected there. */
export interface HistoryProblem {
  /** From 1. */
  readonly line: number;
  /** `:value`, `input.type`; absent where the line as a whole is wrong. */
  readonly field?: string;
  /** What is wrong and what was expected, as the end of a sentence. */
  readonly message: string;
  readonly cause?: unknown;
}

/** A history that cannot be read. */
export class HistoryError extends Error {
  override readonly name = "HistoryError";
  readonly line: number;
  readonly field: string | undefined;

  constructor({ line, field, message, cause }: HistoryProblem) {
    super(
      `Cannot read the history: line ${line}${field === undefined ? "" : `, ${field}`}: ${message}`,
      cause === undefined ? {} : { cause },
    );
    this.line = line;
    this.field = field;
  }
}

/** A piece of the file in an error, not longer than a line; of a file that is no text, nothing that moves a terminal's cursor. */
export function quote(text: string): string {
  const shown = text.slice(0, 61).replace(/\p{Cc}/gu, (one) => (one === "\t" ? " " : "\uFFFD"));
  return shown.length > 60 ? `${shown.slice(0, 57)}...` : shown;
}
