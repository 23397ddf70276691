/** `/vms`: making, changing, starting, stopping and removing VMs. Reading stands in `collection-routes.ts`, logs in `log-routes.ts`. */
import { checkVmSpec, VmManifest, type Command, type FieldProblem, type Vm } from "../actors/index.ts";
import type { Api, ApiContext } from "./api-context.ts";
import { apiError } from "./api-error.ts";
import { etagOf, registerCollection, VMS } from "./collection-routes.ts";
import { registerMigrations } from "./migration-routes.ts";
import { jsonAnswer, REPLICA_CODES, refusals } from "./route-schemas.ts";
import { ApplyQuery, NameParams } from "./wire.ts";

/** Says what an apply did: `created`, `updated`, or `none` when everything was so already. */
const CHANGE_HEADER = "blixard-change";
export type AppliedChange = "created" | "updated" | "none";

const BODY_CODES = [
  "invalid",
  "malformed-json",
  "too-large",
  "unsupported-media-type",
  "conflict",
  ...REPLICA_CODES,
] as const;
const NAME_CODES = ["invalid-parameter", "not-found", "conflict", ...REPLICA_CODES] as const;

export function registerVms(api: Api, context: ApiContext): void {
  registerCollection(api, context, VMS);
  registerWrites(api, context);
  registerSwitches(api, context);
  registerMigrations(api, context);
}

function registerWrites(api: Api, context: ApiContext): void {
  api.post(
    "/vms",
    {
      schema: {
        summary: "Make a VM; refused when the name is taken",
        tags: ["vms"],
        body: VmManifest,
        response: { 201: jsonAnswer("made", "Vm"), ...refusals(...BODY_CODES) },
      },
    },
    async ({ body }, reply) => {
      const vm = await propose(context, { type: "create-vm", ...definitionOf(body) });
      return reply.code(201).header("location", `/api/v1/vms/${vm.metadata.name}`).header("etag", etagOf(vm)).send(vm);
    },
  );
  api.put(
    "/vms/:name",
    {
      schema: {
        summary: "Apply a manifest: make the VM, or give it this spec and these labels",
        description: "`If-Match` or `expectedVersion` makes it conditional on the present `metadata.version`.",
        tags: ["vms"],
        params: NameParams,
        querystring: ApplyQuery,
        body: VmManifest,
        response: {
          200: { ...jsonAnswer("updated, or so already", "Vm"), headers: changeHeader() },
          201: { ...jsonAnswer("made", "Vm"), headers: changeHeader() },
          ...refusals("invalid-parameter", ...BODY_CODES),
        },
      },
    },
    async ({ body, params, query, headers }, reply) => {
      assertName(body, params.name);
      const expectedVersion = versionExpected(query.expectedVersion, headers["if-match"]);
      const definition = definitionOf(body);
      const before = await context.replica.read({ kind: "Vm", name: params.name, consistency: "local" });
      const { changed, resource } = await context.replica.propose({
        type: "apply-vm",
        ...definition,
        ...(expectedVersion === undefined ? {} : { expectedVersion }),
      });
      const vm = assertVm(resource, params.name);
      // A new VM has its first generation and an identity that was not there before.
      const isNew = changed && vm.metadata.generation === 1 && before.resources[0]?.metadata.uid !== vm.metadata.uid;
      const change: AppliedChange = isNew ? "created" : changed ? "updated" : "none";
      return reply
        .code(isNew ? 201 : 200)
        .header(CHANGE_HEADER, change)
        .header("etag", etagOf(vm))
        .send(vm);
    },
  );
  api.delete(
    "/vms/:name",
    {
      schema: {
        summary: "Remove a VM: its instance is stopped first",
        tags: ["vms"],
        params: NameParams,
        response: {
          202: jsonAnswer("its instance is being stopped; it goes when nothing of it runs", "Vm"),
          204: { description: "gone", type: "null" },
          ...refusals(...NAME_CODES),
        },
      },
    },
    async ({ params: { name } }, reply) => {
      const { resource } = await context.replica.propose({ type: "delete-vm", name });
      return resource === null ? reply.code(204).send(null) : reply.code(202).send(resource);
    },
  );
}

function registerSwitches(api: Api, context: ApiContext): void {
  for (const running of [true, false]) {
    const verb = running ? "start" : "stop";
    api.post(
      `/vms/:name/${verb}`,
      {
        schema: {
          summary: `Let a VM ${running ? "run" : "stop"}; so already is fine`,
          tags: ["vms"],
          params: NameParams,
          response: { 200: jsonAnswer("as wanted from now on", "Vm"), ...refusals(...NAME_CODES) },
        },
      },
      async ({ params: { name } }, reply) => {
        const vm = await propose(context, { type: "set-running", name, running });
        return reply.header("etag", etagOf(vm)).send(vm);
      },
    );
  }
}

async function propose({ replica }: ApiContext, command: Command & { readonly name: string }): Promise<Vm> {
  const { resource } = await replica.propose(command);
  return assertVm(resource, command.name);
}

/** @throws {ApiError} when the VM is gone by the time the answer came. */
function assertVm(resource: { readonly kind: string } | null, name: string): Vm {
  if (resource?.kind === "Vm") return resource as Vm;
  throw apiError("not-found", `VM "${name}" was written and has been deleted since`);
}

/** @throws {ApiError} `invalid` for what no schema can say. */
function definitionOf({
  metadata,
  spec,
}: VmManifest): Pick<Extract<Command, { type: "create-vm" }>, "name" | "labels" | "spec"> {
  const problems = checkVmSpec(metadata.name, spec, "/spec");
  if (problems.length > 0) throw invalidBody(problems);
  return { name: metadata.name, labels: metadata.labels ?? {}, spec };
}

function assertName({ metadata }: VmManifest, name: string): void {
  if (metadata.name === name) return;
  const [expected, got] = [JSON.stringify(name), JSON.stringify(metadata.name)];
  const message = `metadata.name: expected ${expected} as in the path, got ${got}`;
  throw invalidBody([{ field: "/metadata/name", expected, got, message }]);
}

export function invalidBody(problems: readonly FieldProblem[]): Error {
  const [first, ...others] = problems;
  const more = others.length === 0 ? "" : ` (and ${others.length} more, see details.problems)`;
  return apiError("invalid", `The body is not valid: ${first?.message ?? ""}${more}`, { problems });
}

/** @throws {ApiError} for an `If-Match` that is not one version, or says another than the query. */
function versionExpected(inQuery: number | undefined, ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined) return inQuery;
  const [, digits] = /^"(\d{1,15})"$/.exec(ifMatch) ?? [];
  const version = digits === undefined ? undefined : Number(digits);
  if (version !== undefined && (inQuery ?? version) === version) return version;
  const expected = inQuery === undefined ? 'one version in quotes, as in "17"' : `"${inQuery}", as in the query`;
  const message = `If-Match: expected ${expected}, got ${ifMatch}`;
  throw apiError("invalid-parameter", message, { problems: [{ field: "/if-match", expected, got: ifMatch, message }] });
}

function changeHeader(): Readonly<Record<string, { readonly type: string; readonly description: string }>> {
  return { [CHANGE_HEADER]: { type: "string", description: "created, updated or none" } };
}
