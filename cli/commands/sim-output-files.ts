/**
 * The files that `blixard sim` writes at its end. Shrinking takes minutes, a sweep a night: so whether they can be written is found out before the first run.
 */
import { access, constants, stat, writeFile } from "node:fs/promises";
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

type Refuse = (why: string, hint?: string) => never;

/** @throws {CliError} when the report or the file of a run could not be written. */
export async function refuseUnwritable({ cwd }: CliContext, flags: FileFlags): Promise<void> {
  for (const option of ["report", "record", "shrink"] as const) {
    const name = flags[option];
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
  await access(found === null ? folder : path, constants.W_OK).catch(() => refuse("you may not write there"));
}
