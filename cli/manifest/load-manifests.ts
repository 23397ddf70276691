/** What `apply -f PATH` applies: every manifest below a path, or one error that lists every mistake. */
import type { VmManifest } from "../../actors/index.ts";
import { usageError } from "../cli-error.ts";
import { readManifestSources, type SourceOptions } from "./manifest-source.ts";
import { formatMistake, parseManifests, type Mistake } from "./parse-manifests.ts";

/** A file that is no manifest at all can hold thousands; whoever corrects these sees the next. */
const MISTAKES_SHOWN_MAX = 20;

/** @throws CliError with a line for each mistake; nothing of a path is applied when a part of it is wrong. */
export async function loadManifests(path: string, options: SourceOptions): Promise<readonly VmManifest[]> {
  const manifests: VmManifest[] = [];
  const mistakes: Mistake[] = [];
  for (const source of await readManifestSources(path, options)) {
    const parsed = await parseManifests(source);
    if (parsed.ok) manifests.push(...parsed.manifests);
    else mistakes.push(...parsed.mistakes);
  }
  if (mistakes.length > 0) {
    const lines = mistakes.slice(0, MISTAKES_SHOWN_MAX).map((mistake) => `\n${formatMistake(mistake)}`);
    const hidden = mistakes.length - lines.length;
    if (hidden > 0) lines.push(`\nand ${hidden} more`);
    throw usageError(
      `Cannot apply "${path}": ${mistakes.length === 1 ? "1 mistake" : `${mistakes.length} mistakes`}.${lines.join("")}`,
    );
  }
  const names = manifests.map(({ metadata }) => metadata.name);
  const repeated = names.find((name, at) => names.indexOf(name) !== at);
  if (repeated !== undefined) throw usageError(`Cannot apply "${path}": it defines VM "${repeated}" twice.`);
  return manifests;
}
