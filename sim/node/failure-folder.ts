/**
 * A folder of failing seeds, a JSON file each: what a sweep found, for the next one to run first.
 *
 * A file holds the options of the run, whatever the sweep drew for it included, and what was broken. The same options under other software are
 * another run: one that is clean now may have been mended, or no longer come to where it failed. So files stay until somebody removes them.
 */
import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PROFILE_NAMES } from "../run/coverage.ts";
import { requireRange } from "../run/run-limits.ts";
import type { RunOptions, SeedFailure, SeedResult } from "../run/run-result.ts";
import { describePrint, isPrint, printTree, type TreePrint } from "./tree-print.ts";

const FORMAT = "blixard-failing-seed";
const FORMAT_VERSION = 1;

/** More than a file has. */
const TRIAL_BYTES = 65_536;

export interface KeptFailure {
  /** The file's name in its folder. */
  readonly file: string;
  /** The version of the software that failed. */
  readonly software: string;
  readonly run: Pick<
    RunOptions,
    "seed" | "nodes" | "durationMs" | "profile" | "everyFault" | "order" | "vms" | "upgradeFrom"
  >;
  readonly failure: Pick<SeedFailure, "invariant" | "message" | "atMs">;
  readonly eventLogHash: string;
}

/** The folder cannot be read or written, or a file in it is no failing seed that this software can run. */
export class FailureFileError extends Error {
  override readonly name = "FailureFileError";
}

export class FailureFolder {
  readonly #path: string;
  readonly #prints = new Map<string, TreePrint>();

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * What is there, sorted by name. Makes the folder, and those above it, where it is missing: a night should not find out at its first failure
   * that it cannot, so a file is made and removed. @throws {FailureFileError} when that fails, or a `.json` file holds something else.
   */
  open(): readonly KeptFailure[] {
    const files = this.#attempt("open", () => {
      makeFolder(this.#path);
      requireRoom(this.#path);
      return readdirSync(this.#path);
    });
    return files
      .filter((name) => name.endsWith(".json"))
      .toSorted()
      .map((file) => this.#readOne(file));
  }

  /** Writes the file of a run that failed, over one of the same options. @throws {FailureFileError} when it cannot. */
  keep(
    { seed, nodes, vms, upgradeFrom, durationMs, profile, everyFault, order, failure, eventLogHash }: SeedResult,
    software: string,
  ): void {
    if (failure === undefined) return;
    const { invariant, message, atMs } = failure;
    const every = { ...(everyFault === true && { everyFault }), ...(order !== undefined && { order }) };
    const whole = { ...(vms !== undefined && { vms }), ...(upgradeFrom !== undefined && { upgradeFrom }) };
    const run = { seed, nodes, ...whole, durationMs, profile, ...every };
    const from = upgradeFrom === undefined ? {} : { upgradedFrom: this.#printOf(upgradeFrom) };
    const content = { format: FORMAT, formatVersion: FORMAT_VERSION, software, run, ...from };
    const upgrade = upgradeFrom === undefined ? "" : "upgrade-";
    const file = `${profile}-${seed}-${nodes}n-${vms === undefined ? "" : `${vms}vms-`}${upgrade}${durationMs}ms${everyFault === true ? "-every" : ""}${order === undefined ? "" : `-${order}`}.json`;
    const path = join(this.#path, file);
    const text = JSON.stringify({ ...content, failure: { invariant, message, atMs }, eventLogHash }, null, 2);
    this.#attempt(`keep seed ${seed} in`, () => {
      // Whole or not at all: a night may end at any moment.
      writeFileSync(`${path}.draft`, `${text}\n`);
      renameSync(`${path}.draft`, path);
    });
  }

  /** Of one folder once: its threads load it once, too. */
  #printOf(folder: string): TreePrint {
    const known = this.#prints.get(folder);
    if (known !== undefined) return known;
    const print = this.#attempt("say what was upgraded from in", () => printTree(folder));
    this.#prints.set(folder, print);
    return print;
  }

  #attempt<Result>(what: string, attempt: () => Result): Result {
    try {
      return attempt();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new FailureFileError(`Cannot ${what} the folder of failing seeds ${this.#path}: ${why}`, { cause: error });
    }
  }

  #readOne(file: string): KeptFailure {
    const path = join(this.#path, file);
    const refuse = (why: string): FailureFileError =>
      new FailureFileError(`Cannot replay ${path}: ${why}. Move it away, or run the software that wrote it`);
    const value = parse(this.#attempt("read", () => readFileSync(path, "utf8")));
    if (!isRecord(value) || value["format"] !== FORMAT)
      throw refuse(`it holds no failing seed ("format": "${FORMAT}")`);
    if (value["formatVersion"] !== FORMAT_VERSION) {
      throw refuse(`its format version is ${String(value["formatVersion"])}, this software reads ${FORMAT_VERSION}`);
    }
    const { software, run, failure, eventLogHash } = value;
    if (!isRecord(run) || !isRecord(failure) || typeof failure["invariant"] !== "string") {
      throw refuse('"run" or "failure" is missing');
    }
    const options = run as unknown as KeptFailure["run"];
    const { profile = "mixed" } = options;
    if (!PROFILE_NAMES.includes(profile)) {
      throw refuse(`its profile is "${profile}", wanted one of ${PROFILE_NAMES.join(", ")}`);
    }
    const { upgradeFrom } = options;
    const was = value["upgradedFrom"];
    if (upgradeFrom !== undefined && isPrint(was)) {
      const now = this.#printOf(upgradeFrom);
      const told = `it was upgraded from ${describePrint(was)}, and ${upgradeFrom} holds ${describePrint(now)}`;
      if (was.sources !== now.sources) throw refuse(told);
    }
    try {
      requireRange(options);
    } catch (error) {
      throw refuse(error instanceof Error ? error.message : String(error));
    }
    return {
      file,
      software: String(software),
      run: options,
      failure: failure as unknown as KeptFailure["failure"],
      eventLogHash: String(eventLogHash),
    };
  }
}

/** With those above it. One by one: where the kernel makes no folders, as in /proc, `recursive` tries for ever (Node.js 24). */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return;
  const above = dirname(path);
  if (above !== path) makeFolder(above);
  mkdirSync(path);
}

/** @throws {Error} when no file can be made there, found out by making one: permissions do not say that a disk is full. */
function requireRoom(folder: string): void {
  if (!statSync(folder).isDirectory()) throw new Error("it is no folder");
  const trial = join(folder, `trial-${randomUUID()}`);
  try {
    writeFileSync(trial, new Uint8Array(TRIAL_BYTES), { flag: "wx", flush: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "ENOSPC" ? "the disk is full" : "no file can be made there";
    throw new Error(`${why} (${code ?? "unknown error"})`, { cause: error });
  } finally {
    rmSync(trial, { force: true });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
