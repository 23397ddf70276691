/**
 * A sender that would send ten times as much as its receiver handles, over ws: what memory both have meanwhile. Credit and the
 * receiver's back-pressure hold the sender back; without them the difference, 9 messages in 10, would pile up somewhere.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { Ref } from "../runtime/index.ts";
import type { Row } from "./bench.ts";
import { eagerSource, type SlowMessage } from "./remote-actors.ts";
import { RECEIVER, type RemoteNode } from "./remote-node.ts";

/** What the receiver spends on one message. */
export const SLOW_HANDLE_US = 100;

/** Ten times what the receiver handles. */
const PER_SECOND: number = (10 * 1_000_000) / SLOW_HANDLE_US;

const PAYLOAD: string = "x".repeat(1024);
const SAMPLE_MS = 500;
const ASK_MS = 60_000;

interface Sample {
  readonly senderRss: number;
  readonly senderHeap: number;
  readonly receiverRss: number;
  readonly receiverHeap: number;
}

/**
 * Rows of growth: the least of the last quarter of the samples, when garbage has just been collected, less the least of the
 * second one, when everything is warm.
 */
export async function measureMemory(
  { system }: RemoteNode,
  peer: ChildProcess,
  { seconds, progress }: { readonly seconds: number; readonly progress: (line: string) => void },
): Promise<readonly Row[]> {
  const to = system.refAt<SlowMessage>({ node: RECEIVER, path: "slow" });
  const startMs = performance.now();
  const source = system.spawn(eagerSource({ to, perSecond: PER_SECOND, payload: PAYLOAD }));
  const samples: Sample[] = [];
  while (performance.now() - startMs < seconds * 1000) {
    await delay(SAMPLE_MS);
    const sample = await takeSample(peer);
    samples.push(sample);
    if (samples.length % 10 === 0)
      progress(`${describe(sample)} after ${Math.round((performance.now() - startMs) / 1000)} s`);
  }
  const elapsed = (performance.now() - startMs) / 1000;
  const sent = await system.ask<"due" | Ref<number>, number>(source, (replyTo) => replyTo, { timeoutMs: ASK_MS });
  const handled = await system.ask<SlowMessage, number>(to, (report) => ({ report }), { timeoutMs: ASK_MS });
  if (!sent.ok || !handled.ok) throw new Error("The slow receiver did not answer");
  // It answers behind all that was sent, so nothing may be missing.
  if (sent.answer !== handled.answer) throw new Error(`${sent.answer} were sent, ${handled.answer} handled`);
  const growth = (measure: string, of: (sample: Sample) => number): Row => ({
    measure,
    value: Number(((quarter(samples, 4, of) - quarter(samples, 2, of)) / 1e6).toPrecision(3)),
    unit: "MB",
    note: `flat is the goal; ${Math.round(quarter(samples, 4, of) / 1e6)} MB at the end of ${seconds} s`,
  });
  return [
    {
      measure: "slow receiver, wanted / handled",
      value: Number(((PER_SECOND * elapsed) / handled.answer).toPrecision(3)),
      unit: "x",
      note: `${handled.answer.toLocaleString("en-US")} handled in order, none lost`,
    },
    growth("growth, sender's RSS", ({ senderRss }) => senderRss),
    growth("growth, sender's heap", ({ senderHeap }) => senderHeap),
    growth("growth, receiver's RSS", ({ receiverRss }) => receiverRss),
    growth("growth, receiver's heap", ({ receiverHeap }) => receiverHeap),
  ];
}

async function takeSample(peer: ChildProcess): Promise<Sample> {
  const answer = once(peer, "message");
  peer.send("memory");
  const [{ memory }] = (await answer) as [{ readonly memory: NodeJS.MemoryUsage }];
  const own = process.memoryUsage();
  return { senderRss: own.rss, senderHeap: own.heapUsed, receiverRss: memory.rss, receiverHeap: memory.heapUsed };
}

/** The least of one quarter of the samples, 1 to 4. */
function quarter(samples: readonly Sample[], number: number, of: (sample: Sample) => number): number {
  const part = samples.slice(((number - 1) * samples.length) / 4, (number * samples.length) / 4).map(of);
  return Math.min(...part);
}

function describe(sample: Sample): string {
  const mb = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
  return `sender ${mb(sample.senderRss)} (heap ${mb(sample.senderHeap)}), receiver ${mb(sample.receiverRss)} (heap ${mb(sample.receiverHeap)})`;
}
