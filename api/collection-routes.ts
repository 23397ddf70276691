/** `GET /KIND` and `GET /KIND/:name`: reading and watching are the same for every kind. */
import { API_VERSION, type Kind, type Resource } from "../actors/index.ts";
import type { Api, ApiContext } from "./api-context.ts";
import { apiError, type ApiErrorCode } from "./api-error.ts";
import { jsonAnswer, REPLICA_CODES, refusals } from "./route-schemas.ts";
import { streamWatch, type WatchTarget } from "./stream-watch.ts";
import { NameParams, ReadQuery, type SchemaName } from "./wire.ts";

export interface Collection {
  readonly kind: Kind;
  /** As in the path: `vms`. */
  readonly plural: string;
  /** What people call one of them: `VM`. */
  readonly title: string;
}

export const VMS: Collection = { kind: "Vm", plural: "vms", title: "VM" };
export const NODES: Collection = { kind: "Node", plural: "nodes", title: "node" };
export const CHECKPOINTS: Collection = { kind: "Checkpoint", plural: "checkpoints", title: "checkpoint" };
export const EVENTS: Collection = { kind: "Event", plural: "events", title: "event" };

const WATCH_CODES: readonly ApiErrorCode[] = ["invalid-parameter", "compacted", "too-many-streams", ...REPLICA_CODES];

export function registerCollection(api: Api, context: ApiContext, { kind, plural, title }: Collection): void {
  const listSchema: SchemaName = `${kind}List`;
  api.get(
    `/${plural}`,
    {
      schema: {
        summary: `List or watch all ${title}s`,
        tags: [plural],
        querystring: ReadQuery,
        response: { 200: jsonAnswer(`all ${title}s`, listSchema, "WatchLine"), ...refusals(...WATCH_CODES) },
      },
    },
    async ({ query }, reply) => {
      assertSinceWatched(query);
      if (query.watch) return streamWatch(context, reply, watchTarget({ kinds: [kind] }, query));
      const { version, resources } = await context.replica.read({ kind, consistency: query.consistency });
      return { apiVersion: API_VERSION, kind: listSchema, version, items: resources };
    },
  );
  api.get(
    `/${plural}/:name`,
    {
      schema: {
        summary: `Read or watch one ${title}`,
        tags: [plural],
        params: NameParams,
        querystring: ReadQuery,
        response: { 200: jsonAnswer(`the ${title}`, kind, "WatchLine"), ...refusals("not-found", ...WATCH_CODES) },
      },
    },
    async ({ query, params: { name } }, reply) => {
      assertSinceWatched(query);
      if (query.watch) return streamWatch(context, reply, watchTarget({ kinds: [kind], name }, query));
      const resource = await readOne(context, { kind, title }, name, query.consistency);
      return reply.header("etag", etagOf(resource)).send(resource);
    },
  );
}

/** @throws {ApiError} `not-found`. */
export async function readOne(
  { replica }: ApiContext,
  { kind, title }: Pick<Collection, "kind" | "title">,
  name: string,
  consistency: ReadQuery["consistency"],
): Promise<Resource> {
  const { resources } = await replica.read({ kind, name, consistency });
  const [resource] = resources;
  if (resource === undefined) throw apiError("not-found", `There is no ${title} "${name}"`);
  return resource;
}

/** What `If-Match` takes. */
export function etagOf({ metadata }: Resource): string {
  return `"${metadata.version}"`;
}

function watchTarget(selection: WatchTarget["selection"], { since }: ReadQuery): WatchTarget {
  return since === undefined ? { selection } : { selection, since };
}

function assertSinceWatched({ watch, since }: ReadQuery): void {
  if (watch || since === undefined) return;
  const message = "since: expected together with watch=true, got it alone";
  const problem = { field: "/since", expected: "watch=true beside it", got: String(since), message };
  throw apiError("invalid-parameter", `Cannot read: ${message}`, { problems: [problem] });
}
