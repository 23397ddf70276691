/**
 * Finds kernel modules and the order to load them in.
 *
 * A kernel package that was only unpacked has no modules.dep (depmod writes that on installation), so the order comes
 * from where depmod takes it too: the `depends=` line inside each module.
 */
import { readFile, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { unpackModule } from "./unpack-kernel.ts";

export interface KernelModule {
  readonly name: string;
  readonly content: Buffer;
}

/** `wanted` and all they need, each after what it needs. @throws when one is missing. */
export async function loadModules(from: {
  readonly modulesDir: string;
  readonly wanted: readonly string[];
  readonly busybox: string;
}): Promise<readonly KernelModule[]> {
  const paths = new Map<string, string>();
  for (const path of await readdir(from.modulesDir, { recursive: true })) {
    const name = /^(.+)\.ko(\.\w+)?$/.exec(basename(path))?.[1];
    if (name !== undefined) paths.set(canonical(name), join(from.modulesDir, path));
  }
  const ordered: KernelModule[] = [];
  const seen = new Set<string>();
  const visit = async (name: string, neededBy: string): Promise<void> => {
    if (seen.has(name)) return;
    seen.add(name);
    const path = paths.get(name);
    if (path === undefined) {
      throw new Error(
        `Cannot build the guest image: kernel module "${name}", needed by ${neededBy}, is not in ${from.modulesDir}`,
      );
    }
    const content = await unpackModule(await readFile(path), path, from.busybox);
    for (const dependency of dependencies(content)) await visit(dependency, name);
    ordered.push({ name, content });
  };
  for (const name of from.wanted) await visit(canonical(name), "the image");
  return ordered;
}

/** Module names use `_`; their files may use `-`. */
function canonical(name: string): string {
  return name.replaceAll("-", "_");
}

function dependencies(module: Buffer): readonly string[] {
  const marker = Buffer.from("\0depends=");
  const at = module.indexOf(marker);
  if (at < 0) return [];
  const start = at + marker.length;
  const list = module.toString("latin1", start, module.indexOf(0, start));
  return list === "" ? [] : list.split(",").map(canonical);
}
