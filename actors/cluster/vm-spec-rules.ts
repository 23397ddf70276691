/** What a VmSpec must fulfil beside its schema: what its fields say of each other. */
import type { VmSpec } from "../resources/index.ts";

/** What is wrong with a spec and what would help; null when nothing is. */
export function whyInvalid(spec: VmSpec): string | null {
  const { ports, files, health } = spec;
  const name = firstTwice(ports.map((port) => port.name));
  if (name !== undefined) return `two ports are named "${name}"`;
  const host = firstTwice(ports.flatMap((port) => port.host ?? []));
  if (host !== undefined) return `two ports want host port ${host}`;
  const path = firstTwice(files.map((file) => file.path));
  if (path !== undefined) return `two files have the path "${path}"`;
  if (health !== undefined && !ports.some((port) => port.guest === health.port)) {
    return `the health check uses guest port ${health.port}, which no entry of ports forwards`;
  }
  return null;
}

function firstTwice<Value>(values: readonly Value[]): Value | undefined {
  const seen = new Set<Value>();
  for (const value of values) {
    if (seen.has(value)) return value;
    seen.add(value);
  }
  return undefined;
}
