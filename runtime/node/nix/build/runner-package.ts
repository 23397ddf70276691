/**
 * Reads a built runner: what scripts it has, and what share/microvm says of the machine.
 *
 * Source: microvm.nix, lib/runner.nix and doc/src/conventions.md.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { VMM_NAMES, type VmmName } from "../../../microvm/index.ts";

export interface RunnerPackage {
  /** Its path in the store, or a link to that. */
  readonly path: string;
  readonly hypervisor: VmmName;
  /** Interfaces of the host that `tap-up` makes. */
  readonly taps: readonly string[];
  readonly macvtaps: readonly string[];
  readonly virtiofs: readonly VirtiofsShare[];
  readonly vsockCid: number | undefined;
}

export interface VirtiofsShare {
  readonly tag: string;
  /** Relative to the hypervisor's working folder. */
  readonly socket: string;
  readonly source: string;
}

export type RunnerScript = "microvm-run" | "microvm-shutdown" | "tap-up" | "tap-down" | "macvtap-up" | "macvtap-down";

/** @throws when `path` holds no runner. */
export function readRunner(path: string): RunnerPackage {
  const share = join(path, "share/microvm");
  const hypervisor = VMM_NAMES.find((name) => name === readHypervisor(path));
  if (hypervisor === undefined || runnerScript(path, "microvm-run") === undefined) {
    throw new Error(`"${path}" is no runner of microvm.nix: it lacks bin/microvm-run, or is of an unknown hypervisor`);
  }
  const cid = linesOf(join(share, "vsock-cid"))[0];
  return {
    path,
    hypervisor,
    taps: linesOf(join(share, "tap-interfaces")),
    macvtaps: linesOf(join(share, "macvtap-interfaces")).map((line) => line.split(" ")[0] ?? line),
    virtiofs: readVirtiofs(join(share, "virtiofs")),
    vsockCid: cid === undefined ? undefined : Number(cid),
  };
}

/** The script's path, if the runner has it. */
export function runnerScript(path: string, name: RunnerScript): string | undefined {
  const script = join(path, "bin", name);
  return existsSync(script) ? script : undefined;
}

/** Runners of before 2025 say it in their name only. */
function readHypervisor(path: string): string {
  const [said] = linesOf(join(path, "share/microvm/hypervisor"));
  return said ?? "";
}

function readVirtiofs(folder: string): readonly VirtiofsShare[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .toSorted()
    .map((tag) => ({
      tag,
      socket: linesOf(join(folder, tag, "socket"))[0] ?? "",
      source: linesOf(join(folder, tag, "source"))[0] ?? "",
    }));
}

function linesOf(path: string): readonly string[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "");
}
