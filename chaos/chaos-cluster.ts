/**
 * The nodes of a run: processes of `examples/kv`, each on its host of the rack, that can be killed, stopped, continued and started again.
 * A process that ends although nobody killed it is a failure of the run.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { KvConnection } from "../examples/kv/kv-connection.ts";
import { OUTCOMES, REQUEST_KINDS, type KvReply } from "../examples/kv/kv-protocol.ts";
import type { KvStatus } from "../examples/kv/kv-status.ts";
import type { Host } from "./rack.ts";

const PROGRAM = join(import.meta.dirname, "../examples/kv/kv-node.ts");

/** Few enough that a run of half a minute makes several, and a node that was away for a while takes one from its leader. */
const SNAPSHOT_EVERY = 1000;
const KEEP_ENTRIES = 200;

const STATUS_MS = 1000;
const POLL_MS = 50;
const NOTHING = new Uint8Array(0);

type NodeState = "running" | "paused" | "down";

interface ClusterNode {
  readonly host: Host;
  readonly data: string;
  readonly log: string;
  state: NodeState;
  process: ChildProcess | null;
}

export interface ChaosClusterOptions {
  readonly hosts: readonly Host[];
  readonly leaseReads: boolean;
  /** Gets what the nodes print. */
  readonly folder: string;
  /** A node has ended by itself. */
  onFailed(message: string): void;
}

export class ChaosCluster {
  readonly #nodes: ReadonlyMap<string, ClusterNode>;
  readonly #options: ChaosClusterOptions;

  constructor(options: ChaosClusterOptions) {
    this.#options = options;
    this.#nodes = new Map(
      options.hosts.map((host) => {
        const log = join(options.folder, `${host.name}.log`);
        return [host.name, { host, data: join(host.folder, "data"), log, state: "down", process: null }];
      }),
    );
  }

  get names(): readonly string[] {
    return [...this.#nodes.keys()];
  }

  /** Where clients reach the nodes: `HOST:PORT`. */
  get addresses(): readonly string[] {
    return this.names.map((name) => this.addressOf(name));
  }

  addressOf(name: string): string {
    const { address, servePort } = this.#node(name).host;
    return `${address}:${servePort}`;
  }

  dataOf(name: string): string {
    return this.#node(name).data;
  }

  stateOf(name: string): NodeState {
    return this.#node(name).state;
  }

  /** Starts a node on what its disk holds. Does not wait for it. */
  start(name: string): void {
    const node = this.#node(name);
    const { host, data, log } = node;
    mkdirSync(data, { recursive: true });
    const peers = [...this.#nodes.values()].map(
      ({ host: { name: peer, address, listenPort, servePort } }) =>
        `${peer}=${address}:${listenPort}/${address}:${servePort}`,
    );
    const [program = "", ...args] = [
      ...host.enter,
      process.execPath,
      PROGRAM,
      ...["--name", name, "--data", data, "--peers", peers.join(",")],
      ...["--listen", `${host.address}:${host.listenPort}`, "--serve", `${host.address}:${host.servePort}`],
      ...["--snapshot-every", String(SNAPSHOT_EVERY), "--keep-entries", String(KEEP_ENTRIES), "--verbose"],
      ...(this.#options.leaseReads ? ["--lease-reads"] : []),
    ];
    const output = openSync(log, "a");
    // Detached: Ctrl-C at the terminal is the run's to handle, and no fault that it knows of.
    const child = spawn(program, args, {
      stdio: ["ignore", output, output],
      detached: true,
      // A node is back in half the time.
      env: { ...process.env, NODE_COMPILE_CACHE: join(this.#options.folder, "compiled") },
    });
    closeSync(output);
    node.process = child;
    node.state = "running";
    const end = (how: string): void => {
      if (node.process !== child || node.state === "down") return;
      node.state = "down";
      this.#options.onFailed(`Node "${name}" ended by itself with ${how}; its log is ${log}`);
    };
    child.once("error", (error) => end(error.message));
    child.once("exit", (code, signal) => end(signal ?? `code ${code}`));
  }

  /** As a power loss would end it: without a word. Resolves when the process is gone. */
  async kill(name: string): Promise<void> {
    const node = this.#node(name);
    const child = node.process;
    node.state = "down";
    node.process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  /** Ends all at once. */
  async killAll(): Promise<void> {
    await Promise.all(this.names.map(async (name) => this.kill(name)));
  }

  pause(name: string): void {
    this.#signal(name, "SIGSTOP", "paused");
  }

  resume(name: string): void {
    if (this.stateOf(name) === "paused") this.#signal(name, "SIGCONT", "running");
  }

  /** What a node says of itself; null when it does not answer. */
  async status(name: string): Promise<KvStatus | null> {
    if (this.stateOf(name) !== "running") return null;
    const reply = await ask(this.addressOf(name), REQUEST_KINDS.status, NOTHING);
    return reply?.outcome === OUTCOMES.ok ? (JSON.parse(Buffer.from(reply.bytes).toString()) as KvStatus) : null;
  }

  async statuses(): Promise<readonly KvStatus[]> {
    return (await Promise.all(this.names.map(async (name) => this.status(name)))).filter((status) => status !== null);
  }

  /** Who leads in the latest term that anybody knows of; null when nobody says that it does. */
  async leader(): Promise<string | null> {
    const leaders = (await this.statuses()).filter(({ raft }) => raft?.role === "leader");
    return leaders.toSorted((one, other) => (other.raft?.term ?? 0) - (one.raft?.term ?? 0))[0]?.node ?? null;
  }

  /** How often the nodes have said something since their first start. */
  countSaid(words: string): number {
    const logs = [...this.#nodes.values()].map(({ log }) => readFileSync(log, "utf8"));
    return logs.reduce((count, text) => count + text.split(words).length - 1, 0);
  }

  /** Asks again and again until all nodes fit; false when they do not within the time. */
  async waitFor(
    fits: (statuses: readonly KvStatus[]) => boolean,
    { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<boolean> {
    const endMs = performance.now() + timeoutMs;
    while (performance.now() < endMs) {
      signal?.throwIfAborted();
      if (fits(await this.statuses())) return true;
      await pause(POLL_MS);
    }
    return false;
  }

  #signal(name: string, signal: NodeJS.Signals, state: NodeState): void {
    const node = this.#node(name);
    if (node.state === "down") return;
    node.process?.kill(signal);
    node.state = state;
  }

  #node(name: string): ClusterNode {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`The cluster has no node "${name}"`);
    return node;
  }
}

/** One request on a connection of its own; null when no answer comes in time. */
async function ask(address: string, kind: number, bytes: Uint8Array): Promise<KvReply | null> {
  const { promise, resolve } = Promise.withResolvers<KvReply | null>();
  const late = setTimeout(() => resolve(null), STATUS_MS);
  const opened = KvConnection.open(`ws://${address}`);
  opened.then(
    (connection) => connection.send(kind, bytes, resolve),
    () => resolve(null),
  );
  const reply = await promise;
  clearTimeout(late);
  opened.then(
    (connection) => connection.close(),
    () => {},
  );
  return reply;
}
