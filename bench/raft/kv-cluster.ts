/** The store of the examples as a cluster of real processes on loopback, whose members can be killed and started again. */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { KvConnection } from "../../examples/kv/kv-connection.ts";
import { OUTCOMES, REQUEST_KINDS } from "../../examples/kv/kv-protocol.ts";
import type { KvStatus } from "../../examples/kv/kv-status.ts";
import { freePorts } from "./free-ports.ts";
import { endProcess, type MeasuredSystem } from "./measured-system.ts";

const PROGRAM = join(import.meta.dirname, "../../examples/kv/kv-node.ts");
const READY_MS = 30_000;
const POLL_MS = 20;
const STATUS_MS = 2000;

interface Node {
  readonly name: string;
  readonly listen: string;
  readonly serve: string;
  readonly data: string;
  readonly log: string;
  process: ChildProcess | null;
}

export interface KvClusterOptions {
  /** Holds one folder a node. */
  readonly folder: string;
  readonly size: number;
  /** Put before the program's path, to profile one of them: `--cpu-prof`. */
  readonly nodeFlags?: (name: string) => readonly string[];
  /** Of every node, behind those it needs. */
  readonly flags?: readonly string[];
}

export class KvCluster implements MeasuredSystem {
  readonly name: string;
  readonly system = "kv";
  readonly #nodes: readonly Node[];
  readonly #options: KvClusterOptions;

  /** Starts the processes and waits until all agree on a leader. The caller stops it, whatever happens. */
  static async start(options: KvClusterOptions): Promise<KvCluster> {
    const ports = await freePorts(2 * options.size);
    const nodes = Array.from({ length: options.size }, (_, at): Node => {
      const name = `n${at + 1}`;
      const data = join(options.folder, name);
      mkdirSync(data, { recursive: true });
      return {
        name,
        listen: `127.0.0.1:${ports[2 * at]}`,
        serve: `127.0.0.1:${ports[2 * at + 1]}`,
        data,
        log: join(options.folder, `${name}.log`),
        process: null,
      };
    });
    const cluster = new KvCluster(nodes, options);
    try {
      for (const { name } of nodes) cluster.restart(name);
      await cluster.ready();
      return cluster;
    } catch (error) {
      const logs = nodes.map(({ name, log }) => `${name}: ${readFileSync(log, "utf8").slice(-2000)}`);
      await cluster.stop();
      throw new Error(`The cluster did not start.\n${logs.join("\n")}`, { cause: error });
    }
  }

  private constructor(nodes: readonly Node[], options: KvClusterOptions) {
    this.name = `kv, ${nodes.length} nodes`;
    this.#nodes = nodes;
    this.#options = options;
  }

  get names(): readonly string[] {
    return this.#nodes.map(({ name }) => name);
  }

  get pids(): readonly number[] {
    return this.#nodes.map(({ process }) => process?.pid ?? 0);
  }

  pidOf(name: string): number {
    return this.#node(name).process?.pid ?? 0;
  }

  dataOf(name: string): string {
    return this.#node(name).data;
  }

  serveOf(name: string): string {
    return this.#node(name).serve;
  }

  /** Starts a node that is not running, on what its disk holds. Does not wait for it. */
  restart(name: string): void {
    const node = this.#node(name);
    const peers = this.#nodes.map((peer) => `${peer.name}=${peer.listen}/${peer.serve}`).join(",");
    const output = openSync(node.log, "a");
    node.process = spawn(
      process.execPath,
      [
        ...(this.#options.nodeFlags?.(name) ?? []),
        PROGRAM,
        ...["--name", name, "--listen", node.listen, "--serve", node.serve, "--peers", peers, "--data", node.data],
        ...(this.#options.flags ?? []),
      ],
      { stdio: ["ignore", output, output] },
    );
    closeSync(output);
  }

  /** Ends a node, by default as a power loss would: without a word. */
  async kill(name: string, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const node = this.#node(name);
    if (node.process !== null) await endProcess(node.process, signal);
    node.process = null;
  }

  /** Waits until every running node knows the same leader, and it serves. @returns its name. */
  async ready(): Promise<string> {
    const endMs = performance.now() + READY_MS;
    while (performance.now() < endMs) {
      const running = this.#nodes.filter(({ process }) => process !== null);
      const leaders = await Promise.all(running.map(({ name }) => this.status(name).then((status) => status?.leader)));
      const [leader] = leaders;
      if (typeof leader === "string" && leaders.every((each) => each === leader)) return leader;
      await pause(POLL_MS);
    }
    throw new Error(`The nodes do not agree on a leader after ${READY_MS / 1000} s`);
  }

  async leaderAddress(): Promise<string> {
    return `ws://${this.serveOf(await this.ready())}`;
  }

  /** What a node says of itself; null when it does not answer. */
  async status(name: string): Promise<KvStatus | null> {
    try {
      const connection = await KvConnection.open(`ws://${this.serveOf(name)}`);
      try {
        return await new Promise((resolve) => {
          const late = setTimeout(() => resolve(null), STATUS_MS);
          connection.send(REQUEST_KINDS.status, new Uint8Array(0), ({ outcome, bytes }) => {
            clearTimeout(late);
            resolve(outcome === OUTCOMES.ok ? (JSON.parse(Buffer.from(bytes).toString()) as KvStatus) : null);
          });
        });
      } finally {
        connection.close();
      }
    } catch {
      return null;
    }
  }

  async stop(): Promise<void> {
    // SIGTERM where a profile is to be written.
    const signal = this.#options.nodeFlags === undefined ? "SIGKILL" : "SIGTERM";
    await Promise.all(this.#nodes.map(({ name }) => this.kill(name, signal)));
  }

  #node(name: string): Node {
    const node = this.#nodes.find((candidate) => candidate.name === name);
    if (node === undefined) throw new Error(`The cluster has no node "${name}"`);
    return node;
  }
}
