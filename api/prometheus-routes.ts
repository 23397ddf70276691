/** `GET /metrics`: the node for Prometheus, at the root, where it looks. With the token, as all but the probes (`access.ts`). */
import type { Api, ApiContext } from "./api-context.ts";
import { PROMETHEUS_TYPE, PrometheusPage } from "./prometheus-page.ts";
import { REPLICA_CODES, refusals } from "./route-schemas.ts";

export function registerPrometheus(api: Api, context: ApiContext): void {
  const page = new PrometheusPage(context);
  api.get(
    "/metrics",
    {
      schema: {
        summary: "This node and its VMs in the Prometheus text format",
        tags: ["cluster"],
        response: {
          200: { description: "metrics", content: { "text/plain": { schema: { type: "string" } } } },
          ...refusals(...REPLICA_CODES),
        },
      },
    },
    async (_, reply) => reply.type(PROMETHEUS_TYPE).send(await page.render()),
  );
}
