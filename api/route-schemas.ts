/** The pieces that the routes' schemas are put together from, for fastify's validation and for the OpenAPI document. */
import type { TSchema } from "@fastify/type-provider-typebox";
import type { ApiErrorCode } from "./api-error.ts";
import { statusesOf } from "./refusals.ts";
import { schemaRef, type SchemaName } from "./wire.ts";

interface ContentSchema {
  readonly description: string;
  readonly content: Readonly<Record<string, { readonly schema: TSchema }>>;
  readonly headers?: Readonly<Record<string, { readonly type: string; readonly description: string }>>;
}

/** What any route may answer with. */
const ALWAYS: readonly ApiErrorCode[] = [
  "malformed-request",
  "unauthorized",
  "cross-origin",
  "unknown-host",
  "internal",
];

/** What a route that asks the replica may answer with. */
export const REPLICA_CODES: readonly ApiErrorCode[] = ["no-leader"];

/** A JSON answer of a named schema; `stream` is what the same route sends line by line. */
export function jsonAnswer(description: string, name: SchemaName, stream?: SchemaName): ContentSchema {
  return {
    description,
    content: {
      "application/json": { schema: schemaRef(name) },
      ...(stream === undefined ? {} : { "application/x-ndjson": { schema: schemaRef(stream) } }),
    },
  };
}

/** The refusals of a route, by status. */
export function refusals(...codes: readonly ApiErrorCode[]): Readonly<Record<number, ContentSchema>> {
  const description = "refused: see error.code";
  return Object.fromEntries(
    statusesOf([...ALWAYS, ...codes]).map((status) => [status, jsonAnswer(description, "Error")]),
  );
}
