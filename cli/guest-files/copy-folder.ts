/**
 * A folder with all that is in it to a VM's guest or from it, as an archive that the guest's `tar` unpacks or packs: every guest but the barest has one, and the
 * agent's protocol stays as it is. This side's tar is our own, so hosts need none, and nothing of what a guest sends is believed (`unpack-folder.ts`).
 */
import { mkdir, realpath, rm } from "node:fs/promises";
import { basename, posix } from "node:path";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { formatBytes } from "../output/size.ts";
import { partOf, placeIn, type GuestPath } from "./copy-file.ts";
import { mergeFolder } from "./merge-folder.ts";
import { packFolder } from "./pack-folder.ts";
import { runInGuest, type GuestCommandEnd, type OpenInGuest } from "./run-in-guest.ts";
import { TarReader, TarRefusal } from "./tar-reader.ts";
import { FolderUnpacker } from "./unpack-folder.ts";

/** Returns what there is to say of it. A path that ends in "/" is a folder it goes into, any other is what it is called there. @throws {CliError} */
export async function copyFolderIn(
  open: OpenInGuest,
  from: string,
  { vm, path }: GuestPath,
  signal: AbortSignal,
): Promise<string> {
  const to = posix.normalize(path.endsWith("/") ? `${path}${basename(from)}` : path);
  const name = posix.basename(to);
  const packed = await packFolder(await realpath(from), `./${name}`);
  // Without the words behind "-", which not every tar takes.
  const command = ["tar", "-x", "-p", "-f", "-", "-C", posix.dirname(to)];
  const ran = await runInGuest(open, { command, input: packed.archive(), signal });
  refuseFailed(ran, `Cannot copy "${from}" to vm/${vm}:${to}`, "The folder that it goes into has to be there.");
  return `vm/${vm}:${to} written, ${summary(packed)}`;
}

/** Returns what there is to say of it. `to`: as of a file. @throws {CliError} */
export async function copyFolderOut(
  open: OpenInGuest,
  { vm, path }: GuestPath,
  to: string,
  signal: AbortSignal,
): Promise<string> {
  const cannot = `Cannot copy vm/${vm}:${path}`;
  if (path === "/")
    throw usageError(`${cannot}: that is all of the guest, with /proc and /sys.`, "Name a folder of it.");
  const target = await placeIn(to, path);
  const part = partOf(target);
  await mkdir(part, 0o700).catch((error: NodeJS.ErrnoException) => {
    throw usageError(`Cannot copy to "${target}": it cannot be written (${error.code ?? error.message}).`);
  });
  const unpacker = new FolderUnpacker(part);
  try {
    const reader = new TarReader(unpacker);
    const command = ["tar", "-c", "-f", "-", "-C", path, "."];
    const ran = await runInGuest(open, { command, output: async (bytes) => reader.read(bytes), signal });
    refuseFailed(ran, cannot);
    reader.end();
    await mergeFolder(part, target, unpacker.folderModes);
    return `${target} written, ${summary(unpacker)}`;
  } catch (error) {
    if (error instanceof TarRefusal) {
      const hint = `As it is, into an archive: blixard vm exec ${vm} -- tar -c -C ${path} . >FILE.tar`;
      throw new CliError(EXIT.failed, `${cannot}: ${error.message}.`, { hint });
    }
    const { code } = error as NodeJS.ErrnoException;
    if (!(error instanceof Error) || error instanceof CliError || code === undefined || !/^E[A-Z]+$/.test(code))
      throw error;
    throw new CliError(EXIT.failed, `Cannot copy to "${target}": ${error.message}.`, { cause: error });
  } finally {
    await unpacker.close();
    await rm(part, { recursive: true, force: true });
  }
}

function summary({ files, sizeBytes }: { readonly files: number; readonly sizeBytes: number }): string {
  return `${files} ${files === 1 ? "file" : "files"}, ${formatBytes(sizeBytes)}`;
}

/** @throws {CliError} */
function refuseFailed({ end, said }: GuestCommandEnd, cannot: string, hint?: string): void {
  if (end.ok && end.type === "exited" && end.code === 0) return;
  if (!end.ok && end.code === "cancelled") throw new CliError(EXIT.interrupted, `${cannot}: it was interrupted.`);
  if (!end.ok && end.code === "not-found" && end.message.includes("cannot run the command")) {
    throw new CliError(EXIT.failed, `${cannot}: the guest has no "tar", which folders travel by.`, {
      hint: "Single files need nothing but the agent: blixard vm cp FILE VM:PATH",
    });
  }
  if (!end.ok) throw new CliError(EXIT.failed, `${end.message}.`);
  const how = end.type === "killed" ? `was killed by signal ${end.signal}` : "failed";
  const why = said === "" ? "" : `: ${said.replace(/\.$/, "")}`;
  const isMissing = hint !== undefined && /no such file/i.test(said);
  throw new CliError(EXIT.failed, `${cannot}: the guest's tar ${how}${why}.`, isMissing ? { hint } : {});
}
