/**
 * What makes a VM definition valid: its schema, and what no schema can say because it is about two fields at once.
 *
 * Used by the REST server for what clients send and by the command line for manifests, so both refuse the same things in
 * the same words. What depends on the nodes (room, drivers, host ports) is the scheduler's to say.
 */
import { checkMicrovm } from "../../runtime/index.ts";
import { checkDisks } from "./check-disks.ts";
import { checkNetworks } from "./check-networks.ts";
import { checkSchema, fillDefaults } from "./check-schema.ts";
import { describeValue, fieldName, fieldUnder, type FieldProblem } from "./field-problem.ts";
import { VmManifest, type VmSpec } from "./vm.ts";

export type ParsedVmManifest =
  | { readonly ok: true; readonly manifest: VmManifest }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };

/** A manifest with its defaults filled in, or everything that is wrong with it. */
export function parseVmManifest(value: unknown): ParsedVmManifest {
  const filled = fillDefaults(VmManifest, value);
  const problems = checkSchema(VmManifest, filled);
  if (problems.length > 0) return { ok: false, problems };
  const manifest = filled as VmManifest;
  const contradictions = checkVmSpec(manifest.metadata.name, manifest.spec, "/spec");
  return contradictions.length > 0 ? { ok: false, problems: contradictions } : { ok: true, manifest };
}

/** What is wrong between the fields of a spec that fits its schema. `name`: of the VM; `at` is where the spec stands. */
export function checkVmSpec(name: string, spec: VmSpec, at: string): readonly FieldProblem[] {
  return [
    ...checkDependencies(name, spec.after ?? [], fieldUnder(at, "after")),
    ...checkDependencies(name, spec.requires ?? [], fieldUnder(at, "requires")),
    ...checkPorts(spec, fieldUnder(at, "ports")),
    ...checkHealth(spec, fieldUnder(at, "health")),
    ...checkFiles(spec, fieldUnder(at, "files")),
    ...checkText(spec, at),
    ...checkDisks(spec, at),
    ...checkNetworks(spec, at),
    ...checkConfiguration(spec, fieldUnder(at, "microvm")),
  ];
}

/** What its hypervisor cannot do is known before Nix runs, and before any node has it. */
function checkConfiguration({ microvm, vcpus, memoryMiB, ports }: VmSpec, at: string): readonly FieldProblem[] {
  if (microvm === undefined) return [];
  return checkMicrovm(microvm, { vcpus, memoryMiB, publishesPorts: ports.length > 0 }).map(({ path, why }) => {
    const field = path.reduce<string>((under, part) => fieldUnder(under, part), at);
    return { field, expected: why, got: "", message: `${fieldName(field)}: ${why}` };
  });
}

function checkPorts({ ports }: VmSpec, at: string): readonly FieldProblem[] {
  return [...repeated(ports, "name", at), ...repeated(ports, "guest", at), ...repeated(ports, "host", at)];
}

function checkHealth({ health, ports }: VmSpec, at: string): readonly FieldProblem[] {
  if (health === undefined || health.type === "exec" || health.type === "heartbeat") return [];
  if (ports.some(({ guest }) => guest === health.port)) return [];
  const forwarded = ports.map(({ guest }) => guest);
  const expected =
    forwarded.length === 0
      ? "a guest port that spec.ports forwards, but it forwards none"
      : `a guest port that spec.ports forwards: ${[...new Set(forwarded)].join(" or ")}`;
  return [problem(fieldUnder(at, "port"), expected, String(health.port))];
}

function checkFiles({ files }: VmSpec, at: string): readonly FieldProblem[] {
  const problems = [...repeated(files, "path", at)];
  const paths = new Set(files.map(({ path }) => path));
  for (const [index, { path }] of files.entries()) {
    const field = fieldUnder(fieldUnder(at, index), "path");
    const parts = path.slice(1).split("/");
    if (parts.some((part) => part === "" || part === "." || part === "..")) {
      problems.push(problem(field, 'a path of a file without empty parts, "." or ".."', describeValue(path)));
      continue;
    }
    const parents = parts.slice(0, -1).map((_, last) => `/${parts.slice(0, last + 1).join("/")}`);
    const parent = parents.find((folder) => paths.has(folder));
    if (parent !== undefined) {
      problems.push(problem(field, `a path outside of "${parent}", which is a file too`, describeValue(path)));
    }
  }
  return problems;
}

/** Longer chains are the map's to refuse: only it knows the others. */
function checkDependencies(own: string, names: readonly string[], at: string): readonly FieldProblem[] {
  return names.flatMap((name, index) => {
    const field = fieldUnder(at, index);
    const first = names.indexOf(name);
    if (name === own) return [problem(field, "the name of another VM", `${describeValue(name)}, which is this one`)];
    return first === index
      ? []
      : [problem(field, `another than ${fieldName(fieldUnder(at, first))} has`, describeValue(name))];
  });
}

/** A NUL ends a string of the kernel, so the guest would silently get less than what was written. */
function checkText({ command, env, health }: VmSpec, at: string): readonly FieldProblem[] {
  const asked = health?.type === "exec" ? health.command : [];
  const askedAt = fieldUnder(fieldUnder(at, "health"), "command");
  const texts = [
    ...asked.map((text, index) => ({ field: fieldUnder(askedAt, index), text })),
    ...command.map((text, index) => ({ field: fieldUnder(fieldUnder(at, "command"), index), text })),
    ...Object.entries(env).map(([name, text]) => ({ field: fieldUnder(fieldUnder(at, "env"), name), text })),
  ];
  return texts
    .filter(({ text }) => text.includes("\0"))
    .map(({ field, text }) => problem(field, "text without NUL characters", describeValue(text)));
}

/** Entries whose `key` repeats that of an earlier one. */
function repeated<Entry extends object>(
  entries: readonly Entry[],
  key: keyof Entry & string,
  at: string,
): readonly FieldProblem[] {
  return entries.flatMap((entry, index) => {
    const value = entry[key];
    const first = entries.findIndex((earlier) => earlier[key] === value);
    if (value === undefined || first === index) return [];
    const other = fieldName(fieldUnder(fieldUnder(at, first), key));
    const field = fieldUnder(fieldUnder(at, index), key);
    const got = describeValue(value);
    return [
      { field, expected: `another than ${other} has`, got, message: `${fieldName(field)}: ${other} is ${got} already` },
    ];
  });
}

function problem(field: string, expected: string, got: string): FieldProblem {
  return { field, expected, got, message: `${fieldName(field)}: expected ${expected}, got ${got}` };
}
