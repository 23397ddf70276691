/** `/nodes/:name/drain`: what becomes of a node's VMs, and having it so. */
import { Type } from "@fastify/type-provider-typebox";
import {
  DrainLimits,
  planDrain,
  type Checkpoint,
  type Command,
  type Node,
  type Resource,
  type Vm,
} from "../actors/index.ts";
import type { Api, ApiContext } from "./api-context.ts";
import { apiError } from "./api-error.ts";
import { etagOf } from "./collection-routes.ts";
import type { DrainPlan } from "./drain-wire.ts";
import { jsonAnswer, REPLICA_CODES, refusals } from "./route-schemas.ts";
import { NameParams } from "./wire.ts";

const CODES = ["invalid-parameter", "not-found", "conflict", "invalid", ...REPLICA_CODES] as const;

export function registerDrains(api: Api, context: ApiContext): void {
  api.get(
    "/nodes/:name/drain",
    {
      schema: {
        summary: "Say what becomes, or would become, of each VM of a node that is drained; nothing moves",
        tags: ["nodes"],
        params: NameParams,
        querystring: Type.Object(
          { liveOnly: Type.Optional(Type.Boolean({ description: "default: as the node is drained, else false" })) },
          { additionalProperties: false },
        ),
        response: { 200: jsonAnswer("the plan", "DrainPlan"), ...refusals(...CODES) },
      },
    },
    async ({ params: { name }, query: { liveOnly } }) => plan(context, name, liveOnly),
  );
  api.post(
    "/nodes/:name/drain",
    {
      schema: {
        summary: "Close a node to what is not there yet, and move its VMs away",
        description:
          "Live where they can, else by stop and start unless `liveOnly`. `status.drain` says how far it is.",
        tags: ["nodes"],
        params: NameParams,
        body: DrainLimits,
        response: {
          202: jsonAnswer("it is closed, and its VMs are to move", "Node"),
          ...refusals("malformed-json", "too-large", "unsupported-media-type", ...CODES),
        },
      },
    },
    async ({ params: { name }, body: limits }, reply) => {
      const node = await propose(context, { type: "drain-node", name, limits });
      return reply.code(202).header("etag", etagOf(node)).send(node);
    },
  );
  api.delete(
    "/nodes/:name/drain",
    {
      schema: {
        summary: "Open a node again; a drain that goes on moves nothing more, and what is on its way arrives",
        tags: ["nodes"],
        params: NameParams,
        response: { 200: jsonAnswer("it is open", "Node"), ...refusals(...CODES) },
      },
    },
    async ({ params: { name } }, reply) => {
      const node = await propose(context, { type: "undrain-node", name });
      return reply.header("etag", etagOf(node)).send(node);
    },
  );
}

/** @throws {ApiError} `not-found`. */
async function plan({ replica }: ApiContext, name: string, liveOnly: boolean | undefined): Promise<DrainPlan> {
  const read = async <Of extends Resource>(kind: Of["kind"]): Promise<ReadonlyMap<string, Of>> => {
    const { resources } = await replica.read({ kind, consistency: "linearizable" });
    return new Map((resources as readonly Of[]).map((resource) => [resource.metadata.name, resource]));
  };
  const [vms, nodes, checkpoints] = await Promise.all([
    read<Vm>("Vm"),
    read<Node>("Node"),
    read<Checkpoint>("Checkpoint"),
  ]);
  const node = nodes.get(name);
  if (node === undefined) throw apiError("not-found", `Cannot drain node "${name}": there is none of that name`);
  const drain = node.status.drain ?? null;
  const asked = liveOnly ?? drain?.limits.liveOnly ?? false;
  const steps = planDrain({ vms, nodes, checkpoints }, { node: name, liveOnly: asked });
  return { node: name, drain, steps: steps.map((step) => ({ ...step })) };
}

/** @throws {ApiError} when the node is gone by the time the answer came. */
async function propose({ replica }: ApiContext, command: Command & { readonly name: string }): Promise<Node> {
  const { resource } = await replica.propose(command);
  if (resource?.kind === "Node") return resource;
  throw apiError("not-found", `Node "${command.name}" was written and has been removed since`);
}
