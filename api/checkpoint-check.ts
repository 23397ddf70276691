/**
 * Whether the bytes of a checkpoint are what was written, as the node says that has them: asked before a restore ends the guest that runs, and its disks.
 *
 * Reading takes a second a gigabyte or two where its node's process has not read it since it began or made it. Each question is answered within `metricsMs`, by
 * "reading" where it takes longer; the node reads on, and knows it when it is asked again.
 */
import type { Checkpoint, Node, Vm } from "../actors/index.ts";
import type { VerbResult } from "../runtime/index.ts";
import type { ApiContext } from "./api-context.ts";
import { ApiError, apiError } from "./api-error.ts";
import type { CheckpointCheck } from "./checkpoint-wire.ts";
import { NODES, readOne } from "./collection-routes.ts";

/** Between two questions. */
const PAUSE_MS = 200;

/** Of one on this node. */
export async function checkHere(context: ApiContext, { metadata, status }: Checkpoint): Promise<CheckpointCheck> {
  const about = { checkpoint: metadata.name, node: context.node };
  if (status.phase !== "Ready") {
    return { ...about, state: "damaged", message: `it is ${status.phase}${status.message && `: ${status.message}`}` };
  }
  const { guests, limits } = context;
  // A driver that cannot say it makes none.
  if (guests.checkCheckpoint === undefined) return { ...about, state: "whole", message: "" };
  const found = await new Promise<VerbResult | undefined>((resolve) => {
    const late = setTimeout(() => resolve(undefined), limits.metricsMs);
    guests.checkCheckpoint?.(status.id, (result) => {
      clearTimeout(late);
      resolve(result);
    });
  });
  if (found === undefined) return { ...about, state: "reading", message: "its bytes are being read" };
  return found.ok ? { ...about, state: "whole", message: "" } : { ...about, state: "damaged", message: found.message };
}

/**
 * What the VM would be restored from is whole, as far as that can be known; where nothing of it runs there is nothing to lose, and nobody is asked.
 * @throws {ApiError} `conflict` when it is not, or is not read to its end in time, `node-unreachable` when its node does not say.
 */
export async function requireWhole(context: ApiContext, name: string, checkpoint: string): Promise<void> {
  const cannot = `Cannot restore VM "${name}" from checkpoint "${checkpoint}"`;
  const vm = await find<Vm>(context, "Vm", name);
  const known = await find<Checkpoint>(context, "Checkpoint", checkpoint);
  // The map refuses the rest by name.
  if (vm === undefined || vm.status.instance === null || known?.status.phase !== "Ready") return;
  const untilMs = context.clock.monotonicMs() + context.limits.writeMs;
  for (;;) {
    const { state, message } = await check(context, known, cannot);
    if (state === "whole") return;
    if (state === "damaged") throw apiError("conflict", `${cannot}: ${message}; the VM runs on as it is`);
    if (context.clock.monotonicMs() >= untilMs) {
      throw apiError("conflict", `${cannot}: ${message} by node "${known.status.node}" still; ask again in a moment`);
    }
    await new Promise<void>((resolve) => void context.clock.setTimer(PAUSE_MS, resolve));
  }
}

async function check(context: ApiContext, known: Checkpoint, cannot: string): Promise<CheckpointCheck> {
  const { node } = known.status;
  if (node === context.node) return checkHere(context, known);
  const peer = (await readOne(context, NODES, node, "local")) as Node;
  try {
    return await context.peers.checkpointCheck(peer, known.metadata.name);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // It runs an older version, and its word is not to be had.
    if (error.code === "no-such-route") return { checkpoint: known.metadata.name, node, state: "whole", message: "" };
    throw apiError("node-unreachable", `${cannot}: nobody can look at it (${error.message}); the VM runs on as it is`);
  }
}

async function find<Found extends Vm | Checkpoint>(
  { replica }: ApiContext,
  kind: Found["kind"],
  name: string,
): Promise<Found | undefined> {
  const { resources } = await replica.read({ kind, name, consistency: "linearizable" });
  return resources[0] as Found | undefined;
}
