/**
 * Writes the flake of one VM: the static templates of `nix/vm`, the guest's agent, the data as vm.json, the user's module, the
 * cluster's lock.
 *
 * Nothing is written into Nix code, so nothing has to be escaped. The folder stays tiny and holds nothing but these files: Nix copies
 * and hashes a `path:` flake at every evaluation.
 */
import { createHash } from "node:crypto";
import { globSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { VmJson } from "./vm-json.ts";

/** In the repository and in the package alike: this file is three folders below its root. */
const ROOT = join(import.meta.dirname, "../../../..");
const TEMPLATES = join(ROOT, "nix/vm");
/** The guest builds it, with its own system's compiler. */
const AGENT = join(ROOT, "guest/agent");

export interface FlakeContents {
  readonly vm: VmJson;
  /** Text of module.nix. */
  readonly module: string | undefined;
  /** The cluster's flake.lock. */
  readonly lockFile: string | undefined;
}

export interface FlakeFiles {
  /** By path in the folder. */
  readonly files: ReadonlyMap<string, string>;
  /** Of all of it, hexadecimal. */
  readonly sha256: string;
}

/** What the folder is to hold. @throws when the lock cannot be read. */
export async function flakeFiles({ vm, module, lockFile }: FlakeContents): Promise<FlakeFiles> {
  const files = new Map<string, string>();
  const names = globSync("**/*.{nix,sh}", { cwd: TEMPLATES }).toSorted();
  for (const name of names) files.set(name, await readFile(join(TEMPLATES, name), "utf8"));
  for (const name of globSync("*.{c,h}", { cwd: AGENT }).toSorted()) {
    files.set(`agent/${name}`, await readFile(join(AGENT, name), "utf8"));
  }
  files.set("vm.json", `${JSON.stringify(vm, null, 2)}\n`);
  if (module !== undefined) files.set("module.nix", module);
  if (lockFile !== undefined) files.set("flake.lock", await readLock(lockFile));
  const sha256 = createHash("sha256")
    .update(JSON.stringify([...files]))
    .digest("hex");
  return { files, sha256 };
}

/** Makes `folder` hold exactly these files. A Nix that reads the folder meanwhile would see none of it: one build a VM at a time. */
export async function writeFlakeFolder(folder: string, { files }: FlakeFiles): Promise<void> {
  const temporary = `${folder}.new`;
  await rm(temporary, { recursive: true, force: true });
  for (const [name, content] of files) {
    const path = join(temporary, name);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(path, content, { mode: 0o600 });
  }
  await rm(folder, { recursive: true, force: true });
  await rename(temporary, folder);
}

async function readLock(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new Error(`cannot read the cluster's lock "${path}": ${(error as Error).message}`, { cause: error });
  }
}
