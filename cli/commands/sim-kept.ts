/** `blixard sim --keep DIR`: the failures that earlier sweeps found are run again before anything else. */
import type { SeedResult } from "../../sim/index.ts";
import type { FailureFolder, KeptFailure, SweepOptions, SweepOutcome } from "../../sim/node/index.ts";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { Progress } from "../progress.ts";
import type { Terminal } from "../terminal.ts";
import { blixardVersion } from "../version.ts";

export interface KeptRuns {
  readonly folder: FailureFolder;
  /** How runs go over threads. */
  readonly threads: Omit<SweepOptions, "runs">;
  readonly terminal: Terminal;
  /** Each result as a line of JSON, and no words. */
  readonly json: boolean;
}

/** Runs each kept failure again and says which are clean now. @returns those that are not. @throws {CliError} when a run has no result. */
export async function replayKept({ folder, threads, terminal, json }: KeptRuns): Promise<readonly SeedResult[]> {
  const kept = await openFolder(folder);
  if (kept.length === 0) return [];
  const { sweep } = await import("../../sim/node/index.ts");
  const { out, err } = terminal;
  const title = `Replaying ${kept.length} kept ${kept.length === 1 ? "failure" : "failures"}`;
  const { value: results } = await new Progress(err).step(
    title,
    async (step) => {
      const done: SeedResult[] = [];
      for await (const outcome of sweep({ ...threads, runs: kept.map(({ run }) => run) })) {
        if (outcome.type === "lost") throw await lostSeed(outcome);
        done.push(outcome.result);
        step.detail(`${done.length} done`);
      }
      return done;
    },
    (done) => `${done.filter(({ ok }) => ok).length} of ${done.length} clean now`,
  );
  for (const [at, result] of results.entries()) {
    out.write(json ? `${JSON.stringify(result)}\n` : `${describe(kept[at]!, result)}\n`);
  }
  return results.filter(({ ok }) => !ok);
}

/** What ends a sweep one of whose runs has no result. */
export async function lostSeed(
  { run, reason }: Extract<SweepOutcome, { readonly type: "lost" }>,
  before = "",
): Promise<CliError> {
  const { replayCommand } = await import("../../sim/index.ts");
  return new CliError(EXIT.failed, `${before}Cannot finish the sweep: seed ${run.seed} has no result, ${reason}`, {
    hint: `Run it by itself: ${replayCommand(run)}`,
  });
}

/** Keeps what failed. What cannot be kept is told: it is no reason to end a night. */
export async function keepFailed(folder: FailureFolder, result: SeedResult, progress: Progress): Promise<void> {
  const { FailureFileError } = await import("../../sim/node/index.ts");
  try {
    folder.keep(result, blixardVersion());
  } catch (error) {
    if (!(error instanceof FailureFileError)) throw error;
    progress.note(`${error.message}. It goes on without`);
  }
}

async function openFolder(folder: FailureFolder): Promise<readonly KeptFailure[]> {
  const { FailureFileError } = await import("../../sim/node/index.ts");
  try {
    return folder.open();
  } catch (error) {
    throw error instanceof FailureFileError ? usageError(error.message) : error;
  }
}

function describe({ file, software, failure }: KeptFailure, { failure: now }: SeedResult): string {
  const was = `${failure.invariant}, by ${software}`;
  if (now === undefined) return `clean now    ${file}: was ${was}`;
  return now.invariant === failure.invariant
    ? `fails still  ${file}: ${was}`
    : `fails        ${file}: ${now.invariant}; was ${was}`;
}
