/**
 * Where a command's words go: results to standard output, progress and errors to standard error, so that a pipe gets
 * results only. Colour only where a person looks (`NO_COLOR` and `FORCE_COLOR` as everywhere).
 */
import { styleText } from "node:util";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

export interface Stream {
  write(text: string): void;
  /** Whether a person sees it as it appears. */
  readonly interactive: boolean;
  /** Columns; a wide default where there is no terminal, so that nothing is cut in a file. */
  readonly columns: number;
  /** Lines of the screen; as many as one likes where there is no terminal. */
  readonly rows: number;
  paint(style: Style, text: string): string;
}

export interface Terminal {
  readonly out: Stream;
  readonly err: Stream;
}

/** The process's own streams. A reader that goes away (`| head`) ends the process quietly, as pipes are meant to. */
export function processTerminal(): Terminal {
  return { out: streamOf(process.stdout), err: streamOf(process.stderr) };
}

function streamOf(stream: NodeJS.WriteStream): Stream {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });
  return {
    write: (text) => void stream.write(text),
    interactive: stream.isTTY,
    get columns() {
      return stream.isTTY ? stream.columns : Number.POSITIVE_INFINITY;
    },
    get rows() {
      return stream.isTTY ? stream.rows : Number.POSITIVE_INFINITY;
    },
    paint: (style, text) => styleText(style, text, { stream }),
  };
}
