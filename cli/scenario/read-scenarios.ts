/**
 * Reads scenario files: YAML documents of the kind Scenario, with the platform that each is about. Every mistake of all files is told at once,
 * as `file:line:column: field: what was expected`.
 */
import { relative, resolve } from "node:path";
import { isScalar, LineCounter, parseAllDocuments, type Document } from "yaml";
import { fieldKeys, type FieldProblem } from "../../actors/index.ts";
import type { Platform, ScenarioPlan } from "../../sim/index.ts";
import { readManifestSources, type ManifestSource, type SourceOptions } from "../manifest/manifest-source.ts";
import type { Mistake } from "../manifest/parse-manifests.ts";
import { tooDeepAt, TOO_DEEP } from "../manifest/yaml-depth.ts";
import { positionOf } from "../manifest/yaml-position.ts";
import { readPlatform, refusal } from "./read-platform.ts";

/** A scenario of all its limits, each name as long as it may be, is a tenth of this. */
const SCENARIOS = { words: { verb: "run", noun: "scenario" }, sizeBytesMax: 1024 * 1024 };

const NONE = "expected a scenario, found none";

export interface ReadScenario {
  /** As the user wrote it. */
  readonly file: string;
  readonly plan: ScenarioPlan;
}

export interface ScenarioSourceOptions extends SourceOptions {
  /** Stands in for what the files say of a platform. */
  readonly platform: string | null;
}

/** @throws CliError with a line for each mistake, or when there is nothing to read. */
export async function readScenarios(
  paths: readonly string[],
  options: ScenarioSourceOptions,
): Promise<readonly ReadScenario[]> {
  const platform = options.platform === null ? null : await readPlatform(options.platform, options);
  const scenarios: ReadScenario[] = [];
  const mistakes: Mistake[] = [];
  for (const path of paths) {
    for (const source of await readManifestSources(path, { ...options, ...SCENARIOS })) {
      const deep = tooDeepAt(source.text);
      if (deep !== null) {
        mistakes.push({ file: source.file, ...deep, message: TOO_DEEP });
        continue;
      }
      const documents = documentsOf(source);
      if (documents.length === 0) mistakes.push({ file: source.file, line: 1, column: 1, message: NONE });
      for (const document of documents) {
        const read = await readDocument(source, document, { platform, options });
        if (Array.isArray(read)) mistakes.push(...(read as readonly Mistake[]));
        else scenarios.push(read as ReadScenario);
      }
    }
  }
  if (mistakes.length > 0) throw refusal(paths.join(" "), mistakes);
  return scenarios;
}

interface Parsed {
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
}

function documentsOf({ text }: ManifestSource): readonly Parsed[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  const all: readonly Document.Parsed[] = Array.isArray(documents) ? documents : [];
  // What stands before the first `---` or behind the last one is often nothing.
  const filled = all.filter(({ contents, errors }) => {
    return errors.length > 0 || !(contents === null || (isScalar(contents) && contents.value === null));
  });
  return filled.map((document) => ({ document, lines }));
}

interface Around {
  readonly platform: Platform | null;
  readonly options: SourceOptions;
}

async function readDocument(
  source: ManifestSource,
  { document, lines }: Parsed,
  { platform, options }: Around,
): Promise<ReadScenario | readonly Mistake[]> {
  const { file } = source;
  const broken = [...document.errors, ...document.warnings].map(({ pos, message }) => {
    const { line, col } = lines.linePos(pos[0]);
    return { file, line, column: col, message: `not YAML: ${message}` };
  });
  if (broken.length > 0) return broken;
  const { compileScenario } = await import("../../sim/index.ts");
  const value = toValue(document);
  if (value instanceof Error) return [{ file, line: 1, column: 1, message: `not YAML: ${value.message}` }];
  const own = platform ?? (await platformOf(value, source, options));
  const compiled = compileScenario(value, own);
  if (compiled.ok) return { file, plan: compiled.plan };
  return compiled.problems.map((problem) => mistakeOf(problem, file, { document, lines }));
}

/** What the file itself names, beside it. */
async function platformOf(
  value: unknown,
  { folder }: ManifestSource,
  options: SourceOptions,
): Promise<Platform | null> {
  const path = fieldOf(fieldOf(fieldOf(value, "spec"), "workload"), "platform");
  if (typeof path !== "string" || path === "") return null;
  const absolute = resolve(folder, path);
  const written = relative(options.cwd, absolute);
  return readPlatform(written.startsWith("..") ? absolute : written, options);
}

/** An alias that unfolds without end is refused here, not by the parser. */
function toValue(document: Document.Parsed): unknown {
  try {
    return document.toJS();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** What is wrong with a key is told where the key stands. */
const OF_KEY = /^unknown field|: means nothing beside |is (done|expected) here already/u;

function mistakeOf({ field, message }: FieldProblem, file: string, { document, lines }: Parsed): Mistake {
  const what = OF_KEY.test(message) ? "key" : "value";
  return { file, ...positionOf(document, lines, fieldKeys(field), what), message };
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
