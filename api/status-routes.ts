/** What a node says of itself and of the cluster: status, probes, version. */
import { Type } from "@fastify/type-provider-typebox";
import type { Node, ReplicaStatus } from "../actors/index.ts";
import type { Api, ApiContext } from "./api-context.ts";
import { apiError, type ApiError } from "./api-error.ts";
import { jsonAnswer, REPLICA_CODES, refusals } from "./route-schemas.ts";
import { StatusQuery, type ClusterStatus, type NodeView } from "./wire.ts";

export function registerClusterStatus(api: Api, context: ApiContext): void {
  api.get(
    "/cluster/status",
    {
      schema: {
        summary: "Raft as this node sees it; with all=true also as every other node does",
        tags: ["cluster"],
        querystring: StatusQuery,
        response: { 200: jsonAnswer("status", "ClusterStatus"), ...refusals("invalid-parameter", ...REPLICA_CODES) },
      },
    },
    async ({ query }): Promise<ClusterStatus> => {
      const own = await ownStatus(context);
      return query.all ? { ...own, nodes: await nodeViews(context, own) } : own;
    },
  );
}

/** Registered under `/api/v1`, and the probes once more at the root, where probes look. */
export function registerProbes(api: Api, { node, version, replica }: ApiContext): void {
  const probe = { exposeHeadRoute: true, config: { public: true } };
  const alive = Type.Object({ status: Type.Literal("ok"), node: Type.String() });
  const ready = Type.Object({ status: Type.Literal("ready"), node: Type.String(), leader: Type.String() });
  const about = Type.Object({ version: Type.String(), api: Type.Literal("v1"), node: Type.String() });

  api.get(
    "/healthz",
    {
      ...probe,
      schema: { summary: "Whether the process answers", tags: ["probes"], response: { 200: alive, ...refusals() } },
    },
    () => ({ status: "ok" as const, node }),
  );
  api.get(
    "/readyz",
    {
      ...probe,
      schema: {
        summary: "Whether this node can serve: its store works, it belongs to the cluster and knows a leader",
        tags: ["probes"],
        response: { 200: ready, ...refusals("not-ready") },
      },
    },
    async () => {
      const status = await replica.status();
      const why = whyNotReady(status);
      if (why !== undefined) throw apiError("not-ready", `Node "${node}" is not ready: ${why}`);
      return { status: "ready" as const, node, leader: status.leader ?? "" };
    },
  );
  api.get(
    "/version",
    {
      ...probe,
      schema: { summary: "Version of the software", tags: ["probes"], response: { 200: about, ...refusals() } },
    },
    () => ({ version, api: "v1" as const, node }),
  );
}

/** What keeps a node from serving, in words; undefined when nothing does. */
function whyNotReady({ storeError, membership, readOnly, recovering, leader }: ReplicaStatus): string | undefined {
  if (storeError !== "") return storeError;
  if (membership === "removed")
    return "it was removed from the cluster; stop it, or give it an empty data folder and add it";
  if (membership === "disk-lost")
    return 'its disk was lost; add it again with "blixard cluster add", remove its old member';
  if (membership === "not-a-member") return 'it is in no cluster; add it with "blixard cluster add"';
  if (readOnly) return "its disk has no room; free space, and it goes on";
  if (recovering) return "its log was damaged and is being refilled";
  return leader === null ? "it knows no leader" : undefined;
}

async function ownStatus({ node, version, replica, clock }: ApiContext): Promise<ClusterStatus> {
  const { members, waiting, ...rest } = await replica.status();
  const said = { ...rest, members: [...members], waiting: [...waiting] };
  return { node, version, atMs: Math.round(clock.wallMs()), replica: said };
}

/** Every node of the map as this node has it, so that this works without a leader too. */
async function nodeViews(context: ApiContext, own: ClusterStatus): Promise<NodeView[]> {
  const { resources } = await context.replica.read({ kind: "Node", consistency: "local" });
  const nodes = resources.filter((resource): resource is Node => resource.kind === "Node");
  return Promise.all(nodes.map((peer) => viewOf(context, peer, own)));
}

async function viewOf({ node, peers }: ApiContext, peer: Node, own: ClusterStatus): Promise<NodeView> {
  const view = { name: peer.metadata.name, apiUrl: peer.spec.apiUrl, phase: peer.status.phase };
  if (view.name === node) return { ...view, replica: own.replica, error: "" };
  try {
    return { ...view, replica: (await peers.status(peer)).replica, error: "" };
  } catch (error) {
    return { ...view, replica: null, error: (error as ApiError).message };
  }
}
