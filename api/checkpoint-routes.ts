/** `/checkpoints`, and what makes and uses them: `/vms/:name/checkpoint` and `/vms/:name/restore`. A clone is a VM made with `spec.checkpoint`. */
import type { Checkpoint, Command, Node, Resource, Vm } from "../actors/index.ts";
import type { Api, ApiContext } from "./api-context.ts";
import { apiError } from "./api-error.ts";
import { checkHere, requireWhole } from "./checkpoint-check.ts";
import type { CheckpointCheck } from "./checkpoint-wire.ts";
import { CHECKPOINTS, etagOf, NODES, readOne, registerCollection } from "./collection-routes.ts";
import { HOP_HEADER } from "./peer-api.ts";
import { jsonAnswer, REPLICA_CODES, refusals } from "./route-schemas.ts";
import { CheckpointBody, NameParams, RestoreBody } from "./wire.ts";

const NAME_CODES = ["invalid-parameter", "not-found", "conflict", ...REPLICA_CODES] as const;
const BODY_CODES = ["malformed-json", "too-large", "unsupported-media-type", "invalid", ...NAME_CODES] as const;

export function registerCheckpoints(api: Api, context: ApiContext): void {
  registerCollection(api, context, CHECKPOINTS);
  registerMaking(api, context);
  registerCheck(api, context);
  api.post(
    "/vms/:name/restore",
    {
      schema: {
        summary: "Let a VM go on from a checkpoint of its own, now and at each later start",
        description:
          "Sets `spec.checkpoint`, lets it run, and puts another instance in the place of the one that runs; refused where the node of the checkpoint finds its bytes damaged.",
        tags: ["vms"],
        params: NameParams,
        body: RestoreBody,
        response: { 200: jsonAnswer("as wanted from now on", "Vm"), ...refusals("node-unreachable", ...BODY_CODES) },
      },
    },
    async ({ params: { name }, body: { checkpoint } }, reply) => {
      await requireWhole(context, name, checkpoint);
      const vm: Vm = await propose(context, "Vm", { type: "restore-vm", name, checkpoint });
      return reply.header("etag", etagOf(vm)).send(vm);
    },
  );
  api.delete(
    "/checkpoints/:name",
    {
      schema: {
        summary: "Remove a checkpoint: refused while a VM is started from it",
        tags: ["checkpoints"],
        params: NameParams,
        response: {
          202: jsonAnswer("its node is to remove it; it goes when that is done", "Checkpoint"),
          204: { description: "gone", type: "null" },
          ...refusals(...NAME_CODES),
        },
      },
    },
    async ({ params: { name } }, reply) => {
      const { resource } = await context.replica.propose({ type: "delete-checkpoint", name });
      return resource === null ? reply.code(204).send(null) : reply.code(202).send(resource);
    },
  );
}

function registerCheck(api: Api, context: ApiContext): void {
  api.get(
    "/checkpoints/:name/check",
    {
      schema: {
        summary: "Read the bytes of a checkpoint, and say whether they are what was written",
        description: "Answered within a second; `reading` says that it takes longer and goes on.",
        tags: ["checkpoints"],
        params: NameParams,
        response: {
          200: jsonAnswer("what its node found", "CheckpointCheck"),
          ...refusals("node-unreachable", ...NAME_CODES),
        },
      },
    },
    async ({ params: { name }, headers }): Promise<CheckpointCheck> => {
      const known = (await readOne(context, CHECKPOINTS, name, "linearizable")) as Checkpoint;
      const { node } = known.status;
      if (node === context.node) return checkHere(context, known);
      if (headers[HOP_HEADER] !== undefined) {
        throw apiError("conflict", `Checkpoint "${name}" is on node "${node}", not on "${context.node}"; ask again`);
      }
      return context.peers.checkpointCheck((await readOne(context, NODES, node, "local")) as Node, name);
    },
  );
}

function registerMaking(api: Api, context: ApiContext): void {
  api.post(
    "/vms/:name/checkpoint",
    {
      schema: {
        summary: "Make a checkpoint of a running VM; it stands still meanwhile and goes on",
        description:
          "Taken on when it is answered; `status.phase` of the checkpoint says when it is ready, or why not.",
        tags: ["checkpoints"],
        params: NameParams,
        body: CheckpointBody,
        response: { 202: jsonAnswer("it is being made", "Checkpoint"), ...refusals("already-exists", ...BODY_CODES) },
      },
    },
    async ({ params, body: { name, labels = {} } }, reply) => {
      const made = await propose(context, "Checkpoint", { type: "create-checkpoint", name, labels, vm: params.name });
      const location = `/api/v1/checkpoints/${name}`;
      return reply.code(202).header("location", location).header("etag", etagOf(made)).send(made);
    },
  );
}

/** @throws {ApiError} when it is gone by the time the answer came. */
async function propose<Kind extends "Vm" | "Checkpoint">(
  { replica }: ApiContext,
  kind: Kind,
  command: Command & { readonly name: string },
): Promise<Kind extends "Vm" ? Vm : Checkpoint> {
  const { resource } = await replica.propose(command);
  if (resource?.kind === kind) return resource as Resource as Kind extends "Vm" ? Vm : Checkpoint;
  throw apiError("not-found", `${kind} "${command.name}" was written and has been deleted since`);
}
