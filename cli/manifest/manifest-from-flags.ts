/** Makes a manifest of the flags of `vm create`; what it may hold is the schema's to say, as for any manifest. */
import { API_VERSION, type VmManifest } from "../../actors/index.ts";
import { parseVmManifest } from "../../actors/resources/validate-vm.ts";
import { usageError } from "../cli-error.ts";

export interface VmFlags {
  readonly image?: string;
  readonly vcpus?: string;
  readonly memory?: string;
  readonly balloon?: boolean;
  readonly port: readonly string[];
  readonly network: readonly string[];
  readonly health?: string;
  readonly env: readonly string[];
  readonly file: readonly string[];
  readonly label: readonly string[];
  readonly nodeLabel: readonly string[];
  readonly restart?: string;
  readonly after: readonly string[];
  readonly requires: readonly string[];
}

const MEBIBYTES_BY_UNIT: Readonly<Record<string, number>> = { "": 1, MiB: 1, GiB: 1024 };

/** @throws CliError that names the flag, or the field. */
export async function manifestFromFlags(
  name: string,
  command: readonly string[],
  flags: VmFlags,
  readText: (path: string) => Promise<string>,
): Promise<VmManifest> {
  const refuse = (flag: string, given: string, expected: string): never => {
    throw usageError(`Cannot create VM "${name}": ${flag} is "${given}", expected ${expected}.`);
  };
  const files = Object.entries(parsePairs(flags.file, (given) => refuse("--file", given, "/PATH/IN/GUEST=LOCAL-FILE")));
  const { image, restart, vcpus, memory, health } = flags;
  const parsed = parseVmManifest({
    apiVersion: API_VERSION,
    kind: "Vm",
    metadata: { name, labels: parsePairs(flags.label, (given) => refuse("--label", given, "KEY=VALUE")) },
    spec: {
      ...(image === undefined ? {} : { image }),
      ...(restart === undefined ? {} : { restart }),
      ...(vcpus === undefined ? {} : { vcpus: parseCount(vcpus) ?? refuse("--vcpus", vcpus, "a whole number") }),
      ...(memory === undefined
        ? {}
        : { memoryMiB: parseMemory(memory) ?? refuse("--memory", memory, "128, 128MiB, 1GiB") }),
      ...(flags.balloon === true ? { balloon: true } : {}),
      ...(health === undefined
        ? {}
        : {
            health:
              parseHealth(health) ?? refuse("--health", health, "http:PORT/PATH, tcp:PORT, exec:COMMAND or heartbeat"),
          }),
      ...(flags.after.length === 0 ? {} : { after: flags.after }),
      ...(flags.requires.length === 0 ? {} : { requires: flags.requires }),
      command,
      env: parsePairs(flags.env, (given) => refuse("--env", given, "NAME=VALUE")),
      files: await Promise.all(files.map(async ([path, local]) => ({ path, content: await readText(local) }))),
      ports: flags.port.map((given) => parsePort(given) ?? refuse("--port", given, "NAME=GUEST or NAME=GUEST:HOST")),
      ...(flags.network.length === 0
        ? {}
        : {
            networks: flags.network.map(
              (given) =>
                parseNetwork(given) ??
                refuse("--network", given, "NAME=user, or NAME=tap:BRIDGE[,address=A/N][,gateway=A][,mac=M]"),
            ),
          }),
      nodeSelector: parsePairs(flags.nodeLabel, (given) => refuse("--node-label", given, "KEY=VALUE")),
    },
  });
  if (parsed.ok) return parsed.manifest;
  const problems = parsed.problems.map(({ message }) => `\n  - ${message}`).join("");
  throw usageError(`Cannot create VM "${name}":${problems}`);
}

function parsePairs(given: readonly string[], refuse: (pair: string) => never): Readonly<Record<string, string>> {
  return Object.fromEntries(
    given.map((pair) => {
      const at = pair.indexOf("=");
      return at < 1 ? refuse(pair) : [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

function parseCount(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function parseMemory(text: string): number | undefined {
  const [, count, unit = ""] = /^(\d{1,9})(MiB|GiB|)$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * MEBIBYTES_BY_UNIT[unit]!;
}

function parsePort(text: string): object | undefined {
  const [, name, guest, host] = /^([^=:]+)=(\d{1,5})(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (name === undefined) return undefined;
  return { name, guest: Number(guest), ...(host === undefined ? {} : { host: Number(host) }) };
}

/** The kind is the schema's to judge. */
function parseNetwork(text: string): object | undefined {
  const [, name, rest = ""] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (name === undefined) return undefined;
  const [place = "", ...words] = rest.split(",");
  const [kind, ...bridge] = place.split(":");
  const more = words.map((word) => /^(address|gateway|mac)=(.+)$/.exec(word));
  if (more.includes(null)) return undefined;
  const fields = Object.fromEntries(more.map((found) => [found?.[1], found?.[2]]));
  return { name, kind, ...(bridge.length === 0 ? {} : { bridge: bridge.join(":") }), ...fields };
}

function parseHealth(text: string): object | undefined {
  if (text === "heartbeat") return { type: "heartbeat" };
  // One word of a command line: the guest's shell takes it apart.
  if (/^exec:./s.test(text)) return { type: "exec", command: ["/bin/sh", "-c", text.slice("exec:".length)] };
  const [, type, port, path] = /^(http|tcp):(\d{1,5})(\/.*)?$/.exec(text) ?? [];
  if (type === undefined || (type === "tcp" && path !== undefined)) return undefined;
  return { type, port: Number(port), ...(path === undefined ? {} : { path }) };
}
