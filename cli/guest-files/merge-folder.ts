/**
 * Puts a folder that has come whole in its place: by one rename where nothing is there, and otherwise as `cp -r` does, into what is there. Files and links of the
 * same name are replaced, a link that stands there itself and not what it points to; other files stay. Nothing is moved where a file would replace a folder
 * or a folder a file.
 */
import { chmod, lstat, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { usageError } from "../cli-error.ts";

/** `modes`: by path in the folder, what those get that are made. @throws {CliError} */
export async function mergeFolder(from: string, to: string, modes: ReadonlyMap<string, number>): Promise<void> {
  const moves: string[] = [];
  await plan(from, to, "", moves);
  for (const path of moves) await rename(join(from, path), join(to, path));
  const made = new Set(moves);
  const isNew = (path: string): boolean =>
    made.has("") || path.split("/").some((_, at, parts) => made.has(parts.slice(0, at + 1).join("/")));
  // Those within first: one that cannot be entered ends the way.
  for (const [path, mode] of [...modes].toReversed()) if (isNew(path)) await chmod(join(to, path), mode);
}

async function plan(from: string, to: string, path: string, moves: string[]): Promise<void> {
  const [new_, old] = await Promise.all([isFolder(join(from, path)), isFolder(join(to, path))]);
  if (old === null || (!old && new_ === false)) {
    moves.push(path);
    return;
  }
  if (old !== new_) {
    const [is, comes] = old ? ["folder", "file"] : ["file", "folder"];
    throw usageError(`Cannot copy to "${join(to, path)}": it is a ${is}, and a ${comes} of that name comes.`);
  }
  for (const name of await readdir(join(from, path)))
    await plan(from, to, path === "" ? name : `${path}/${name}`, moves);
}

/** Null: there is nothing. A link is no folder. */
async function isFolder(path: string): Promise<boolean | null> {
  return lstat(path).then(
    (found) => found.isDirectory(),
    () => null,
  );
}
