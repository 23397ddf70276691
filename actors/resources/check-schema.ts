/**
 * Checks a value against a schema and says of every field what is wrong with it.
 *
 * TypeBox's own validator decides (`Value.Check`, its interpreter, which makes no code at run time). It is asked once for
 * the whole and, when it refuses, again part by part: its own error list stops after eight, repeats an unknown field as
 * a "false schema", and lets through a record's key that does not match the pattern, which JSON Schema allows and we do not.
 */
import type { TSchema } from "typebox";
import { Value } from "typebox/value";
import { describeSchema, type JsonSchema } from "./describe-schema.ts";
import { describeValue, fieldKeys, fieldName, fieldUnder, type FieldProblem } from "./field-problem.ts";
import { nearestWord } from "./nearest-word.ts";

/** More than this in one answer helps nobody, and an attacker must not choose the size of our answers. */
export const PROBLEMS_MAX = 50;

/** Our deepest schema has seven levels; what is deeper than this was made to hurt those who walk it, or is a cycle. */
const DEPTH_MAX = 32;

/** A manifest with every list at its limit has about 3,000 parts; YAML aliases can make billions out of a few lines. */
const PARTS_MAX = 20_000;

/** Every problem of `value`, in the order of the schema's fields; empty when it fits. */
export function checkSchema(schema: TSchema, value: unknown): readonly FieldProblem[] {
  const misshapen = findMisshapen(value);
  if (misshapen !== undefined) return [misshapen];
  const problems: FieldProblem[] = [];
  walk(schema, value, "", problems);
  if (problems.length === 0 && !Value.Check(schema, value)) {
    throw new Error(`checkSchema does not know what TypeBox refuses: ${JSON.stringify(Value.Errors(schema, value))}`);
  }
  return problems;
}

/** `value` with the schema's defaults where nothing was written; leaves `value` itself as it is. */
export function fillDefaults(schema: TSchema, value: unknown): unknown {
  return findMisshapen(value) === undefined ? Value.Default(schema, Value.Clone(value)) : value;
}

/** Strings of a query or a path as the numbers and booleans that the schema wants; what cannot be stays a string. */
export function convertStrings(schema: TSchema, value: unknown): unknown {
  return Value.Convert(schema, Value.Clone(value));
}

function walk(schema: JsonSchema, value: unknown, field: string, problems: FieldProblem[]): void {
  if (problems.length >= PROBLEMS_MAX) return;
  if (isChoice(schema) && isObject(value)) walkChoice(schema, value, field, problems);
  else if (schema.properties !== undefined && isObject(value)) walkObject(schema, value, field, problems);
  else if (schema.patternProperties !== undefined && isObject(value)) walkRecord(schema, value, field, problems);
  else if (schema.items !== undefined && Array.isArray(value)) walkArray(schema, value, field, problems);
  else if (!Value.Check(schema as TSchema, value)) problems.push(mismatch(schema, value, field));
}

function walkObject(
  schema: JsonSchema,
  value: Readonly<Record<string, unknown>>,
  field: string,
  problems: FieldProblem[],
): void {
  const known = Object.keys(schema.properties ?? {});
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const at = fieldUnder(field, key);
    if (Object.hasOwn(value, key) && value[key] !== undefined) walk(property, value[key], at, problems);
    else if (schema.required?.includes(key) === true) problems.push(missing(property, at));
  }
  if (schema.additionalProperties !== false) return;
  for (const key of Object.keys(value)) {
    if (problems.length >= PROBLEMS_MAX) return;
    if (!known.includes(key)) problems.push(unknownField(key, known, field));
  }
}

/** Objects of several kinds, told apart by `type`: what is wrong is told of the kind that was meant, as if there were no others. */
function isChoice({ anyOf }: JsonSchema): boolean {
  return anyOf !== undefined && anyOf.every(({ properties }) => properties?.["type"] !== undefined);
}

function walkChoice(
  { anyOf = [] }: JsonSchema,
  value: Readonly<Record<string, unknown>>,
  field: string,
  problems: FieldProblem[],
): void {
  const kinds = anyOf.flatMap(({ properties }) => properties?.["type"] ?? []);
  const word = value["type"];
  const meant = word === undefined ? 0 : kinds.findIndex((kind) => wordsOf(kind).some((known) => known === word));
  const kind = anyOf[meant];
  if (kind === undefined) {
    problems.push(
      mismatch({ anyOf: kinds.flatMap((known) => known.anyOf ?? [known]) }, word, fieldUnder(field, "type")),
    );
    return;
  }
  // Defaults are filled in by kind, and of a value that fits none there was no kind to take them of.
  const filled = fillDefaults(kind, value) as Readonly<Record<string, unknown>>;
  walkObject(kind, Value.Check(kind as TSchema, filled) ? value : filled, field, problems);
}

