/** `/nodes`: the members of the cluster. They register themselves; only a lost one can be forgotten. */
import type { Api, ApiContext } from "./api-context.ts";
import { NODES, registerCollection } from "./collection-routes.ts";
import { registerDrains } from "./drain-routes.ts";
import { REPLICA_CODES, refusals } from "./route-schemas.ts";
import { NameParams } from "./wire.ts";

export function registerNodes(api: Api, context: ApiContext): void {
  registerCollection(api, context, NODES);
  registerDrains(api, context);
  api.delete(
    "/nodes/:name",
    {
      schema: {
        summary: "Forget a node that holds no lease",
        tags: ["nodes"],
        params: NameParams,
        response: {
          204: { description: "forgotten", type: "null" },
          ...refusals("invalid-parameter", "not-found", "conflict", ...REPLICA_CODES),
        },
      },
    },
    async ({ params: { name } }, reply) => {
      await context.replica.propose({ type: "remove-node", name });
      return reply.code(204).send(null);
    },
  );
}
