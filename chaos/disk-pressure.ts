/** Large writes, until the nodes whose disks are full have felt it: they say that they are read-only. */
import { setTimeout as sleep } from "node:timers/promises";
import { KvClient } from "../examples/kv/kv-client.ts";
import type { ChaosCluster } from "./chaos-cluster.ts";

/** All of them under one key: what they leave behind is one value. */
const KEY = "pressure";
const VALUE = "x".repeat(512 * 1024);
const WRITERS = 2;

/** A segment of the log is 16 MiB; where its disk is slow, or a node is cut off, the fault goes on without. */
const FELT_MS = 8000;

const CALL_MS = 1000;
const LOOK_MS = 250;

export class DiskPressure {
  readonly #felt = new Set<string>();
  readonly #end = new AbortController();
  readonly #done: Promise<unknown>;

  constructor(cluster: ChaosCluster, victims: readonly string[]) {
    this.#done = Promise.all([
      this.#look(cluster, victims),
      ...Array.from({ length: WRITERS }, async () => this.#write(cluster.addresses)),
    ]);
  }

  /** Resolves when all have felt it, or after `FELT_MS`. @returns who was seen to be read-only. */
  async felt(): Promise<readonly string[]> {
    await this.#done;
    return [...this.#felt].toSorted();
  }

  async #look(cluster: ChaosCluster, victims: readonly string[]): Promise<void> {
    const endMs = performance.now() + FELT_MS;
    while (performance.now() < endMs && this.#felt.size < victims.length) {
      for (const { node, raft } of await cluster.statuses()) {
        if (raft?.readOnly === true && victims.includes(node)) this.#felt.add(node);
      }
      await sleep(LOOK_MS);
    }
    this.#end.abort();
  }

  async #write(addresses: readonly string[]): Promise<void> {
    const client = new KvClient({ addresses, timeoutMs: CALL_MS });
    while (!this.#end.signal.aborted) await client.put(KEY, VALUE);
    client.close();
  }
}
