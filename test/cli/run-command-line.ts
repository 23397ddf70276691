/** Runs a command line as `main.ts` would, against a fake cluster, and keeps what it printed. */
import type { ByteStreams } from "../../cli/byte-streams.ts";
import type { TerminalSize } from "../../runtime/index.ts";
import type { CliContext } from "../../cli/cli-context.ts";
import { runCli } from "../../cli/run-cli.ts";
import type { Stream } from "../../cli/terminal.ts";
import type { FakeCluster } from "./fake-cluster.ts";

export interface Ran {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly cluster?: FakeCluster;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: string;
  readonly nowMs?: number;
  /** What a person says to questions. Default: there is nobody. */
  readonly answers?: readonly string[];
  /** Aborted: somebody has pressed Ctrl-C. Default: nobody does. */
  readonly interrupt?: AbortSignal;
  /** Standard input and output of what passes them through. Default: no input, output kept with the rest. */
  readonly bytes?: ByteStreams;
  /** Standard output is a terminal of 80 by 12. Default: false. */
  readonly interactive?: boolean;
}

/** Where nobody listens: a test that forgot its cluster must not find one of the machine's. */
const NOBODY = "http://127.0.0.1:1";

export async function runCommandLine(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { context, out, err } = contextOf(options);
  const exitCode = await runCli(args, context);
  return { exitCode, out: out.text, err: err.text };
}

interface Around {
  readonly context: CliContext;
  readonly out: KeptStream;
  readonly err: KeptStream;
}

/** What `main.ts` gives to commands, made of the options. */
export function contextOf(options: RunOptions = {}): Around {
  const answers = options.answers?.slice();
  const { cluster, env = { BLIXARD_SERVER: NOBODY }, cwd = "/", stdin = "", nowMs = 60_000, interrupt } = options;
  const [out, err] = [new KeptStream(options.interactive), new KeptStream()];
  const bytes = options.bytes ?? new KeptBytes(out, err);
  const context: CliContext = {
    env,
    cwd,
    terminal: { out, err },
    now: () => nowMs,
    askUser:
      answers === undefined
        ? null
        : async (question) => {
            err.write(question);
            return answers.shift() ?? "";
          },
    openBytes: () => bytes,
    readStdin: async () => stdin,
    takeInterrupts: () => ({
      first: interrupt ?? new AbortController().signal,
      second: new AbortController().signal,
      [Symbol.dispose]: () => undefined,
    }),
    connect: (urls) => {
      if (cluster === undefined) throw new Error("this test has no cluster");
      return cluster.connect(urls);
    },
  };
  return { context, out, err };
}

/** Bytes of a session: what it is given as input, what it wrote. */
export class KeptBytes implements ByteStreams {
  readonly who: string = "test@here";
  readonly isTerminal: boolean;
  isRaw = false;
  released = false;
  input: (bytes: Uint8Array | null) => void = () => undefined;
  readonly #to: { readonly out: Stream; readonly err: Stream };

  constructor(out: Stream, err: Stream, isTerminal = false) {
    this.#to = { out, err };
    this.isTerminal = isTerminal;
  }

  size(): TerminalSize | undefined {
    return this.isTerminal ? { columns: 90, rows: 30 } : undefined;
  }

  makeRaw(): void {
    this.isRaw = true;
  }

  listen(onInput: (bytes: Uint8Array | null) => void): void {
    this.input = onInput;
  }

  hold(): void {}
  onResize(): void {}

  write(channel: "out" | "err", bytes: Uint8Array, done: () => void): void {
    this.#to[channel].write(Buffer.from(bytes).toString());
    setImmediate(done);
  }

  release(): void {
    this.isRaw = false;
    this.released = true;
  }
}

/** A stream that is not a terminal. */
export class KeptStream implements Stream {
  text = "";
  readonly interactive: boolean;
  readonly columns = 80;
  readonly rows = 12;

  constructor(interactive = false) {
    this.interactive = interactive;
  }

  write(text: string): void {
    this.text += text;
  }

  paint(_: string, text: string): string {
    return text;
  }
}
