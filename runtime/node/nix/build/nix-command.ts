/**
 * Runs one Nix command to its end, or to its deadline.
 *
 * Nix hears SIGTERM late, seven seconds late in the middle of an evaluation, but ends its builders in good order when it does. So it is
 * asked first and killed soon after, with everything in its process group.
 */
import { spawn } from "node:child_process";
import { findExecutable } from "../../find-executable.ts";
import { LineSplitter } from "../../instances/line-splitter.ts";
import { NixError } from "./nix-error.ts";
import { nixEnvironment, type NixSettings } from "./nix-settings.ts";

export interface NixRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly timedOut: boolean;
}

export interface NixRunOptions {
  readonly timeoutMs: number;
  /** Each line that Nix writes to its standard error. */
  readonly onLine: (line: string) => void;
}

const NIX = "nix";
const WITH_SUBCOMMANDS: ReadonlySet<string> = new Set(["store", "key", "flake"]);
/** From the request to end to the end. */
const GRACE_MS = 2_000;
/** An answer has one line of JSON; past this it is no answer. */
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/** @throws {NixError} `missing`. */
export async function runNix(settings: NixSettings, args: readonly string[], options: NixRunOptions): Promise<NixRun> {
  const nix = await findExecutable(settings.nix ?? NIX);
  if (nix === undefined) {
    const message = `${settings.nix ?? NIX} is not installed: install Nix (on Debian the package nix-bin)`;
    throw new NixError("missing", message);
  }
  // Options of Nix stand behind the verb, of which some have two words.
  const verbs = WITH_SUBCOMMANDS.has(args[0] ?? "") ? 2 : 1;
  // `env` sets variables on top of what is inherited, so this module need not read the environment itself.
  const assignments = Object.entries(nixEnvironment(settings)).map(([name, value]) => `${name}=${value}`);
  const child = spawn(
    "env",
    [...assignments, nix, ...args.slice(0, verbs), ...(settings.args ?? []), ...args.slice(verbs)],
    {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    },
  );
  const signal = (name: NodeJS.Signals): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, name);
    } catch {
      // All of it has ended.
    }
  };
  let timedOut = false;
  let killer: NodeJS.Timeout | undefined;
  const timer = setTimeout(() => {
    timedOut = true;
    signal("SIGTERM");
    killer = setTimeout(() => signal("SIGKILL"), GRACE_MS);
  }, options.timeoutMs);
  const lines = new LineSplitter(options.onLine);
  const output: Buffer[] = [];
  let outputBytes = 0;
  child.stderr.on("data", (chunk: Buffer) => lines.push(chunk));
  child.stdout.on("data", (chunk: Buffer) => {
    outputBytes += chunk.length;
    if (outputBytes <= OUTPUT_BYTES_MAX) output.push(chunk);
    else signal("SIGKILL");
  });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    lines.flush();
    return { code, stdout: Buffer.concat(output).toString("utf8"), timedOut };
  } finally {
    clearTimeout(timer);
    clearTimeout(killer);
    // What a killed Nix may have left of its builders.
    if (timedOut) signal("SIGKILL");
  }
}
