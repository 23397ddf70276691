/** Prints any value for the message of a failed expectation: one line, like a literal, cut off where it gets long. */
import { Ref } from "../ref.ts";

const DEPTH_MAX = 5;
const ENTRIES_MAX = 20;
const TEXT_MAX = 200;

export function showValue(value: unknown, depth: number = 0): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.length > TEXT_MAX ? `${value.slice(0, TEXT_MAX)}…` : value);
    case "bigint":
      return `${value}n`;
    case "function":
      return `[function ${value.name}]`;
    case "object":
      return value === null ? "null" : showObject(value, depth);
    default:
      return String(value);
  }
}

function showObject(value: object, depth: number): string {
  if (value instanceof Ref) return value.toString();
  if (value instanceof Error) return `${value.name}(${JSON.stringify(value.message)})`;
  if (depth >= DEPTH_MAX) return "…";
  const show = (below: unknown): string => showValue(below, depth + 1);
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const name = Array.isArray(value) ? "" : value.constructor.name;
    return `${name}[${joinShown([...(value as Iterable<unknown>)], show)}]`;
  }
  if (value instanceof Map) return `Map {${joinShown([...value], ([key, below]) => `${show(key)} => ${show(below)}`)}}`;
  if (value instanceof Set) return `Set {${joinShown([...value], show)}}`;
  const entries = Object.entries(value);
  return entries.length === 0 ? "{}" : `{ ${joinShown(entries, ([key, below]) => `${key}: ${show(below)}`)} }`;
}

function joinShown<Entry>(entries: readonly Entry[], show: (entry: Entry) => string): string {
  const shown = entries.slice(0, ENTRIES_MAX).map(show);
  if (entries.length > ENTRIES_MAX) shown.push(`… ${entries.length - ENTRIES_MAX} more`);
  return shown.join(", ");
}
