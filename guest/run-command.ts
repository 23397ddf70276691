/** Runs one program to its end and says what went wrong in words that a user can act on. */
import { execFile } from "node:child_process";

/** Enough for any output we read; past it the command fails by name. */
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

export interface CommandOptions {
  readonly cwd?: string;
  /** Added to the inherited environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: no limit. */
  readonly timeoutMs?: number;
}

/** What a program that ended with 0 wrote to its standard output. */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Buffer> {
  // `env` sets variables on top of what is inherited, so this module need not read the environment itself.
  const assignments = Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`);
  const [file, argv] = assignments.length === 0 ? [program, [...args]] : ["env", [...assignments, program, ...args]];
  return new Promise((resolve, reject) => {
    execFile(
      file,
      argv,
      { cwd: options.cwd, timeout: options.timeoutMs ?? 0, maxBuffer: OUTPUT_BYTES_MAX, encoding: "buffer" },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        const said = stderr.toString("utf8").trim().split("\n").slice(-3).join(" | ");
        reject(new Error(`"${program} ${args.join(" ")}" failed: ${said || error.message}`, { cause: error }));
      },
    );
  });
}
