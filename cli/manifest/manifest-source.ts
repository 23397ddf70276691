/** Finds the manifest files that `apply -f` means: one file, a folder's files in the order of their names, or `-`. */
import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { readAtMost } from "../read-at-most.ts";

export interface ManifestSource {
  /** As the user wrote it, for messages. */
  readonly file: string;
  /** Absolute; what `contentFrom` is relative to. */
  readonly folder: string;
  readonly text: string;
}

const EXTENSIONS = [".yaml", ".yml", ".json"];

/** More than any manifest needs: the content of files has to fit into one request. */
const SIZE_BYTES_MAX = 8 * 1024 * 1024;

export interface SourceOptions {
  /** What relative paths start from. */
  readonly cwd: string;
  /** Reads all of standard input, for `-`. */
  readonly readStdin: (charsMax?: number) => Promise<string>;
  /** What is done with them, and what each is, for errors: "Cannot run …: … no scenario". Default: apply, manifest. */
  readonly words?: { readonly verb: string; readonly noun: string };
  /** Of one file. Default: 8 MiB. */
  readonly sizeBytesMax?: number;
}

/** @throws CliError when there is nothing to read. */
export async function readManifestSources(path: string, options: SourceOptions): Promise<readonly ManifestSource[]> {
  const { verb, noun } = options.words ?? { verb: "apply", noun: "manifest" };
  const reading: Reading = { verb, sizeBytesMax: options.sizeBytesMax ?? SIZE_BYTES_MAX };
  if (path === "-") {
    const text = await options.readStdin(reading.sizeBytesMax);
    refuseLarge("<stdin>", Buffer.byteLength(text), reading);
    return [{ file: "<stdin>", folder: options.cwd, text }];
  }
  const absolute = resolve(options.cwd, path);
  const found = await statOf(path, absolute, verb);
  // What the shell makes of <(command): it ends, unlike a pipe that merely lies in a folder.
  if (found.isFIFO()) {
    const text = await readAtMost(createReadStream(absolute, "utf8"), reading.sizeBytesMax);
    refuseLarge(path, Buffer.byteLength(text), reading);
    return [{ file: path, folder: options.cwd, text }];
  }
  if (!found.isDirectory()) return [await readSource(path, absolute, reading)];
  const names = (await readdir(absolute)).filter((name) => EXTENSIONS.some((extension) => name.endsWith(extension)));
  if (names.length === 0) {
    throw usageError(
      `Cannot ${verb} "${path}": the folder holds no ${noun}.`,
      `${noun.charAt(0).toUpperCase()}${noun.slice(1)}s end in ${EXTENSIONS.join(", ")}.`,
    );
  }
  return Promise.all(names.toSorted().map((name) => readSource(join(path, name), join(absolute, name), reading)));
}

interface Reading {
  readonly verb: string;
  readonly sizeBytesMax: number;
}

function refuseLarge(file: string, sizeBytes: number, { verb, sizeBytesMax }: Reading): void {
  if (sizeBytes <= sizeBytesMax) return;
  throw usageError(`Cannot ${verb} "${file}": ${sizeBytes} bytes, at most ${sizeBytesMax} are read.`);
}

async function readSource(file: string, absolute: string, reading: Reading): Promise<ManifestSource> {
  const { verb } = reading;
  const found = await statOf(file, absolute, verb);
  if (!found.isFile()) throw usageError(`Cannot ${verb} "${file}": it is neither a file nor a folder.`);
  refuseLarge(file, Number(found.size), reading);
  return { file, folder: dirname(absolute), text: await readText(file, absolute, verb) };
}

async function readText(file: string, absolute: string, verb: string): Promise<string> {
  return readFile(absolute, "utf8").catch((error: unknown) => refuse(file, verb, error));
}

async function statOf(path: string, absolute: string, verb: string): ReturnType<typeof stat> {
  return stat(absolute).catch((error: unknown) => refuse(path, verb, error));
}

function refuse(path: string, verb: string, error: unknown): never {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT")
    throw new CliError(EXIT.usage, `Cannot ${verb} "${path}": there is no such file or folder.`, { cause: error });
  throw new CliError(EXIT.usage, `Cannot ${verb} "${path}": it cannot be read (${code ?? "unknown error"}).`, {
    cause: error,
  });
}
