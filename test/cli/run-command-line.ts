/** Runs a command line as `main.ts` would, against a fake cluster, and keeps what it printed. */
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
}

/** Where nobody listens: a test that forgot its cluster must not find one of the machine's. */
const NOBODY = "http://127.0.0.1:1";

export async function runCommandLine(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const answers = options.answers?.slice();
  const { cluster, env = { BLIXARD_SERVER: NOBODY }, cwd = "/", stdin = "", nowMs = 60_000, interrupt } = options;
  const [out, err] = [new KeptStream(), new KeptStream()];
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
  const exitCode = await runCli(args, context);
  return { exitCode, out: out.text, err: err.text };
}

/** A stream that is not a terminal. */
export class KeptStream implements Stream {
  text = "";
  readonly interactive: boolean;
  readonly columns = 80;

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
