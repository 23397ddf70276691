/** After everything is shown: prints what happens in the cluster, until Ctrl-C. */
import { setInterval as every } from "node:timers/promises";
import type { Event } from "../../actors/index.ts";
import type { ApiClient } from "../../api/index.ts";
import type { CliContext } from "../cli-context.ts";
import { objectOf } from "../output/resource-columns.ts";
import { runningNodes, type ClusterRecord, type NodeRecord } from "./cluster-record.ts";

const LOOK_MS = 500;

export interface FollowOptions {
  readonly context: CliContext;
  readonly client: ApiClient;
  readonly record: ClusterRecord;
  readonly signal: AbortSignal;
}

/** Returns when the signal is aborted. */
export async function followCluster(options: FollowOptions): Promise<void> {
  const { context, record, signal } = options;
  const { out } = context.terminal;
  out.write(`\nEvents follow. Ctrl-C stops ${record.keepData ? "the cluster, and keeps its data" : "everything"}.\n`);
  try {
    await Promise.all([followEvents(options), followNodes(options)]);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function followEvents({ context, client, signal }: FollowOptions): Promise<void> {
  const { out } = context.terminal;
  const { version } = await client.events.list();
  for await (const line of client.events.watch({ since: version, signal })) {
    if (line.type === "put") out.write(eventLine(line.resource, context));
  }
}

/** A node that ends has nobody else to say so while there is no majority. */
async function followNodes({ context, record, signal }: FollowOptions): Promise<void> {
  const { out } = context.terminal;
  let running: readonly NodeRecord[] = runningNodes(record);
  for await (const _ of every(LOOK_MS, undefined, { signal })) {
    const now = runningNodes(record);
    for (const { name, process } of running.filter((node) => !now.includes(node))) {
      out.write(`${out.paint("yellow", `Node ${name}, process ${process?.pid}, has ended.`)}\n`);
    }
    running = now;
  }
}

function eventLine({ spec }: Event, { terminal: { out } }: CliContext): string {
  const time = new Date(spec.atMs).toTimeString().slice(0, 8);
  const reason = out.paint(spec.type === "Warning" ? "yellow" : "green", spec.reason);
  return `${out.paint("dim", time)} ${reason} ${objectOf(spec.regarding)}: ${spec.message}\n`;
}
