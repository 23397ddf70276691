/** `blixard sim --upgrade-from DIR`: runs in which the nodes change from the software of another folder to this one. */
import { resolve } from "node:path";
import { Option, type Command } from "commander";
import type { RunOptions } from "../../sim/index.ts";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";

/** Profiles of consensus alone, and of what library users stand on: neither has whole nodes. */
const WITHOUT_NODES: ReadonlySet<string> = new Set(["elections", "disk", "membership", "library"]);

export interface WholeNodeFlags {
  readonly vms?: number;
  /** A folder. */
  readonly upgradeFrom?: string;
  readonly profile?: NonNullable<RunOptions["profile"]>;
  readonly everyFault?: boolean;
}

export function addUpgradeOption(command: Command): void {
  command.addOption(
    new Option(
      "--upgrade-from <folder>",
      "begin with the software in that folder (a checkout, a build or an installed package of Blixard), and change node by node to this",
    ),
  );
}

/** @throws {CliError} when something is asked for that the profile has not: whole nodes, or faults. */
export function refuseMeaningless({ vms, upgradeFrom, profile = "mixed", everyFault }: WholeNodeFlags): void {
  if (everyFault === true && profile === "calm") {
    throw usageError(`Cannot use --every-fault with profile "calm": it has no faults.`, "Leave one of the two out.");
  }
  if (!WITHOUT_NODES.has(profile)) return;
  const hint = 'Choose "mixed", "leases", "months" or "calm".';
  if (vms !== undefined) throw usageError(`Cannot simulate ${vms} VMs in profile "${profile}": it has none.`, hint);
  if (upgradeFrom === undefined) return;
  throw usageError(`Cannot upgrade nodes in profile "${profile}": it has no whole nodes.`, hint);
}

/** What of it a run takes. */
export function upgradeOf({ upgradeFrom }: WholeNodeFlags): Pick<RunOptions, "upgradeFrom"> {
  return upgradeFrom === undefined ? {} : { upgradeFrom: resolve(upgradeFrom) };
}

/** A run that this thread can run. @throws {CliError} when the folder holds no software to upgrade from. */
export async function loadedRun(run: RunOptions): Promise<RunOptions> {
  if (run.upgradeFrom === undefined) return run;
  const { EditionError, withEditions } = await import("../../sim/node/index.ts");
  try {
    return await withEditions(run);
  } catch (error) {
    if (!(error instanceof EditionError)) throw error;
    throw new CliError(EXIT.usage, error.message, { cause: error });
  }
}
