/** `/cluster/members` and its neighbours: who belongs to the cluster, who leads, how long the logs are. */
import type { Api, ApiContext } from "./api-context.ts";
import type { ApiErrorCode } from "./api-error.ts";
import { AddMember, MemberParams, RemoveQuery, SnapshotOrder, TransferOrder } from "./member-wire.ts";
import { jsonAnswer, refusals } from "./route-schemas.ts";

/** What a change of membership may be refused with. */
const CHANGE_CODES: readonly ApiErrorCode[] = ["invalid-parameter", "not-a-member", "change-under-way", "no-leader"];

export function registerCluster(api: Api, { members }: ApiContext): void {
  const tags = ["cluster"];
  api.get(
    "/cluster/members",
    {
      schema: {
        summary: "Who belongs to the cluster, how far each has come, and how many more may be lost",
        tags,
        response: { 200: jsonAnswer("members", "MemberList"), ...refusals("no-answer") },
      },
    },
    async () => members.list(),
  );
  api.post(
    "/cluster/members",
    {
      schema: {
        summary: "Add a node as a learner: it gets the log and does not vote",
        tags,
        body: AddMember,
        response: {
          201: jsonAnswer("added", "MembershipChanged"),
          ...refusals("invalid", "already-a-member", "node-unreachable", ...CHANGE_CODES),
        },
      },
    },
    async ({ body }, reply) => reply.code(201).send(await members.add(body)),
  );
  for (const verb of ["promote", "demote"] as const) {
    api.post(
      `/cluster/members/:member/${verb}`,
      {
        schema: {
          summary: verb === "promote" ? "Make a learner a voter, once it has caught up" : "Make a voter a learner",
          tags,
          params: MemberParams,
          response: {
            200: jsonAnswer("changed", "MembershipChanged"),
            ...refusals("not-caught-up", "last-voter", ...CHANGE_CODES),
          },
        },
      },
      async ({ params: { member } }) => members[verb](member),
    );
  }
  api.delete(
    "/cluster/members/:member",
    {
      schema: {
        summary: "Remove a member; with force=true also where too few of the voters that are left answer",
        tags,
        params: MemberParams,
        querystring: RemoveQuery,
        response: {
          200: jsonAnswer("removed", "MembershipChanged"),
          ...refusals("last-voter", "quorum-at-risk", ...CHANGE_CODES),
        },
      },
    },
    async ({ params: { member }, query }) => members.remove(member, query),
  );
  api.post(
    "/cluster/transfer",
    {
      schema: {
        summary: "Hand leadership over, to the furthest or to the one that is named",
        tags,
        body: TransferOrder,
        response: {
          200: jsonAnswer("handed over", "Transferred"),
          ...refusals("invalid", "not-a-voter", "transfer-under-way", "not-a-member", "node-unreachable", "no-leader"),
        },
      },
    },
    async ({ body }) => members.transfer(body),
  );
  registerSnapshots(api, { members });
}

function registerSnapshots(api: Api, { members }: Pick<ApiContext, "members">): void {
  const answers = {
    200: jsonAnswer("made", "SnapshotMade"),
    ...refusals("invalid", "snapshot-under-way", "nothing-to-snapshot", "node-unreachable", "store-failed"),
  };
  api.post(
    "/cluster/snapshot",
    {
      schema: {
        summary: "Make a snapshot of a node's state now; its log keeps what followers that lag may need",
        tags: ["cluster"],
        body: SnapshotOrder,
        response: answers,
      },
    },
    async ({ body }) => members.snapshot(body.node),
  );
  api.post(
    "/cluster/compact",
    {
      schema: {
        summary: "Make a snapshot of a node's state and drop all of its log that it covers",
        tags: ["cluster"],
        body: SnapshotOrder,
        response: answers,
      },
    },
    async ({ body }) => members.snapshot(body.node, { compact: true }),
  );
}
