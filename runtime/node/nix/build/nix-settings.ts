/**
 * How a node calls Nix: program, configuration, inputs, limits. What is left out is as `nix` itself would do it.
 */
import type { PushOptions } from "./push-closure.ts";

export interface NixSettings {
  /** Nix's program. Default: `nix` on the path. */
  readonly nix?: string;
  /** Lines of nix.conf, over those of the host: "sandbox = false", "substituters = https://cache.example". */
  readonly config?: readonly string[];
  /** Arguments of every command, for example `--store`. */
  readonly args?: readonly string[];
  /** By name of an input of the generated flake (`nixpkgs`, `microvm`): the reference that stands in for it. */
  readonly inputs?: Readonly<Record<string, string>>;
  /** The cluster's flake.lock, the same file on every node: it decides which nixpkgs and microvm.nix VMs are built with. */
  readonly lockFile?: string;
  /** Where Nix keeps what it fetched and evaluated, in place of the user's ~/.cache. */
  readonly cacheDir: string;
  /** Builds at once; one evaluation of real nixpkgs takes some 0.7 GB. Default: 2. */
  readonly buildsMax?: number;
  /** Default: 1,800,000, half an hour. */
  readonly timeoutMs?: number;
  /** Where what was built is copied to, signed. Default: nowhere. */
  readonly push?: PushOptions;
}

/** Evaluations cost memory: two of them leave room on a host of 4 GB. */
export const BUILDS_MAX = 2;
export const BUILD_TIMEOUT_MS = 1_800_000;

/** The registry would be downloaded only to look up names that nothing here uses. */
const CONFIG = ["experimental-features = nix-command flakes", "flake-registry ="];

/** Variables of every Nix command. */
export function nixEnvironment({ config = [], cacheDir }: NixSettings): Readonly<Record<string, string>> {
  return { NIX_CONFIG: [...CONFIG, ...config, ""].join("\n"), XDG_CACHE_HOME: cacheDir };
}
