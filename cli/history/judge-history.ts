/** Reads a history out of a file or standard input, line by line, and judges it within the time that is given. */
import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import type {
  HistoryClock,
  HistoryFormat,
  HistoryModelName,
  HistoryVerdict,
  Model,
  ReadHistory,
} from "../../sim/index.ts";
import type { CliContext } from "../cli-context.ts";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";

export interface JudgeOptions {
  readonly model: HistoryModelName;
  readonly format?: HistoryFormat;
  /** Of one key. */
  readonly states: number;
  /** Milliseconds for all of it. */
  readonly timeout: number;
}

export interface JudgedHistory {
  readonly model: Model<unknown, unknown, unknown>;
  readonly format: HistoryFormat | null;
  readonly clock: HistoryClock;
  readonly verdict: HistoryVerdict<unknown, unknown, unknown>;
  /** Milliseconds of judging it. */
  readonly elapsedMs: number;
}

/** @throws CliError where there is no history. */
export async function judgeHistory(context: CliContext, file: string, options: JudgeOptions): Promise<JudgedHistory> {
  const { checkHistory, HISTORY_MODELS } = await import("../../sim/index.ts");
  const { model } = HISTORY_MODELS[options.model];
  const { operations, clock, format } = await read(context, file, options);
  if (operations.length === 0) {
    throw usageError(
      `Cannot check "${file}": it holds no operation of a client.`,
      'See "blixard sim check-history --help" for what is read.',
    );
  }
  const startMs = context.now();
  const isOver = (): boolean => context.now() - startMs > options.timeout;
  const verdict = checkHistory(model, operations, { statesMax: options.states, isOver, clock });
  return { model, format, clock, verdict, elapsedMs: context.now() - startMs };
}

async function read(
  { cwd, readStdin }: CliContext,
  file: string,
  { model, format }: JudgeOptions,
): Promise<ReadHistory<unknown, unknown>> {
  const { HISTORY_MODELS, HistoryError, HistoryReader } = await import("../../sim/index.ts");
  const reader = new HistoryReader(HISTORY_MODELS[model].reader, format ?? null);
  try {
    if (file === "-") for (const line of (await readStdin()).split(/\r?\n/)) reader.line(line);
    else for await (const line of linesOf(resolve(cwd, file))) reader.line(line);
    return reader.end();
  } catch (cause) {
    if (cause instanceof HistoryError) {
      const rest = cause.message.replace("Cannot read the history: ", "");
      throw new CliError(EXIT.usage, `Cannot check "${file}": ${rest}.`, { cause });
    }
    const { code } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause;
    const why =
      code === "ENOENT"
        ? "there is no such file"
        : code === "EISDIR"
          ? "it is a folder"
          : `it cannot be read (${code})`;
    throw new CliError(EXIT.usage, `Cannot check "${file}": ${why}.`, { cause });
  }
}

/** Of a file of any size only a line at a time is held. */
async function* linesOf(path: string): AsyncGenerator<string> {
  const input = createReadStream(path, "utf8");
  // An interface alone would wait for ever for a file that cannot be opened.
  await new Promise<void>((opened, failed) => {
    input.once("open", () => opened());
    input.once("error", failed);
  });
  yield* createInterface({ input, crlfDelay: Infinity });
}
