/** Two processes over WebSockets on loopback: ordered messages from actor to actor, and the round trip of an ask. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { withCoresAwake } from "./awake-cores.ts";
import { bareRoundTrips } from "./bare-echo.ts";
import { spreadRow, type Bench, type Row } from "./bench.ts";
import { source, type EchoRequest, type SinkMessage } from "./remote-actors.ts";
import { measureMemory } from "./remote-memory.ts";
import { RECEIVER, SENDER, startRemoteNode, type RemoteNode } from "./remote-node.ts";

const ROUNDS = 5;
const QUICK_ROUNDS = 2;
const MEMORY_SECONDS = 60;
const QUICK_MEMORY_SECONDS = 6;
const WARM_UP = 200_000;
const SMALL_MESSAGES = 1_000_000;
const LARGE_MESSAGES = 400_000;
const ASKS_WARM_UP = 2000;
const ASKS = 10_000;
const ASK_MS = 5000;

export const remoteBench: Bench = {
  name: "remote",
  summary: "messages a second and round trips between two processes over ws",
  async run(progress, { quick }): Promise<readonly Row[]> {
    const peer = await startPeer();
    try {
      const node = await startRemoteNode(SENDER, RECEIVER, { host: "127.0.0.1", port: peer.port });
      try {
        await node.linked;
        const rates = await measure(node, { barePort: peer.barePort, rounds: quick ? QUICK_ROUNDS : ROUNDS, progress });
        progress("ten times more than the receiver handles");
        const seconds = quick ? QUICK_MEMORY_SECONDS : MEMORY_SECONDS;
        return [...rates, ...(await measureMemory(node, peer.process, { seconds, progress }))];
      } finally {
        await node.close();
      }
    } finally {
      await endPeer(peer.process);
    }
  },
};

async function measure(
  node: RemoteNode,
  options: { readonly barePort: number; readonly rounds: number; readonly progress: (line: string) => void },
): Promise<readonly Row[]> {
  const { barePort, rounds, progress } = options;
  const small: number[] = [];
  const large: number[] = [];
  const asks: number[] = [];
  const bare: number[] = [];
  const awakeAsks: number[] = [];
  const awakeBare: number[] = [];
  const text = (length: number): string => "x".repeat(length);
  progress("warming up");
  await oneWay(node, WARM_UP, text(64));
  await roundTrips(node, ASKS_WARM_UP);
  await bareRoundTrips(barePort, ASKS_WARM_UP);
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}`);
    small.push(await oneWay(node, SMALL_MESSAGES, text(64)));
    large.push(await oneWay(node, LARGE_MESSAGES, text(1024)));
    asks.push(await roundTrips(node, ASKS));
    bare.push(await bareRoundTrips(barePort, ASKS));
    await withCoresAwake(async () => {
      awakeAsks.push(await roundTrips(node, ASKS));
      awakeBare.push(await bareRoundTrips(barePort, ASKS));
    });
  }
  return [
    spreadRow("one way, 64 bytes", small, { unit: "messages/s", goal: "at least 400,000" }),
    spreadRow("one way, 1 KiB", large, { unit: "messages/s", goal: "at least 150,000" }),
    ...askRows("cores awake", awakeAsks, awakeBare),
    ...askRows("cores idle", asks, bare),
  ];
}

function askRows(cores: string, asks: readonly number[], bare: readonly number[]): readonly Row[] {
  return [
    spreadRow(`ask, ${cores}`, asks, { unit: "µs", goal: "median under 150" }),
    spreadRow(`bare ws echo, ${cores}`, bare, { unit: "µs", goal: "what the machine takes" }),
    spreadRow(`ask / bare ws, ${cores}`, ratios(asks, bare), { unit: "x", goal: "round by round" }),
  ];
}

function ratios(ours: readonly number[], theirs: readonly number[]): number[] {
  return ours.map((value, round) => value / (theirs[round] ?? Number.NaN));
}

/** Messages a second, from the first one told to the last one handled. */
async function oneWay({ system }: RemoteNode, count: number, payload: unknown): Promise<number> {
  const to = system.refAt<SinkMessage>({ node: RECEIVER, path: "sink" });
  const startMs = performance.now();
  const error = await new Promise<string | null>((done) => {
    system.spawn(source({ to, count, payload, done }));
  });
  if (error !== null) throw new Error(`The order was not kept: ${error}`);
  return count / ((performance.now() - startMs) / 1000);
}

/** The median of asks one after another, in microseconds. */
async function roundTrips({ system }: RemoteNode, count: number): Promise<number> {
  const to = system.refAt<EchoRequest>({ node: RECEIVER, path: "echo" });
  const timesUs: number[] = [];
  for (let n = 0; n < count; n++) {
    const startMs = performance.now();
    const result = await system.ask<EchoRequest, number>(to, (replyTo) => ({ n, replyTo }), { timeoutMs: ASK_MS });
    if (!result.ok || result.answer !== n) throw new Error(`Ask ${n} was not answered: ${JSON.stringify(result)}`);
    timesUs.push((performance.now() - startMs) * 1000);
  }
  return timesUs.toSorted((a, b) => a - b)[Math.floor(count / 2)] ?? Number.NaN;
}

interface Peer {
  readonly process: ChildProcess;
  readonly port: number;
  readonly barePort: number;
}

async function startPeer(): Promise<Peer> {
  const child = fork(fileURLToPath(new URL("remote-peer.ts", import.meta.url)), { stdio: "inherit" });
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`The receiving process ended with ${String(code)} before it listened`);
  });
  const [message] = (await Promise.race([once(child, "message"), ended])) as [
    { readonly port: number; readonly barePort: number },
  ];
  ended.catch(() => {});
  return { process: child, ...message };
}

async function endPeer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.disconnect();
  await gone;
}
