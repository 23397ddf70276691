/**
 * Reads manifests: YAML documents, each one VM. `files[].contentFrom` is replaced by that file's content before
 * validation, so the cluster never sees a path of the user's machine. Every mistake of a file is reported at once, as
 * `file:line:column: field: what was expected`.
 */
import { isUtf8 } from "node:buffer";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { isScalar, LineCounter, parseAllDocuments, type Document } from "yaml";
import { fieldKeys, fieldName } from "../../actors/resources/field-problem.ts";
import { parseVmManifest } from "../../actors/resources/validate-vm.ts";
import type { VmManifest } from "../../actors/index.ts";
import type { ManifestSource } from "./manifest-source.ts";
import { tooDeepAt, TOO_DEEP } from "./yaml-depth.ts";
import { positionOf, type Position } from "./yaml-position.ts";

export interface Mistake {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Names the field. */
  readonly message: string;
}

export type ParsedManifests =
  | { readonly ok: true; readonly manifests: readonly VmManifest[] }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

/** `file:line:column: message`, as editors and terminals make it a link. */
export function formatMistake({ file, line, column, message }: Mistake): string {
  return `${file}:${line}:${column}: ${message}`;
}

/** Looks at a document that is YAML, and keeps it for itself: then it is no manifest. The positions are those of its fields. */
export type Divert = (value: unknown, at: (field: string) => Position) => boolean;

/** All manifests of a file, or all mistakes in it. With `divert` a file without manifests is none either. */
export async function parseManifests(source: ManifestSource, divert?: Divert): Promise<ParsedManifests> {
  const deep = tooDeepAt(source.text);
  if (deep !== null) return { ok: false, mistakes: [{ file: source.file, ...deep, message: TOO_DEEP }] };
  const lines = new LineCounter();
  const documents = parseAllDocuments(source.text, { lineCounter: lines, prettyErrors: false });
  const manifests: VmManifest[] = [];
  const mistakes: Mistake[] = [];
  let diverted = 0;
  for (const document of Array.isArray(documents) ? documents : []) {
    if (isEmpty(document)) continue;
    const at = (field: string): Position => positionOf(document, lines, fieldKeys(field));
    if (divert !== undefined && document.errors.length === 0 && divert(valueOf(document), at)) {
      diverted += 1;
      continue;
    }
    const reader = new DocumentReader(source, document, lines);
    const manifest = await reader.read();
    if (manifest !== undefined) manifests.push(manifest);
    mistakes.push(...reader.mistakes);
  }
  if (mistakes.length > 0) return { ok: false, mistakes };
  if (manifests.length > 0 || diverted > 0) return { ok: true, manifests };
  return {
    ok: false,
    mistakes: [{ file: source.file, line: 1, column: 1, message: "expected a manifest, found none" }],
  };
}

/** What stands before the first `---` or behind the last one is often nothing. */
function isEmpty({ contents, errors }: Document.Parsed): boolean {
  return errors.length === 0 && (contents === null || (isScalar(contents) && contents.value === null));
}

/** Undefined where aliases unfold without end; the reader says so. */
function valueOf(document: Document.Parsed): unknown {
  try {
    return document.toJS();
  } catch {
    return undefined;
  }
}

class DocumentReader {
  readonly mistakes: Mistake[] = [];
  readonly #source: ManifestSource;
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;

  constructor(source: ManifestSource, document: Document.Parsed, lines: LineCounter) {
    this.#source = source;
    this.#document = document;
    this.#lines = lines;
  }

  /** undefined when there are mistakes. */
  async read(): Promise<VmManifest | undefined> {
    for (const { pos, message } of [...this.#document.errors, ...this.#document.warnings]) {
      const { line, col } = this.#lines.linePos(pos[0]);
      this.mistakes.push({ file: this.#source.file, line, column: col, message: `not YAML: ${message}` });
    }
    if (this.mistakes.length > 0) return undefined;
    const value = this.#toValue();
    if (this.mistakes.length > 0) return undefined;
    if (!(await this.#inlineContents(value))) return undefined;
    const parsed = parseVmManifest(value);
    if (parsed.ok) return parsed.manifest;
    for (const { field, message } of parsed.problems) {
      this.#mistake(field, message, message.startsWith("unknown field") ? "key" : "value");
    }
    return undefined;
  }

  #toValue(): unknown {
    try {
      return this.#document.toJS();
    } catch (error) {
      // Aliases that unfold without end are refused here, not by the parser.
      this.#mistake("", `not YAML: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  /** Replaces each `contentFrom` in place. What is not shaped like a VM is left to the validation. */
  async #inlineContents(manifest: unknown): Promise<boolean> {
    const files = fieldOf(fieldOf(manifest, "spec"), "files");
    if (!Array.isArray(files)) return true;
    for (const [at, file] of files.entries()) {
      const from = fieldOf(file, "contentFrom");
      if (from === undefined) continue;
      const field = `/spec/files/${at}/contentFrom`;
      const content = await this.#readContent(file, from, field);
      if (content === undefined) continue;
      const { contentFrom: _, ...rest } = file as Record<string, unknown>;
      files[at] = { ...rest, content };
    }
    return this.mistakes.length === 0;
  }

  async #readContent(file: unknown, from: unknown, field: string): Promise<string | undefined> {
    if (typeof from !== "string" || from === "") return this.#expected(field, "a path relative to the manifest");
    if (fieldOf(file, "content") !== undefined) return this.#expected(field, "no content beside it: one of the two");
    try {
      const bytes = await readFile(resolve(this.#source.folder, from));
      return isUtf8(bytes)
        ? bytes.toString("utf8")
        : this.#expected(field, `text in UTF-8, "${from}" holds other bytes`);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const why = code === "ENOENT" ? "does not exist" : `cannot be read (${code ?? "unknown error"})`;
      return this.#expected(field, `a file, "${from}" ${why}`);
    }
  }

  #expected(field: string, expected: string): undefined {
    this.#mistake(field, `${fieldName(field)}: expected ${expected}`);
  }

  #mistake(field: string, message: string, what: "value" | "key" = "value"): void {
    const position = positionOf(this.#document, this.#lines, fieldKeys(field), what);
    this.mistakes.push({ file: this.#source.file, ...position, message });
  }
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
