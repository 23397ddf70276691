/**
 * The forms in which resources are printed. `json`, `yaml` and `name` are for programs: they change only by additions,
 * and no colour, age or terminal width enters them.
 */
import { API_VERSION } from "../../actors/resources/api-version.ts";
import type { Kind, Resource } from "../../actors/resources/resource.ts";
import { columnsOf, objectOf } from "./resource-columns.ts";
import { renderTable } from "./table.ts";

export const OUTPUT_FORMATS = ["table", "wide", "json", "yaml", "name"] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export interface ListedResources {
  readonly kind: Kind;
  readonly resources: readonly Resource[];
  /** Version of the map that this is a picture of. */
  readonly version: number;
}

export interface RenderOptions {
  readonly format: OutputFormat;
  /** Wall clock, for ages. */
  readonly nowMs: number;
}

/** A list: a table with headings, or one document, as the API has it. */
export async function renderList(list: ListedResources, { format, nowMs }: RenderOptions): Promise<string> {
  if (format === "name") return list.resources.map((resource) => `${nameOf(resource)}\n`).join("");
  if (format === "json" || format === "yaml") {
    const { kind, version, resources } = list;
    return renderValue({ apiVersion: API_VERSION, kind: `${kind}List`, version, items: resources }, format);
  }
  return renderTable(columnsOf(list.kind, nowMs), list.resources, { wide: format === "wide" });
}

/** One resource: a table of one row, or itself as a document. */
export async function renderResource(resource: Resource, { format, nowMs }: RenderOptions): Promise<string> {
  if (format === "json" || format === "yaml") return renderValue(resource, format);
  return renderList(
    { kind: resource.kind, resources: [resource], version: resource.metadata.version },
    { format, nowMs },
  );
}

export async function renderValue(value: unknown, format: "json" | "yaml"): Promise<string> {
  if (format === "json") return `${JSON.stringify(value, null, 2)}\n`;
  // Loaded when needed: it is as large as all that a listing takes.
  const { stringify } = await import("yaml");
  return stringify(value, { lineWidth: 0 });
}

/** `vm/web` */
export function nameOf({ kind, metadata }: Resource): string {
  return objectOf({ kind, name: metadata.name });
}
