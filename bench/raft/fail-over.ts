/**
 * Fail-over at the default timeouts: `kill -9` of the leader's process, until another node says that it leads, and until a write is
 * answered by it. The killed node comes back on its disk before the next kill.
 */
import { setTimeout as pause } from "node:timers/promises";
import { encodeCommand } from "../../examples/kv/kv-command.ts";
import { KvConnection } from "../../examples/kv/kv-connection.ts";
import { OUTCOMES, REQUEST_KINDS, type KvReply } from "../../examples/kv/kv-protocol.ts";
import type { KvStatus } from "../../examples/kv/kv-status.ts";
import { spreadRow, type Row } from "../bench.ts";
import { KvCluster } from "./kv-cluster.ts";
import { median } from "./measured-loads.ts";

const LEADER_MS = 20_000;
const POLL_MS = 2;
const ANSWER_MS = 200;

/** From the return of a node to the next kill: it has caught up, and the longest wait of a redial is over, so all are linked again. */
const SETTLE_MS = 2500;

const NOTHING = new Uint8Array(0);

export async function measureFailOver(
  folder: string,
  { kills, progress }: { readonly kills: number; readonly progress: (line: string) => void },
): Promise<readonly Row[]> {
  const cluster = await KvCluster.start({ folder, size: 3 });
  const ledMs: number[] = [];
  const writtenMs: number[] = [];
  try {
    for (let kill = 1; kill <= kills; kill++) {
      const leader = await cluster.ready();
      const others = cluster.names.filter((name) => name !== leader);
      const connections = await Promise.all(
        others.map(async (name) => KvConnection.open(`ws://${cluster.serveOf(name)}`)),
      );
      try {
        const startMs = performance.now();
        await cluster.kill(leader);
        const [led, written] = await Promise.all([
          firstOf(connections, (connection) => leads(connection, leader), startMs),
          firstOf(connections, takesWrite, startMs),
        ]);
        ledMs.push(led);
        writtenMs.push(written);
        progress(
          `kill ${kill} of ${kills}, ${leader}: led after ${Math.round(led)} ms, a write after ${Math.round(written)} ms`,
        );
      } finally {
        for (const connection of connections) connection.close();
      }
      cluster.restart(leader);
      await cluster.ready();
      await pause(SETTLE_MS);
    }
  } finally {
    await cluster.stop();
  }
  return [
    spreadRow("leader killed, new leader", ledMs, { unit: "ms", goal: "median under 500" }),
    p99Row("  99th percentile", ledMs, "under 1,000"),
    spreadRow("leader killed, write answered", writtenMs, {
      unit: "ms",
      goal: `median ${Math.round(median(ledMs))} of it the election`,
    }),
    p99Row("  99th percentile", writtenMs, "no goal of its own"),
  ];
}

function p99Row(measure: string, values: readonly number[], goal: string): Row {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN;
  return {
    measure,
    value: Math.round(value),
    unit: "ms",
    note: `${goal}; the slowest of ${sorted.length} when below 100`,
  };
}

/** How long until one of them says yes, asked again and again. */
async function firstOf(
  connections: readonly KvConnection[],
  ask: (connection: KvConnection) => Promise<boolean>,
  startMs: number,
): Promise<number> {
  let found = false;
  const times = connections.map(async (connection) => {
    while (!found && performance.now() - startMs < LEADER_MS) {
      if (await ask(connection)) {
        found = true;
        return performance.now() - startMs;
      }
      await pause(POLL_MS);
    }
    return Infinity;
  });
  const first = Math.min(...(await Promise.all(times)));
  if (first === Infinity) throw new Error(`No new leader ${LEADER_MS / 1000} s after the old one was killed`);
  return first;
}

async function leads(connection: KvConnection, old: string): Promise<boolean> {
  const reply = await answer(connection, REQUEST_KINDS.status, NOTHING);
  if (reply?.outcome !== OUTCOMES.ok) return false;
  const { leader } = JSON.parse(Buffer.from(reply.bytes).toString()) as KvStatus;
  return leader !== null && leader !== old;
}

async function takesWrite(connection: KvConnection): Promise<boolean> {
  const command = encodeCommand({ type: "put", key: "fail-over", value: "v" });
  return (await answer(connection, REQUEST_KINDS.write, command))?.outcome === OUTCOMES.ok;
}

/** Null when none came in time. */
function answer(connection: KvConnection, kind: number, bytes: Uint8Array): Promise<KvReply | null> {
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(null), ANSWER_MS);
    connection.send(kind, bytes, (reply) => {
      clearTimeout(late);
      resolve(reply);
    });
  });
}
