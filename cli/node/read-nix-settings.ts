/**
 * Reads the file of `blixard node --nix`: how the driver `microvm-nix` calls Nix, as YAML or JSON.
 *
 *     lock: /etc/blixard/flake.lock       # or inputs: {nixpkgs: …, microvm: …}
 *     config: [sandbox = false]           # lines of nix.conf, over those of the host
 *     args: [--store, /srv/store]         # of every command
 *     nix: /usr/bin/nix
 *     builds: 2                           # at once
 *     timeoutSeconds: 1800
 *     kvm: true                           # the operator's word, in place of a proof
 *     push: { to: "file:///srv/cache", key: /etc/blixard/cache.key }      # what was built, signed
 *
 * Without a lock two nodes would build different systems from one VM, each from the nixpkgs of its hour: it is required.
 */
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import type { NixSettings } from "../../runtime/node/index.ts";
import { usageError } from "../cli-error.ts";

export interface NixFile {
  readonly settings: NixSettings;
  /** Whether KVM works here; absent: to be proven. */
  readonly kvm?: boolean;
}

const FIELDS: Readonly<Record<string, string>> = {
  nix: "a program",
  args: "a list of words",
  config: "a list of lines of nix.conf",
  inputs: "flake references by input",
  lock: "a file",
  builds: "a whole number from 1 to 64",
  timeoutSeconds: "a whole number from 1 to 86400",
  kvm: "true or false",
  push: "a store's URL as to, a file as key",
};
/** Inputs of the generated flake that a lock decides, or the file itself. */
const LOCKED = ["nixpkgs", "microvm"];
const BUILDS_AT_MOST = 64;
const TIMEOUT_SECONDS_MAX = 86_400;
const SECOND_MS = 1000;

/** @param dataDir the node's; Nix keeps its cache there. @throws CliError that names every wrong field. */
export function readNixFile(path: string, dataDir: string): NixFile {
  const at = resolve(path);
  const given = load(at);
  const problems: string[] = [];
  const take = <Value>(name: string, isRight: (value: unknown) => value is Value): Value | undefined => {
    const value = given[name];
    if (value === undefined || isRight(value)) return value;
    problems.push(`"${name}" is ${JSON.stringify(value)}, expected ${FIELDS[name]}`);
    return undefined;
  };
  for (const name of Object.keys(given)) {
    if (!(name in FIELDS)) problems.push(`"${name}" is no field; there are ${Object.keys(FIELDS).join(", ")}`);
  }
  const lock = take("lock", isText);
  const inputs = take("inputs", isTexts);
  const nix = take("nix", isText);
  const args = take("args", isList);
  const config = take("config", isList);
  const builds = take("builds", isWhole(BUILDS_AT_MOST));
  const timeoutSeconds = take("timeoutSeconds", isWhole(TIMEOUT_SECONDS_MAX));
  const kvm = take("kvm", (value) => typeof value === "boolean");
  const push = take("push", isPush);
  const open = LOCKED.filter((name) => inputs?.[name] === undefined);
  if (lock === undefined && open.length > 0) {
    problems.push(
      `"lock" is missing, and "inputs" says nothing of ${open.join(" and ")}: two nodes would build different systems`,
    );
  }
  if (problems.length > 0) refuse(at, problems.map((problem) => `\n  - ${problem}`).join(""));
  return {
    settings: {
      cacheDir: join(dataDir, "nix-cache"),
      ...(lock === undefined ? {} : { lockFile: resolve(dirname(at), lock) }),
      ...(inputs === undefined ? {} : { inputs }),
      ...(nix === undefined ? {} : { nix }),
      ...(args === undefined ? {} : { args }),
      ...(config === undefined ? {} : { config }),
      ...(builds === undefined ? {} : { buildsMax: builds }),
      ...(timeoutSeconds === undefined ? {} : { timeoutMs: timeoutSeconds * SECOND_MS }),
      ...(push === undefined ? {} : { push: { to: push.to, keyFile: resolve(dirname(at), push.key) } }),
    },
    ...(kvm === undefined ? {} : { kvm }),
  };
}

function load(path: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = parse(readFileSync(path, "utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (error) {
    refuse(path, ` ${(error as Error).message.split("\n")[0]}`);
  }
  return refuse(path, " it is no object of names and values");
}

function refuse(path: string, why: string): never {
  throw usageError(`Cannot read the settings of Nix in "${path}":${why}`, "See docs/microvm-nix.md.");
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.values(value).every(isText);
}

function isPush(value: unknown): value is { readonly to: string; readonly key: string } {
  return isTexts(value) && value["to"] !== undefined && value["key"] !== undefined && Object.keys(value).length === 2;
}

function isWhole(max: number): (value: unknown) => value is number {
  return (value): value is number => Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= max;
}
