/**
 * The API of each entry point as a model: API Extractor reads the declarations of the built package (it brings the
 * TypeScript that it needs; TypeScript 7 has no compiler API) and writes what it found as JSON. docs/decisions/0016-package.md.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const REPOSITORY = join(import.meta.dirname, "..", "..");
const CACHE = join(REPOSITORY, ".cache", "api-model");

/** One export, or one member of it. */
export interface ApiItem {
  readonly kind: string;
  readonly name: string;
  /** Absent for a constructor of an interface and the like. */
  readonly docComment?: string;
  readonly excerptTokens?: readonly { readonly text: string }[];
  readonly members?: readonly ApiItem[];
}

export interface ApiEntry {
  /** What a user imports: `blixard`, `blixard/sim`, … */
  readonly specifier: string;
  readonly items: readonly ApiItem[];
  /** Types that an exported declaration mentions, and that nobody can import. */
  readonly unreachable: readonly string[];
}

export const ENTRY_NAMES: readonly string[] = ["index", "raft", "sim", "testkit"];

/** Builds the package and reads the API of all its entry points. @throws when either fails. */
export function readApi(): readonly ApiEntry[] {
  run(process.execPath, [join(REPOSITORY, "library", "build-package.ts")]);
  mkdirSync(CACHE, { recursive: true });
  return ENTRY_NAMES.map(readEntry);
}

function readEntry(name: string): ApiEntry {
  const declarations = join(REPOSITORY, "dist", "package", "library", `${name}.d.ts`);
  const model = join(CACHE, `${name}.api.json`);
  const config = join(CACHE, `${name}.json`);
  writeFileSync(config, JSON.stringify(configOf(declarations, model)));
  const printed = run(process.execPath, [
    join(REPOSITORY, "node_modules", "@microsoft", "api-extractor", "bin", "api-extractor"),
    ...["run", "--local", "--config", config],
  ]);
  const { members } = JSON.parse(readFileSync(model, "utf8")) as ApiItem;
  const forgotten = [...printed.matchAll(/\(ae-forgotten-export\) The symbol "(\w+)"/g)].map(
    ([, symbol = ""]) => symbol,
  );
  return {
    specifier: name === "index" ? "blixard" : `blixard/${name}`,
    items: members?.[0]?.members ?? [],
    unreachable: [...new Set(forgotten)].toSorted(),
  };
}

function configOf(declarations: string, model: string): object {
  const compilerOptions = { target: "es2024", module: "nodenext", strict: true, skipLibCheck: true, types: [] };
  const quiet = { logLevel: "none" };
  return {
    projectFolder: join(REPOSITORY, "dist", "package"),
    mainEntryPointFilePath: declarations,
    compiler: { overrideTsconfig: { compilerOptions, files: [declarations] } },
    apiReport: { enabled: false },
    docModel: { enabled: true, apiJsonFilePath: model },
    dtsRollup: { enabled: false },
    tsdocMetadata: { enabled: false },
    messages: {
      compilerMessageReporting: { default: quiet },
      extractorMessageReporting: { default: quiet, "ae-forgotten-export": { logLevel: "warning" } },
      tsdocMessageReporting: { default: quiet },
    },
  };
}

function run(program: string, args: readonly string[]): string {
  const env = { PATH: process.env["PATH"], NO_COLOR: "1", FORCE_COLOR: "0" };
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: REPOSITORY, encoding: "utf8", env });
  if (status !== 0) throw new Error(`Cannot read the API: ${args[0]} ended with ${status}: ${stdout}${stderr}`);
  return `${stdout}${stderr}`;
}
