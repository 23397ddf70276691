/**
 * Loads the software of another folder as an edition: a checkout of Blixard, what `npm run build` has made of one, or an installed package.
 *
 * Its modules stand beside ours in this process, under their own URLs, with their own classes. From them are taken the kernel, the actors of a node, the
 * codec of the log and what the handshake says of the wire.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type * as ActorsExports from "../../actors/index.ts";
import type * as RuntimeExports from "../../runtime/index.ts";
import type { Edition } from "../cluster/edition.ts";
import type { UpgradeEditions } from "../load/rolling-upgrade.ts";
import type { RunOptions } from "../run/run-result.ts";

/** A folder holds no software that nodes could be upgraded from. */
export class EditionError extends Error {
  override readonly name = "EditionError";
}

/** Where the modules of a checkout, a build and a package lie. */
const LAYOUTS = [
  { folder: "", extension: "ts" },
  { folder: "", extension: "js" },
  { folder: "dist/package", extension: "js" },
  { folder: "dist", extension: "js" },
] as const;

/** What must be there, and what it must export. */
const MODULES = {
  runtime: ["ActorSystem", "Ref"],
  actors: ["spawnMember", "brokenRules"],
  transport: ["PROTOCOL_VERSIONS"],
  "transport/node": ["msgpackPayloadCodec"],
} as const;

type RuntimeModule = typeof RuntimeExports;
type ActorsModule = typeof ActorsExports;
type Exports = Readonly<Record<string, unknown>>;

/** This software: its source folder, or its package. */
const OURS = fileURLToPath(new URL("../..", import.meta.url));

/**
 * What a rolling upgrade from the software in `folder` to this one needs.
 * @throws {EditionError} when there is none, it lacks something, or speaks no wire version that this one speaks.
 */
async function loadUpgrade(folder: string): Promise<UpgradeEditions> {
  const [from, to] = await Promise.all([loadEdition(folder), loadEdition(OURS)]);
  if (from.wire.max < to.wire.min || to.wire.max < from.wire.min) {
    const told = [from, to].map(({ wire }) => `${wire.min} to ${wire.max}`);
    throw new EditionError(
      `Cannot upgrade from ${folder}: it speaks wire versions ${told[0]}, this software ${told[1]}; no node of one would hear one of the other`,
    );
  }
  return { from, to };
}

/** A run that can be run: with what it is upgraded from and to. @throws {EditionError} as `loadUpgrade`. */
export async function withEditions(run: RunOptions): Promise<RunOptions> {
  return run.upgradeFrom === undefined ? run : { ...run, editions: await loadUpgrade(run.upgradeFrom) };
}

async function loadEdition(folder: string): Promise<Edition> {
  const layout = LAYOUTS.find((one) => existsSync(pathOf(folder, one, "actors")));
  if (layout === undefined) {
    throw new EditionError(
      `Cannot upgrade from ${folder}: it is no checkout, build or package of Blixard; there is no actors/index.ts or .js in it`,
    );
  }
  const load = async (name: keyof typeof MODULES): Promise<Exports> => loadModule(folder, layout, name);
  const [runtime, actors, transport, codec] = await Promise.all([
    load("runtime"),
    load("actors"),
    load("transport"),
    load("transport/node"),
  ]);
  const { ActorSystem, Ref } = runtime as unknown as RuntimeModule;
  const { spawnMember, brokenRules } = actors as unknown as ActorsModule;
  return {
    name: folder,
    createSystem: (options) => ActorSystem.create(options),
    spawnMember,
    brokenRules,
    codec: codec["msgpackPayloadCodec"] as Edition["codec"],
    isRef: folder === OURS ? null : (value): value is InstanceType<typeof Ref> => value instanceof Ref,
    wire: transport["PROTOCOL_VERSIONS"] as Edition["wire"],
  };
}

async function loadModule(
  folder: string,
  layout: (typeof LAYOUTS)[number],
  name: keyof typeof MODULES,
): Promise<Exports> {
  const path = pathOf(folder, layout, name);
  const refuse = (why: string, cause?: unknown): never => {
    throw new EditionError(`Cannot upgrade from ${folder}: ${why}`, { cause });
  };
  if (!existsSync(path)) return refuse(`there is no ${path}`);
  let loaded: Exports;
  try {
    loaded = (await import(pathToFileURL(path).href)) as Exports;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return refuse(`${path} cannot be loaded, ${why}. Does it have its node_modules?`, error);
  }
  const lacking = MODULES[name].find((one) => loaded[one] === undefined);
  return lacking === undefined ? loaded : refuse(`${path} has no ${lacking}; it is of another time`);
}

function pathOf(root: string, { folder, extension }: (typeof LAYOUTS)[number], name: string): string {
  return join(root, folder, name, `index.${extension}`);
}
