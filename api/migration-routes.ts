/** `/vms/:name/{pause,resume,restart,balloon,migrate}`: what is asked of a VM's running instance. Making and changing VMs: `vm-routes.ts`. */
import {
  planMigration,
  type Checkpoint,
  type Command,
  type Node,
  type RefusalCode,
  type Resource,
  type Vm,
} from "../actors/index.ts";
import type { Api, ApiContext } from "./api-context.ts";
import { apiError } from "./api-error.ts";
import { etagOf } from "./collection-routes.ts";
import { jsonAnswer, REPLICA_CODES, refusals } from "./route-schemas.ts";
import { BalloonBody, MigrateBody, NameParams, type MigrationPlan } from "./wire.ts";

const CODES = ["invalid-parameter", "not-found", "conflict", "invalid", ...REPLICA_CODES] as const;
const BODY_CODES = ["malformed-json", "too-large", "unsupported-media-type", ...CODES] as const;

export function registerMigrations(api: Api, context: ApiContext): void {
  registerSwitches(api, context);
  api.post(
    "/vms/:name/migrate",
    {
      schema: {
        summary: "Move a VM to another node: live, memory and all, or by stop and start",
        description:
          "Live unless `how` is `cold`. Taken on when it is answered; `status.migration` says how far it is, `status.lastMigration` what came of it.",
        tags: ["vms"],
        params: NameParams,
        body: MigrateBody,
        response: { 202: jsonAnswer("it is under way", "Vm"), ...refusals(...BODY_CODES) },
      },
    },
    async ({ params: { name }, body: { to, how, ...limits } }, reply) => {
      const { timeoutMs } = limits;
      if (how === "cold") requireAble(await planned(context, { name, target: to, how, ...limits }));
      const vm = await propose(
        context,
        how === "cold"
          ? { type: "move-vm", name, target: to, timeoutMs }
          : { type: "migrate-vm", name, target: to, limits },
      );
      return reply.code(202).header("etag", etagOf(vm)).send(vm);
    },
  );
  api.post(
    "/vms/:name/migrate/plan",
    {
      schema: {
        summary: "Say whether a VM could move there now, what it would take and all that is in its way; nothing moves",
        tags: ["vms"],
        params: NameParams,
        body: MigrateBody,
        response: { 200: jsonAnswer("whether it could", "MigrationPlan"), ...refusals(...BODY_CODES) },
      },
    },
    async ({ params: { name }, body: { to, ...asked } }) => {
      const { code: _, ...plan } = await planned(context, { name, target: to, ...asked });
      return plan;
    },
  );
  api.delete(
    "/vms/:name/migrate",
    {
      schema: {
        summary: "Cancel the migration that goes on: the VM stays where it is, or starts anew if it is being stopped",
        tags: ["vms"],
        params: NameParams,
        response: { 200: jsonAnswer("it goes on no more", "Vm"), ...refusals(...CODES) },
      },
    },
    async ({ params: { name } }, reply) => {
      const message = "it was cancelled";
      const vm = await propose(context, { type: "cancel-migration", name, migration: null, message });
      return reply.header("etag", etagOf(vm)).send(vm);
    },
  );
}

/** As clients get it, and the code that a refusal has. */
type PlannedMigration = MigrationPlan & { readonly code: RefusalCode | null };

/** @throws {ApiError} where there is nothing to plan. */
async function planned(
  { replica }: ApiContext,
  question: Parameters<typeof planMigration>[1],
): Promise<PlannedMigration> {
  const read = async (kind: "Vm" | "Node" | "Checkpoint"): Promise<readonly Resource[]> =>
    (await replica.read({ kind, consistency: "linearizable" })).resources;
  const [vms, nodes, checkpoints] = (await Promise.all([read("Vm"), read("Node"), read("Checkpoint")])) as [
    readonly Vm[],
    readonly Node[],
    readonly Checkpoint[],
  ];
  const plan = planMigration({ vms, nodes, checkpoints }, question);
  if ("checks" in plan) return { ...plan, checks: plan.checks.map((check) => ({ ...check })) };
  throw apiError(codeOf(plan.code), plan.message);
}

function codeOf(code: RefusalCode | null): "not-found" | "invalid" | "conflict" {
  return code === "not-found" || code === "invalid" ? code : "conflict";
}

/** What a driver cannot give a VM is not for the map to know. @throws {ApiError} */
function requireAble({ ok, code, message }: PlannedMigration): void {
  if (!ok) throw apiError(codeOf(code), message);
}

function registerSwitches(api: Api, context: ApiContext): void {
  api.post(
    "/vms/:name/balloon",
    {
      schema: {
        summary: "Leave a VM's guest less of its memory while it runs, or give it back",
        description:
          "Wanted from now on, as long as its instance lives; its metrics say what its balloon has taken so far.",
        tags: ["vms"],
        params: NameParams,
        body: BalloonBody,
        response: { 200: jsonAnswer("as wanted from now on", "Vm"), ...refusals(...BODY_CODES) },
      },
    },
    async ({ params: { name }, body: { memoryMiB } }, reply) => {
      const vm = await propose(context, { type: "set-balloon", name, memoryMiB });
      return reply.header("etag", etagOf(vm)).send(vm);
    },
  );
  const verbs = {
    pause: {
      summary: "Let a VM's processors stand still; so already is fine",
      about: { type: "set-paused", paused: true },
    },
    resume: { summary: "Let a paused VM go on; so already is fine", about: { type: "set-paused", paused: false } },
    restart: { summary: "End a VM's guest as when it is stopped, and start another", about: { type: "restart-vm" } },
  } as const;
  for (const [verb, { summary, about }] of Object.entries(verbs)) {
    api.post(
      `/vms/:name/${verb}`,
      {
        schema: {
          summary,
          tags: ["vms"],
          params: NameParams,
          response: { 200: jsonAnswer("as wanted from now on", "Vm"), ...refusals(...CODES) },
        },
      },
      async ({ params: { name } }, reply) => {
        const vm = await propose(context, { ...about, name });
        return reply.header("etag", etagOf(vm)).send(vm);
      },
    );
  }
}

/** @throws {ApiError} when the VM is gone by the time the answer came. */
async function propose({ replica }: ApiContext, command: Command & { readonly name: string }): Promise<Vm> {
  const { resource } = await replica.propose(command);
  if (resource?.kind === "Vm") return resource;
  throw apiError("not-found", `VM "${command.name}" was written and has been deleted since`);
}
