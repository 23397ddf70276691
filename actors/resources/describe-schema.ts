/** A schema in words, as the "expected" of an error message: `an integer from 1 to 65535`. */

/** The part of JSON Schema that TypeBox writes for the resources. */
export interface JsonSchema {
  readonly type?: string;
  readonly const?: unknown;
  /** As the API document writes literals, for tools of before `const`. */
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly description?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
}

export function describeSchema(schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(describeSchema))].join(" or ");
  switch (schema.type) {
    case "integer":
      return `an integer${range(schema.minimum, schema.maximum)}`;
    case "number":
      return `a number${range(schema.minimum, schema.maximum)}`;
    case "boolean":
      return "true or false";
    case "string":
      return describeString(schema);
    case "array":
      if (schema.maxItems === undefined) return "a list";
      return schema.minItems === undefined
        ? `a list of at most ${schema.maxItems} entries`
        : `a list of ${schema.minItems} to ${schema.maxItems} entries`;
    case "object":
      return schema.properties === undefined ? "an object of names and values" : "an object";
    default:
      return schema.type ?? "something else";
  }
}

function describeString(schema: JsonSchema): string {
  if (schema.description !== undefined && schema.pattern !== undefined) return schema.description;
  if (schema.pattern !== undefined) return `a string that matches ${schema.pattern}`;
  if (schema.maxLength !== undefined) return `a string of ${schema.minLength ?? 0} to ${schema.maxLength} characters`;
  return "a string";
}

function range(minimum: number | undefined, maximum: number | undefined): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `, at least ${minimum}`;
  return maximum === undefined ? "" : `, at most ${maximum}`;
}
