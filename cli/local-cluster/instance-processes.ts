/**
 * The instances that a node left in its data folder, found without asking the node: by the files of their guards
 * (`runtime/node/guard/`). For stopping what a crashed cluster left, and for checking that nothing was left.
 */
import { readdirSync, type Dirent } from "node:fs";
import { basename, join } from "node:path";
import { anythingRuns, killInstance, readGuard, type GuardState } from "../../runtime/node/guard/guard.ts";

export interface FoundInstance {
  readonly instance: string;
  readonly folder: string;
  readonly state: GuardState;
}

/** `DATA/…/instances/ID/guard`: guards are not looked for deeper than this. */
const DEPTH_MAX = 4;

/** Every instance below `dataDir` of which something runs, its guard included. */
export function runningInstances(dataDir: string): readonly FoundInstance[] {
  return instanceFolders(dataDir, DEPTH_MAX)
    .map((folder) => ({ instance: basename(folder), folder, state: readGuard(folder) }))
    .filter(({ state }) => anythingRuns(state));
}

/** Ends them at once. Their guards notice, write how they ended, and end too. */
export function killInstances(instances: readonly FoundInstance[]): void {
  for (const { state } of instances) killInstance(state);
}

function instanceFolders(folder: string, depth: number): readonly string[] {
  const folders = entriesOf(folder).filter((entry) => entry.isDirectory());
  if (folders.some(({ name }) => name === "guard")) return [folder];
  return depth === 0 ? [] : folders.flatMap(({ name }) => instanceFolders(join(folder, name), depth - 1));
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // Instances end, and their folders go, while we look.
    return [];
  }
}
