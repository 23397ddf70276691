/** Waits until a checkpoint is ready, or gone. Asks again and again, as for VMs (`wait-for-vm.ts`). */
import { ApiError } from "../api/api-error.ts";
import type { ApiClient } from "../api/index.ts";
import type { Checkpoint } from "../actors/index.ts";
import { CliError } from "./cli-error.ts";
import { EXIT } from "./exit-codes.ts";
import { formatSeconds } from "./output/duration.ts";
import { pause } from "./pause.ts";
import { PASSING, type WaitOptions } from "./wait-for-vm.ts";

const POLL_MS = 200;

/** @throws CliError with the reason when it was not made. */
export async function waitUntilReady(client: ApiClient, name: string, options: WaitOptions): Promise<Checkpoint> {
  const made = await waitFor(client, name, options, "ready", (found) => found === undefined || isOver(found));
  if (made === undefined) throw new CliError(EXIT.notFound, `Checkpoint "${name}" does not exist any more.`);
  const { phase, message } = made.status;
  if (phase === "Ready") return made;
  const hint = `Remove what is left of it: blixard checkpoint delete ${name}`;
  throw new CliError(EXIT.failed, `Checkpoint "${name}" is ${phase}: ${message}.`, { hint });
}

export async function waitUntilRemoved(client: ApiClient, name: string, options: WaitOptions): Promise<void> {
  await waitFor(client, name, options, "gone", (found) => found === undefined);
}

function isOver({ status: { phase } }: Checkpoint): boolean {
  return phase !== "Making";
}

async function waitFor(
  client: ApiClient,
  name: string,
  { timeoutMs, everyMs = POLL_MS, onProgress, signal }: WaitOptions,
  goal: string,
  reached: (found: Checkpoint | undefined) => boolean,
): Promise<Checkpoint | undefined> {
  const untilMs = performance.now() + timeoutMs;
  let state = "no node answered";
  for (;;) {
    const asked = await ask(client, name);
    if (asked !== null) {
      if (reached(asked.found)) return asked.found;
      state =
        asked.found === undefined ? "it does not exist" : `${asked.found.status.phase} on ${asked.found.status.node}`;
      onProgress?.(state);
    }
    if (performance.now() >= untilMs) break;
    await pause(everyMs, signal);
  }
  const hint = 'The cluster goes on with it: see "blixard get checkpoints".';
  const message = `Checkpoint "${name}" is not ${goal} after ${formatSeconds(timeoutMs)}: ${state}.`;
  throw new CliError(EXIT.timeout, message, { hint });
}

/** Null when nobody could say. */
async function ask(client: ApiClient, name: string): Promise<{ readonly found: Checkpoint | undefined } | null> {
  try {
    return { found: await client.checkpoints.get(name) };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.code === "not-found") return { found: undefined };
    if (PASSING.has(error.code)) return null;
    throw error;
  }
}
