/**
 * Which software lies in a folder: its name, its version, and a hash over its sources. What a run was upgraded from is known by a path, and a
 * checkout under the same path is other software tomorrow.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface TreePrint {
  readonly name: string;
  readonly version: string;
  /** SHA-256 over the modules that a node is made of, by their paths; 16 hexadecimal digits. */
  readonly sources: string;
}

/** What nodes are made of, wherever it lies in the folder (`load-edition.ts`). */
const PARTS = ["runtime", "actors", "transport"] as const;
const ROOTS = ["", "dist/package", "dist"] as const;

const DIGITS = 16;

/** @throws {Error} when the folder cannot be read. */
export function printTree(folder: string): TreePrint {
  const hash = createHash("sha256");
  for (const root of ROOTS) {
    for (const part of PARTS) {
      for (const path of modulesIn(join(folder, root, part))) {
        hash.update(`${join(root, part, path)}\n`).update(readFileSync(join(folder, root, part, path)));
      }
    }
  }
  const { name, version } = manifestIn(folder);
  return { name, version, sources: hash.digest("hex").slice(0, DIGITS) };
}

/** Whether a file holds one; those of earlier versions do not. */
export function isPrint(value: unknown): value is TreePrint {
  if (typeof value !== "object" || value === null) return false;
  const { name, version, sources } = value as Partial<Record<keyof TreePrint, unknown>>;
  return [name, version, sources].every((text) => typeof text === "string");
}

/** "blixard 0.1.0 (sources 0123456789abcdef)". */
export function describePrint({ name, version, sources }: TreePrint): string {
  return `${name} ${version} (sources ${sources})`;
}

function modulesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((path) => /\.(?:ts|js)$/u.test(path) && !path.endsWith(".d.ts") && !path.includes("node_modules"))
      .toSorted();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function manifestIn(folder: string): Pick<TreePrint, "name" | "version"> {
  try {
    const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Partial<TreePrint>;
    return { name: String(name), version: String(version) };
  } catch {
    return { name: "software", version: "of no version" };
  }
}
