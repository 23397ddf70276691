/** This software's version: that of the package. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Reads the nearest package.json above, which is another one once compiled into `dist/`. */
export function blixardVersion(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const version = versionIn(join(folder, "package.json"));
    if (version !== undefined) return version;
    if (folder === dirname(folder)) throw new Error("Blixard's package.json is missing");
  }
}

function versionIn(file: string): string | undefined {
  try {
    const { name, version } = JSON.parse(readFileSync(file, "utf8")) as {
      readonly name?: string;
      readonly version?: string;
    };
    return name === "blixard" ? version : undefined;
  } catch {
    return undefined;
  }
}
