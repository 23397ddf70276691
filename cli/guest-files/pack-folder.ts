/** A folder of this host as a tar archive, piece by piece: modes and times are kept, links stay links, whatever they point to. */
import { constants, lstat, open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { ARCHIVE_END, encodeHead, padding, type TarEntry } from "./tar-header.ts";

/** Small files travel together. */
const PIECE = 65_536;

export interface PackedFolder {
  readonly entries: readonly TarEntry[];
  readonly files: number;
  readonly sizeBytes: number;
  /** @throws {CliError} when a file is not there any more, or became shorter. */
  readonly archive: () => AsyncGenerator<Uint8Array, void>;
}

/** Looks at all that is in it; in the archive it has the name `name`. @throws {CliError} for what cannot travel, before anything does. */
export async function packFolder(folder: string, name: string): Promise<PackedFolder> {
  const entries: TarEntry[] = [];
  await look(folder, name, entries);
  const files = entries.filter(({ kind }) => kind === "file");
  return {
    entries,
    files: files.length,
    sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    archive: () => inPieces(archiveOf(folder, name, entries)),
  };
}

async function look(at: string, path: string, entries: TarEntry[]): Promise<void> {
  try {
    const found = await lstat(at);
    const about = {
      path,
      mode: found.mode & 0o7777,
      mtimeS: Math.floor(found.mtimeMs / 1000),
      sizeBytes: 0,
      target: "",
    };
    if (found.isDirectory()) {
      entries.push({ ...about, kind: "folder" });
      for (const name of (await readdir(at)).toSorted()) await look(join(at, name), `${path}/${name}`, entries);
    } else if (found.isFile()) entries.push({ ...about, kind: "file", sizeBytes: found.size });
    else if (found.isSymbolicLink()) entries.push({ ...about, kind: "symlink", target: await readlink(at) });
    else
      throw usageError(`Cannot copy "${at}": it is neither file, folder nor link.`, "Leave it out, or copy the rest.");
  } catch (error) {
    if (error instanceof CliError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw usageError(`Cannot copy "${at}": it cannot be read (${code ?? message}).`);
  }
}

async function* archiveOf(
  folder: string,
  name: string,
  entries: readonly TarEntry[],
): AsyncGenerator<Uint8Array, void> {
  for (const entry of entries) {
    yield encodeHead(entry);
    if (entry.kind !== "file") continue;
    yield* bytesOf(join(folder, entry.path.slice(name.length)), entry.sizeBytes);
    yield padding(entry.sizeBytes);
  }
  yield ARCHIVE_END;
}

async function* inPieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of source) {
    parts.push(part);
    sizeBytes += part.length;
    if (sizeBytes < PIECE) continue;
    yield Buffer.concat(parts);
    [parts, sizeBytes] = [[], 0];
  }
  yield Buffer.concat(parts);
}

/** So many, as the head says: one that grows meanwhile is cut. */
async function* bytesOf(path: string, sizeBytes: number): AsyncGenerator<Uint8Array, void> {
  const cannot = (why: string): CliError => new CliError(EXIT.failed, `Cannot copy "${path}": ${why}.`);
  // Not through a link, and not for ever from a pipe, that took the file's place.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    ({ code, message }: NodeJS.ErrnoException) => {
      throw cannot(`it cannot be read (${code ?? message})`);
    },
  );
  try {
    for (let done = 0; done < sizeBytes;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(PIECE, sizeBytes - done)), 0, null, done);
      if (bytesRead === 0) throw cannot("it became shorter while it was read");
      done += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
