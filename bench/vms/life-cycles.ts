/**
 * Whole lives of VMs on a node process, by its API: created, started, running, stopped, deleted, some at a time. Most are ended while they boot, which is when
 * there is most to leave behind; every so-manieth boots and shuts down by itself.
 */
import { type ApiClient, ApiError } from "../../api/index.ts";
import { poll } from "../../cli/pause.ts";
import { PASSING, waitUntilGone, waitUntilStopped, waitUntilUp } from "../../cli/wait-for-vm.ts";
import { inLanes } from "./lanes.ts";

export interface LifeCycles {
  readonly client: ApiClient;
  readonly count: number;
  /** Number of the first one. Default: 1. */
  readonly first?: number;
  /** Which ones boot: those whose number it divides; `Infinity`: none. */
  readonly bootsEvery: number;
  readonly onEnded?: (number: number) => void;
}

const WAIT = { timeoutMs: 120_000, everyMs: 20 };
const MEMORY_MIB = 96;
const GRACE_MS = 20_000;

/** @throws what kept one from its end. */
export async function liveAndEnd({ client, count, first = 1, bootsEvery, onEnded }: LifeCycles): Promise<void> {
  const numbers = Array.from({ length: count }, (_, at) => first + at);
  await inLanes(numbers, async (number) => {
    await liveOnce(client, `cycle-${number}`, number % bootsEvery === 0);
    onEnded?.(number);
  });
}

async function liveOnce(client: ApiClient, name: string, boots: boolean): Promise<void> {
  const { vms } = client;
  const spec = { memoryMiB: MEMORY_MIB, command: ["sleep", "1000000"], stopGraceMs: boots ? GRACE_MS : 0 };
  await vms.create({
    apiVersion: "blixard.dev/v1",
    kind: "Vm",
    metadata: { name },
    spec: { ...spec, running: false },
  });
  await vms.start(name);
  if (boots) await waitUntilUp(client, name, WAIT);
  else await waitUntilRuns(client, name);
  await vms.stop(name);
  await waitUntilStopped(client, name, WAIT);
  await vms.delete(name);
  await waitUntilGone(client, name, WAIT);
}

/** Its hypervisor runs and answers; its guest need not. */
async function waitUntilRuns(client: ApiClient, name: string): Promise<void> {
  const runs = await poll(async () => ((await answers(client, name)) ? true : undefined), WAIT);
  if (runs === undefined) throw new Error(`VM "${name}" does not run after ${WAIT.timeoutMs} ms`);
}

async function answers({ vms }: ApiClient, name: string): Promise<boolean> {
  try {
    return (await vms.metrics(name)).usage !== undefined;
  } catch (error) {
    // It has not been placed, or its node is busy.
    if (error instanceof ApiError && (error.code === "no-instance" || PASSING.has(error.code))) return false;
    throw error;
  }
}
