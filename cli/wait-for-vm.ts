/**
 * Waits until a VM is as wanted, and says on the way what keeps it. Asks again and again instead of watching: that
 * survives the loss of the node it asks, and time alone can end it.
 *
 * A VM that fits no node ends the wait early: it stays wanted and starts when there is room, but nobody should watch a
 * spinner for that. One that waits for other VMs does not: they may be starting.
 */
import { ApiError } from "../api/api-error.ts";
import type { ApiClient } from "../api/client.ts";
import type { Vm } from "../actors/index.ts";
import { isWaiting } from "../actors/cluster/dependency-rules.ts";
import { CliError } from "./cli-error.ts";
import { EXIT } from "./exit-codes.ts";
import { formatSeconds } from "./output/duration.ts";
import { pause } from "./pause.ts";

export const WAIT_DEFAULT_MS = 120_000;

const POLL_MS = 200;

const UNPLACED_MS = 3000;

/** Codes of answers that another try, or another node, can put right. */
export const PASSING: ReadonlySet<string> = new Set([
  "unreachable",
  "no-leader",
  "no-answer",
  "not-ready",
  "closing",
  "overloaded",
  "node-unreachable",
  "bad-answer",
]);

export interface WaitOptions {
  readonly timeoutMs: number;
  /** Between two questions. Default: 200. */
  readonly everyMs?: number;
  /** How long a VM may be without a place, with a reason given: a fail-over may be making room. Default: 3,000. */
  readonly unplacedMs?: number;
  /** What it is doing now, for a spinner. */
  readonly onProgress?: (words: string) => void;
  readonly signal?: AbortSignal;
}

/** The VM once it runs, and is healthy where it has a health check. @throws CliError that says why not. */
export async function waitUntilUp(client: ApiClient, name: string, options: WaitOptions): Promise<Vm> {
  const { unplacedMs = UNPLACED_MS } = options;
  let unplacedSinceMs: number | undefined;
  const vm = await waitFor(client, name, options, {
    goal: "healthy",
    reached: (found) => {
      if (found === undefined) throw new CliError(EXIT.notFound, `VM "${name}" does not exist any more.`);
      const unplaced = found.status.phase === "Pending" && found.status.message !== "" && !isWaiting(found);
      unplacedSinceMs = unplaced ? (unplacedSinceMs ?? performance.now()) : undefined;
      if (unplacedSinceMs !== undefined && performance.now() - unplacedSinceMs >= unplacedMs)
        throw unplacedError(found);
      return isUp(found);
    },
  });
  if (vm === undefined) throw new Error("a VM that does not exist was taken to be up");
  return vm;
}

/** Returns once the VM stands still as it is wanted to. @throws CliError */
export async function waitUntilPaused(client: ApiClient, name: string, options: WaitOptions): Promise<void> {
  await waitFor(client, name, options, {
    goal: "paused",
    reached: (vm) => {
      if (vm === undefined) throw new CliError(EXIT.notFound, `VM "${name}" does not exist any more.`);
      return vm.status.phase === "Paused";
    },
  });
}

/** As `waitUntilUp`, by another instance than that. @throws CliError */
export async function waitUntilRestarted(
  client: ApiClient,
  name: string,
  options: WaitOptions & { readonly instance: string },
): Promise<Vm> {
  await waitFor(client, name, options, {
    goal: "restarted",
    reached: (vm) => vm?.status.instance?.id !== options.instance,
  });
  return waitUntilUp(client, name, options);
}

/** Returns once nothing of the VM runs. @throws CliError */
export async function waitUntilStopped(client: ApiClient, name: string, options: WaitOptions): Promise<void> {
  const reached = (vm: Vm | undefined): boolean => vm === undefined || vm.status.instance === null;
  await waitFor(client, name, options, { goal: "stopped", reached });
}

/** Returns once there is no such VM any more. @throws CliError */
export async function waitUntilGone(client: ApiClient, name: string, options: WaitOptions): Promise<void> {
  await waitFor(client, name, options, { goal: "gone", reached: (vm) => vm === undefined });
}

/** One line on how a VM is: `Starting on n2`, `Pending: no node has …`. */
function describeState({ status, spec }: Vm): string {
  const where = status.instance === null ? "" : ` on ${status.instance.node}`;
  const health = spec.health === undefined || status.phase !== "Running" ? "" : `, ${status.health}`;
  return `${status.phase}${where}${health}${status.message === "" ? "" : `: ${status.message}`}`;
}

interface Goal {
  /** As in "is not healthy after 2.0 s". */
  readonly goal: string;
  /** undefined: there is no such VM. @throws CliError when waiting is of no use. */
  readonly reached: (vm: Vm | undefined) => boolean;
  /** How it is, in a line. Default: its phase and why. */
  readonly describe?: (vm: Vm) => string;
}

/** Asks until the goal is reached. @throws CliError when the time is over, and whatever `reached` throws. */
export async function waitFor(
  client: ApiClient,
  name: string,
  options: WaitOptions,
  goal: Goal,
): Promise<Vm | undefined> {
  const { timeoutMs, everyMs = POLL_MS, onProgress, signal } = options;
  const untilMs = performance.now() + timeoutMs;
  let state = "no node answered";
  for (;;) {
    const asked = await ask(client, name);
    if (asked.ok) {
      if (goal.reached(asked.vm)) return asked.vm;
      state = asked.vm === undefined ? "it does not exist" : (goal.describe ?? describeState)(asked.vm);
      onProgress?.(state);
    }
    if (performance.now() >= untilMs) break;
    await pause(everyMs, signal);
  }
  throw new CliError(EXIT.timeout, `VM "${name}" is not ${goal.goal} after ${formatSeconds(timeoutMs)}: ${state}.`, {
    hint: `The cluster goes on with it: see "blixard vm describe ${name}" and "blixard vm logs ${name}".`,
  });
}

type Asked = { readonly ok: true; readonly vm: Vm | undefined } | { readonly ok: false };

async function ask(client: ApiClient, name: string): Promise<Asked> {
  try {
    return { ok: true, vm: await client.vms.get(name) };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.code === "not-found") return { ok: true, vm: undefined };
    if (PASSING.has(error.code)) return { ok: false };
    throw error;
  }
}

/** `Completed` too: it ran, and its restart policy says that this was all. */
function isUp({ metadata, spec, status }: Vm): boolean {
  if (status.phase === "Completed") return true;
  if (status.phase !== "Running" || status.instance?.generation !== metadata.generation) return false;
  return spec.health === undefined ? status.addresses.length === spec.ports.length : status.health === "healthy";
}

function unplacedError({ metadata: { name }, status }: Vm): CliError {
  return new CliError(EXIT.timeout, `VM "${name}" has no place. ${status.message}.`, {
    hint: `It stays wanted and starts when there is room. To give it up: blixard vm delete ${name}`,
  });
}