function walkRecord(
  schema: JsonSchema,
  value: Readonly<Record<string, unknown>>,
  field: string,
  problems: FieldProblem[],
): void {
  const [[pattern, property] = ["", {}]] = Object.entries(schema.patternProperties ?? {});
  const keyPattern = new RegExp(pattern, "u");
  for (const [key, entry] of Object.entries(value)) {
    if (problems.length >= PROBLEMS_MAX) return;
    if (keyPattern.test(key)) walk(property, entry, fieldUnder(field, key), problems);
    else problems.push(badKey(pattern, key, field));
  }
}

function walkArray(schema: JsonSchema, value: readonly unknown[], field: string, problems: FieldProblem[]): void {
  if (value.length > (schema.maxItems ?? Infinity) || value.length < (schema.minItems ?? 0)) {
    problems.push(problem(field, describeSchema(schema), value.length === 0 ? "none" : `${value.length} entries`));
    return;
  }
  for (const [at, entry] of value.entries()) walk(schema.items ?? {}, entry, fieldUnder(field, at), problems);
}

function problem(field: string, expected: string, got: string): FieldProblem {
  const name = fieldName(field);
  return { field, expected, got, message: `${name === "" ? "" : `${name}: `}expected ${expected}, got ${got}` };
}

function mismatch(schema: JsonSchema, value: unknown, field: string): FieldProblem {
  const plain = problem(field, describeSchema(schema), describeValue(value));
  const meant = typeof value === "string" ? nearestWord(value, literals(schema)) : undefined;
  return meant === undefined ? plain : { ...plain, message: `${plain.message}; did you mean "${meant}"?` };
}

function missing(schema: JsonSchema, field: string): FieldProblem {
  const expected = describeSchema(schema);
  return { field, expected, got: "nothing", message: `${fieldName(field)}: missing; expected ${expected}` };
}

function unknownField(key: string, known: readonly string[], parent: string): FieldProblem {
  const meant = nearestWord(key, known);
  const hint = meant === undefined ? `known here: ${known.join(", ")}` : `did you mean "${meant}"?`;
  const field = fieldUnder(parent, key);
  const got = describeValue(key);
  const name = fieldName(parent);
  const where = name === "" ? "" : ` in ${name}`;
  return { field, expected: `one of ${known.join(", ")}`, got, message: `unknown field ${got}${where}; ${hint}` };
}

function badKey(pattern: string, key: string, parent: string): FieldProblem {
  const expected = `a name that matches ${pattern}`;
  const got = describeValue(key);
  return {
    field: fieldUnder(parent, key),
    expected,
    got,
    message: `${fieldName(parent)}: expected ${expected}, got ${got}`,
  };
}

/** The words to choose from; a single one stands in the message anyway. */
function literals(schema: JsonSchema): readonly string[] {
  return (schema.anyOf ?? []).flatMap(({ const: word }) => (typeof word === "string" ? [word] : []));
}

function wordsOf(schema: JsonSchema): readonly unknown[] {
  return [schema.const, ...(schema.enum ?? []), ...literals(schema)].filter((word) => word !== undefined);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * What no schema may be asked about: a shape that would overflow the stack or the memory of whoever copies it, and the
 * key `__proto__`, which a copy would turn into something else. Walks without recursion.
 */
function findMisshapen(value: unknown): FieldProblem | undefined {
  const open = [{ part: value, depth: 0, field: "" }];
  let parts = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { part, depth, field } = next;
    parts += 1;
    if (parts > PARTS_MAX) return problem("", `at most ${PARTS_MAX} values in all`, "more");
    if (typeof part !== "object" || part === null) continue;
    if (depth > DEPTH_MAX) return tooDeep(field);
    if (Object.hasOwn(part, "__proto__")) return problem(fieldUnder(field, "__proto__"), "another name", '"__proto__"');
    // Before the entries are listed, which would cost more than reading them did.
    if (Array.isArray(part) && part.length > PARTS_MAX) return problem(field, `at most ${PARTS_MAX} entries`, "more");
    for (const [key, child] of Object.entries(part))
      open.push({ part: child, depth: depth + 1, field: fieldUnder(field, key) });
  }
  return undefined;
}

function tooDeep(field: string): FieldProblem {
  const [outermost = ""] = fieldKeys(field);
  return problem(fieldUnder("", outermost), `at most ${DEPTH_MAX} levels of nesting`, "more");
}
