/**
 * The files that `blixard sim` writes at its end. Shrinking takes minutes, a sweep a night: so whether they can be written is found out before the first run.
 */
import { randomUUID } from "node:crypto";
import { access, constants, open, rm, stat, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { CliContext } from "../cli-context.ts";
import { usageError } from "../cli-error.ts";

/** What of a command line names files. */
export interface FileFlags {
  readonly report?: string;
  readonly record?: string;
  readonly replay?: string;
  readonly shrink?: string | true;
  readonly keep?: string;
  readonly actors?: string;
}

/** As large as the page of a long run. */
const TRIAL_BYTES = 1024 * 1024;

const WORDS: Readonly<Record<string, string>> = {
  EACCES: "you may not write there",
  EPERM: "you may not write there",
  EROFS: "what is there can only be read (EROFS)",
  ENOSPC: "the disk is full (ENOSPC)",
  EDQUOT: "your share of the disk is full (EDQUOT)",
  ENAMETOOLONG: "the name is too long (ENAMETOOLONG)",
};

type Refuse = (why: string, hint?: string) => never;

/** @throws {CliError} when the report or the file of a run could not be written. */
export async function refuseUnwritable({ cwd }: CliContext, flags: FileFlags): Promise<void> {
  for (const option of ["report", "record", "shrink"] as const) {
    // Where nobody names it, the file of a shrunk run is named after its seed, in this folder.
    const name = option === "shrink" && flags[option] === true ? "seed.short.json" : flags[option];
    if (typeof name !== "string") continue;
    const hint = `Name a file that can be written, for example --${option} run.${option === "report" ? "html" : "json"}`;
    const refuse: Refuse = (why, other) => {
      const what = option === "report" ? "a report" : "the run";
      throw usageError(`Cannot write ${what} to "${name}": ${why}`, other ?? hint);
    };
    if (name === "") refuse("it has no name");
    const path = resolve(cwd, name);
    if (option === "report") refuseTaken(path, cwd, flags, refuse);
    await refusePath(path, { isPage: option === "report", refuse });
  }
}

/** Writes the file of a run, and says so. @throws {CliError} when it cannot. */
export async function writeRun(
  { cwd, terminal }: CliContext,
  name: string,
  { text, events }: { readonly text: string; readonly events: number },
): Promise<void> {
  await writeFile(resolve(cwd, name), text).catch((error: NodeJS.ErrnoException) => {
    throw usageError(`Cannot write the run to "${name}": ${error.code ?? error.message}`);
  });
  terminal.err.write(`Wrote ${name}: ${events} events\n`);
}

function refuseTaken(path: string, cwd: string, flags: FileFlags, refuse: Refuse): void {
  for (const other of ["record", "replay", "shrink", "keep", "actors"] as const) {
    const name = flags[other];
    if (typeof name === "string" && resolve(cwd, name) === path) {
      refuse(`--${other} names the same file`, "Give the report a name of its own.");
    }
  }
}

/** A page is a file; a run may also go to a pipe. */
async function refusePath(
  path: string,
  { isPage, refuse }: { readonly isPage: boolean; readonly refuse: Refuse },
): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory() === true) refuse("it is a folder");
  if (isPage && found?.isFile() === false) refuse("it is no file");
  const folder = dirname(path);
  const above = await stat(folder).catch(() => null);
  if (above === null) refuse(`there is no folder ${folder}`);
  if (above?.isDirectory() === false) refuse(`${folder} is no folder`);
  // Whoever waits at the other end of a pipe should not read what is only tried.
  if (found?.isFile() === false) return access(path, constants.W_OK).catch(() => refuse("you may not write there"));
  const why = await whyUnwritable(path, found !== null);
  if (why !== null) refuse(why);
}

/**
 * Why it could not be written, found out by writing: permissions do not say that a disk is full, nor that the kernel makes the files of a folder.
 * Null: it can be. What is there stays as it is.
 */
async function whyUnwritable(path: string, exists: boolean): Promise<string | null> {
  try {
    if (exists) await (await open(path, "r+")).close();
    const trial = `${path}.trial-${randomUUID()}`;
    try {
      await writeFile(trial, new Uint8Array(TRIAL_BYTES), { flag: "wx", flush: true });
    } finally {
      await rm(trial, { force: true });
    }
    return null;
  } catch (error) {
    const { code = "unknown error" } = error as NodeJS.ErrnoException;
    // A file that is there may be written in a folder where none can be made; whether it has room is then not known.
    if (exists && (code === "EACCES" || code === "EPERM")) {
      return access(path, constants.W_OK).then(
        () => null,
        () => WORDS["EACCES"] ?? null,
      );
    }
    return WORDS[code] ?? `no file can be made there (${code})`;
  }
}
