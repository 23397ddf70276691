/**
 * Starts node processes. Each leads a session of its own, so that Ctrl-C reaches `up` alone, which then stops them in
 * order; each writes to its log file, so that it outlives the terminal.
 */
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { isRunning, type ProcessIdentity } from "../../runtime/node/guard/process-identity.ts";
import { compileCacheFolder } from "../folders.ts";
import { identifyProcess } from "./identify-process.ts";

/** Its extension is that of this file: `.ts` in the repository, `.js` in the published package. */
const MAIN = join(import.meta.dirname, "..", `main${extname(import.meta.filename)}`);

/**
 * A node makes little garbage: a young generation of 4 MiB instead of 16 keeps some 15 MB of it out of memory. With 1 MiB a start, which
 * loads a thousand files, collects ten times as often and takes a quarter more CPU time, while the leases of its guests run.
 */
const NODE_JS_FLAGS = ["--max-semi-space-size=4"];

export interface NodeLaunch {
  readonly name: string;
  /** Flags of `blixard node`. */
  readonly flags: readonly string[];
  /** All of its environment; the cluster's secret goes here, never into `flags`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logFile: string;
}

/** The process as soon as it exists. @throws when it cannot be started. */
export async function startNodeProcess(launch: NodeLaunch): Promise<ProcessIdentity> {
  mkdirSync(dirname(launch.logFile), { recursive: true, mode: 0o700 });
  const log = openSync(launch.logFile, "a", 0o600);
  try {
    const child = spawn(process.execPath, [...NODE_JS_FLAGS, MAIN, "node", ...launch.flags], {
      detached: true,
      env: { NODE_COMPILE_CACHE: compileCacheFolder(launch.env), ...launch.env },
      stdio: ["ignore", log, log],
    });
    const { pid } = child;
    // Node.js reports a failed start as an event, and as a missing pid.
    if (pid === undefined) throw await new Promise<Error>((resolve) => child.once("error", resolve));
    child.unref();
    return identifyProcess(pid) ?? { pid, start: "0", boot: "" };
  } finally {
    closeSync(log);
  }
}

/** Does nothing when it has ended. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isRunning(identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** The end of a node's log in words, for a message about a node that did not start: structured lines as text, no stacks. */
export function lastWords(logFile: string, linesMax: number): readonly string[] {
  let text: string;
  try {
    text = readFileSync(logFile, "utf8");
  } catch {
    // It did not get so far as to say anything.
    return [];
  }
  const lines = text.split("\n").filter((line) => line !== "" && !/^\s+at /.test(line));
  return lines.slice(-linesMax).map(messageOf);
}

function messageOf(line: string): string {
  if (!line.startsWith("{")) return line;
  try {
    const { level, msg } = JSON.parse(line) as { readonly level?: string; readonly msg?: string };
    return msg === undefined ? line : `${level ?? "info"}: ${msg}`;
  } catch {
    return line;
  }
}
