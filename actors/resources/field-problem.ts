/** What is wrong with one field of something a user wrote: the same words whether a server or a command line found it. */
export interface FieldProblem {
  /** JSON pointer (RFC 6901) into what was written: `/spec/ports/0/guest`; empty for the whole. */
  readonly field: string;
  /** What belongs there: `an integer from 1 to 65535`. */
  readonly expected: string;
  /** What stands there, shortened: `70000`; `nothing` when it is missing. */
  readonly got: string;
  /** One sentence that names the field, what was expected and what was found; says nothing of files or lines. */
  readonly message: string;
}

/** The pointer to `key` under `parent`. */
export function fieldUnder(parent: string, key: string | number): string {
  return `${parent}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** A pointer's keys, outermost first. */
export function fieldKeys(field: string): readonly string[] {
  if (field === "") return [];
  const parts = field.slice(1).split("/");
  return parts.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** A pointer as people write it: `spec.ports[0].guest`. */
export function fieldName(field: string): string {
  const name = fieldKeys(field).reduce((path, key) => `${path}${/^\d+$/.test(key) ? `[${key}]` : `.${key}`}`, "");
  return name.startsWith(".") ? name.slice(1) : name;
}

const GOT_CHARS_MAX = 60;

/** A value in a few words, however large it is. */
export function describeValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "string") {
    const short = value.length > GOT_CHARS_MAX ? `${value.slice(0, GOT_CHARS_MAX)}…` : value;
    return JSON.stringify(short);
  }
  return typeof value === "number" || typeof value === "boolean" || value === null ? `${value}` : `a ${typeof value}`;
}
