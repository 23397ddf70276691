/**
 * One run: a rack, a cluster on it, clients, and a nemesis until the time is over; then the verdict.
 *
 *     clients ─▶ recorder ─▶ history.jsonl ─▶ verdict
 *        │
 *     cluster (examples/kv) ◀── nemesis ◀── rounds of a seed
 *        │                         │
 *     rack: hosts, links, disks ◀──┘
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "../runtime/index.ts";
import { ChaosCluster } from "./chaos-cluster.ts";
import type { ChaosOptions } from "./chaos-options.ts";
import { forgetfulDisks } from "./forgetful-disks.ts";
import { Nemesis } from "./nemesis.ts";
import { Probe } from "./probe.ts";
import type { Rack } from "./rack.ts";
import { Recorder } from "./recorder.ts";
import type { Report } from "./report.ts";
import { rounds } from "./schedule.ts";
import { awaitAgreement, judge, readAll } from "./verdict.ts";
import { runWorkload } from "./workload.ts";

const FORMED_MS = 60_000;

/** Before the first fault. */
const WARM_MS = 2000;

/** Words in the logs of nodes that tell what a run has met beside the faults themselves. */
const EVENTS = ["Snapshot made", "Snapshot received", "The disk is full", "The log was repaired", "Raft alarm"];

export interface RunOptions extends ChaosOptions {
  /** Gets the history, the schedule and what the nodes print. */
  readonly folder: string;
  readonly rack: Rack;
  readonly progress: (line: string) => void;
  /** Aborted by the user. */
  readonly signal: AbortSignal;
}

/** Rejects with the reason of the signal, when that is aborted. Every process that it started is gone when this is settled. */
export async function runChaos(options: RunOptions): Promise<Report> {
  const { folder, rack, progress, signal } = options;
  const failures: string[] = [];
  const failed = new AbortController();
  const over = AbortSignal.any([signal, failed.signal]);
  const fail = (message: string): void => {
    failures.push(message);
    failed.abort(new Error(message));
  };
  const cluster = new ChaosCluster({ hosts: rack.hosts, leaseReads: options.leaseReads, folder, onFailed: fail });
  const recorder = new Recorder(join(folder, "history.jsonl"));
  const probe = new Probe();
  const nemesis = new Nemesis({
    ...{ cluster, rack, probe, progress, signal: over },
    journal: join(folder, "schedule.jsonl"),
    nowUs: () => recorder.nowUs,
    ...(options.plant === "forgetful-disks" && { whileAllDown: forgetfulDisks(cluster, join(folder, "kept")) }),
  });
  try {
    for (const name of cluster.names) cluster.start(name);
    const isFormed = await cluster.waitFor((statuses) => statuses.some(({ raft }) => raft?.role === "leader"), {
      timeoutMs: FORMED_MS,
      signal: over,
    });
    if (!isFormed) throw new Error(`The nodes elect no leader within ${FORMED_MS / 1000} s after their first start`);
    await underFaults(options, { cluster, recorder, probe, nemesis, fail, over });
    signal.throwIfAborted();
    progress("all faults are over: waiting until the nodes agree");
    for (const name of cluster.names) if (cluster.stateOf(name) === "down") cluster.start(name);
    const apart = await awaitAgreement(cluster, signal);
    failures.push(...apart, ...(await readAll(cluster, recorder)));
    progress("judging the history");
    failures.push(...judge(recorder));
  } finally {
    await cluster.killAll();
    recorder.close();
  }
  const { counts, histories } = recorder;
  const events = Object.fromEntries(EVENTS.map((words) => [words, cluster.countSaid(words)]));
  const { done: faults, longestStartMs } = nemesis;
  return { counts, keys: histories.size, faults, longest: probe.longest, longestStartMs, events, failures };
}

interface Running {
  readonly cluster: ChaosCluster;
  readonly recorder: Recorder;
  readonly probe: Probe;
  readonly nemesis: Nemesis;
  readonly fail: (message: string) => void;
  readonly over: AbortSignal;
}

/** Until the time is over, or the cluster has failed; every client has stopped then, and every fault has ended. */
async function underFaults(
  { minutes, seed, faults, plant }: RunOptions,
  { cluster, recorder, probe, nemesis, fail, over }: Running,
): Promise<void> {
  const stop = new AbortController();
  const work = runWorkload({
    addresses: cluster.addresses,
    recorder,
    random: createRandom(`clients ${seed}`),
    staleReads: plant === "stale-reads",
    signal: stop.signal,
  });
  const probing = probe.run(cluster.addresses, stop.signal);
  const endMs = performance.now() + minutes * 60_000;
  try {
    await sleep(WARM_MS, undefined, { signal: over });
    for (const round of rounds(seed, faults)) {
      if (performance.now() >= endMs) break;
      const wrong = await nemesis.play(round);
      if (wrong === null) continue;
      fail(wrong);
      break;
    }
  } catch (error) {
    if (!over.aborted) throw error;
  } finally {
    stop.abort();
    await Promise.all([work, probing]);
  }
}
