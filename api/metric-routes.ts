/**
 * `GET /vms/:name/metrics` and `GET /cluster/metrics`: what guests use, from the nodes that run them.
 *
 * Counters, not rates: whoever asks twice has two readings with their times, and nothing is kept here between them. All VMs of the cluster cost one
 * request a node, and a node that does not answer is named beside those that do.
 */
import type { Node, Vm } from "../actors/index.ts";
import type { Api, ApiContext } from "./api-context.ts";
import { apiError, type ApiError } from "./api-error.ts";
import { NODES, readOne, VMS } from "./collection-routes.ts";
import { notRunning, readNodeMetrics, readVmMetrics } from "./metric-readings.ts";
import type { ClusterMetrics, NodeMetrics, VmMetrics } from "./metric-wire.ts";
import { HOP_HEADER } from "./peer-api.ts";
import { jsonAnswer, REPLICA_CODES, refusals } from "./route-schemas.ts";
import { ConsistencyQuery, NameParams, StatusQuery } from "./wire.ts";

const VM_CODES = [
  "invalid-parameter",
  "not-found",
  "no-instance",
  "conflict",
  "invalid",
  "node-unreachable",
  ...REPLICA_CODES,
] as const;

export function registerMetrics(api: Api, context: ApiContext): void {
  api.get(
    "/vms/:name/metrics",
    {
      schema: {
        summary: "What a VM's guest uses: counters since its start, gauges of now",
        tags: ["vms"],
        params: NameParams,
        querystring: ConsistencyQuery,
        response: { 200: jsonAnswer("what is known of it", "VmMetrics"), ...refusals(...VM_CODES) },
      },
    },
    async ({ params: { name }, query, headers }): Promise<VmMetrics> => {
      const vm = (await readOne(context, VMS, name, query.consistency)) as Vm;
      const { instance } = vm.status;
      if (instance === null) throw notRunning(vm);
      if (instance.node === context.node) return readVmMetrics(context, vm);
      if (headers[HOP_HEADER] !== undefined) {
        throw apiError("conflict", `VM "${name}" is on node "${instance.node}", not on "${context.node}"; ask again`);
      }
      const peer = (await readOne(context, NODES, instance.node, "local")) as Node;
      return context.peers.vmMetrics(peer, name, query.consistency);
    },
  );
  api.get(
    "/cluster/metrics",
    {
      schema: {
        summary: "What the guests of this node use; with all=true those of every node",
        tags: ["cluster"],
        querystring: StatusQuery,
        response: { 200: jsonAnswer("by node", "ClusterMetrics"), ...refusals("invalid-parameter", ...REPLICA_CODES) },
      },
    },
    async ({ query }): Promise<ClusterMetrics> => ({
      node: context.node,
      nodes: query.all ? await everyNode(context) : [await readNodeMetrics(context, "Ready")],
    }),
  );
}

/** Every node of the map as this node has it, so that this works without a leader too. */
async function everyNode(context: ApiContext): Promise<NodeMetrics[]> {
  const { resources } = await context.replica.read({ kind: "Node", consistency: "local" });
  const nodes = resources.filter((resource): resource is Node => resource.kind === "Node");
  return Promise.all(nodes.map((node) => metricsOf(context, node)));
}

async function metricsOf(context: ApiContext, peer: Node): Promise<NodeMetrics> {
  const { name } = peer.metadata;
  const { phase } = peer.status;
  if (name === context.node) return readNodeMetrics(context, phase);
  try {
    const { nodes } = await context.peers.metrics(peer);
    return { name, phase, vms: nodes.flatMap(({ vms }) => vms), error: "" };
  } catch (error) {
    return { name, phase, vms: [], error: (error as ApiError).message };
  }
}
