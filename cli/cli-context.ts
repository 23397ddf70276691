/** What commands get from outside: `main.ts` gives the real things, tests give others. */
import type { ApiClient } from "../api/index.ts";
import type { ByteStreams } from "./byte-streams.ts";
import type { Interrupts } from "./interrupts.ts";
import type { Terminal } from "./terminal.ts";

export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly terminal: Terminal;
  /** Wall clock, in milliseconds since the epoch. */
  readonly now: () => number;
  /** All of standard input, or so much of it that it is more than `charsMax`. Default: however much there is. */
  readonly readStdin: (charsMax?: number) => Promise<string>;
  /** Standard input and output as bytes. */
  readonly openBytes: () => ByteStreams;
  /** Puts a question on the terminal and reads a line; null where nobody can answer. */
  readonly askUser: ((question: string) => Promise<string>) | null;
  /** From now on Ctrl-C only asks, until the result is disposed of. */
  readonly takeInterrupts: () => Interrupts & Disposable;
  /** A client of the cluster at these URLs, which are tried in turn. */
  readonly connect: (servers: readonly string[]) => ApiClient;
}
