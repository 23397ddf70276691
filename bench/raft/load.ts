/**
 * Closed-loop load: so many clients, each of which makes its next request when the one before is answered, over a few
 * connections. The same loop for every system, so that what it costs is in no ratio.
 */

/** Many requests under way on one connection to one system. */
export interface LoadConnection {
  /** Calls `done` once, with whether the system did what was asked. */
  put(key: string, value: string, done: (ok: boolean) => void): void;
  /** A linearizable read. `ok` only when a value came. */
  get(key: string, done: (ok: boolean) => void): void;
  close(): void;
}

export interface LoadJob {
  readonly clients: number;
  /** The share of reads, 0 to 1. */
  readonly reads: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface LoadResult {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly done: number;
  readonly failed: number;
}

/** Bytes of each value. */
export const VALUE_BYTES = 256;

/** Keys that are written and read: more than any cache of a processor holds, and few enough to be filled in a second. */
const KEYS = 20_000;

/** A load ends when answers fail to come for so long after its time. */
const STRAGGLERS_MS = 10_000;

const VALUE = "v".repeat(VALUE_BYTES);

function keyAt(number: number): string {
  return `key-${String(number).padStart(8, "0")}`;
}

/** Writes every key once. */
export async function fill(connections: readonly LoadConnection[], clients: number): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: clients }, (_, client) => {
      const connection = connections[client % connections.length] as LoadConnection;
      return new Promise<void>((resolve, reject) => {
        const step = (ok: boolean): void => {
          if (!ok) reject(new Error("A write of the first fill failed"));
          else if (next >= KEYS) resolve();
          else connection.put(keyAt(next++), VALUE, step);
        };
        step(true);
      });
    }),
  );
}

export async function runLoad(connections: readonly LoadConnection[], job: LoadJob): Promise<LoadResult> {
  const startMs = performance.now() + job.warmUpMs;
  const endMs = startMs + job.measureMs;
  const latencies: number[] = [];
  let failed = 0;
  let running = job.clients;
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(
      () => reject(new Error(`${running} of ${job.clients} clients got no answer`)),
      job.warmUpMs + job.measureMs + STRAGGLERS_MS,
    );
    for (let client = 0; client < job.clients; client++) {
      const connection = connections[client % connections.length] as LoadConnection;
      let sentMs = 0;
      const done = (ok: boolean): void => {
        const nowMs = performance.now();
        if (nowMs >= startMs && nowMs < endMs) {
          if (ok) latencies.push(nowMs - sentMs);
          else failed += 1;
        }
        if (nowMs < endMs) return step(nowMs);
        running -= 1;
        if (running > 0) return;
        clearTimeout(late);
        resolve();
      };
      const step = (nowMs: number): void => {
        sentMs = nowMs;
        const key = keyAt(Math.floor(Math.random() * KEYS));
        if (Math.random() < job.reads) connection.get(key, done);
        else connection.put(key, VALUE, done);
      };
      step(performance.now());
    }
  });
  const sorted = Float64Array.from(latencies).toSorted();
  return {
    perSecond: (sorted.length / job.measureMs) * 1000,
    p50: sorted[Math.floor(sorted.length * 0.5)] ?? Number.NaN,
    p99: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN,
    done: sorted.length,
    failed,
  };
}
