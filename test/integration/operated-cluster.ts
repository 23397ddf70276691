/** Node processes on loopback, of which a test starts, kills, wipes and adds as many as it wants, by the command line. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createApiClient, type ApiClient, type ClusterStatus } from "../../api/index.ts";
import { signalProcess, startNodeProcess } from "../../cli/local-cluster/node-process.ts";
import { poll } from "../../cli/pause.ts";
import { isRunning, type ProcessIdentity } from "../../runtime/node/guard/process-identity.ts";

export interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const MAIN = join(import.meta.dirname, "..", "..", "cli", "main.ts");
const TOKEN = "the secret of an operated cluster";
const GONE_MS = 10_000;
const POLL_MS = 20;

/** What a node says of its part in the cluster. */
type Replica = ClusterStatus["replica"];

export class OperatedCluster {
  readonly folder: string = mkdtempSync(join(tmpdir(), "blixard-operated-"));
  readonly #portBase: number;
  readonly #processes = new Map<string, ProcessIdentity>();

  /** Nodes are n1 to n9; n1 listens on the base + 1 and serves its API on the base + 101. */
  constructor(portBase: number) {
    this.#portBase = portBase;
  }

  dataDir(name: string): string {
    return join(this.folder, name);
  }

  listen(name: string): string {
    return `127.0.0.1:${this.#portBase + Number(name.slice(1))}`;
  }

  api(name: string): string {
    return `127.0.0.1:${this.#portBase + 100 + Number(name.slice(1))}`;
  }

  /** A client that asks these nodes. */
  client(...names: readonly string[]): ApiClient {
    return createApiClient({ urls: names.map((name) => `http://${this.api(name)}`) });
  }

  /** Starts a node on what its disk holds. Does not wait for it. */
  async start(
    name: string,
    how: { readonly peers?: readonly string[]; readonly join?: readonly string[] },
  ): Promise<void> {
    const { peers = [], join: joins = [] } = how;
    const flags = [
      ["--name", name],
      ["--cluster-id", "operated"],
      ["--data", this.dataDir(name)],
      ["--listen", this.listen(name)],
      ["--api", this.api(name)],
      ["--driver", "process"],
      ...(peers.length === 0 ? [] : [["--peers", peers.map((peer) => `${peer}=${this.listen(peer)}`).join(",")]]),
      ...(joins.length === 0 ? [] : [["--join", joins.map((other) => this.api(other)).join(",")]]),
    ].flat();
    const env = { ...process.env, BLIXARD_TOKEN: TOKEN };
    this.#processes.set(name, await startNodeProcess({ name, flags, env, logFile: this.#logFile(name) }));
  }

  /** Ends a node's process; returns when it is gone. */
  async end(name: string, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const identity = this.#processes.get(name);
    if (identity === undefined) return;
    signalProcess(identity, signal);
    const gone = await poll(() => (isRunning(identity) ? undefined : true), { everyMs: POLL_MS, timeoutMs: GONE_MS });
    if (gone === undefined) throw new Error(`Node "${name}" was sent ${signal} and is still there`);
    this.#processes.delete(name);
  }

  /** A new disk. */
  wipe(name: string): void {
    rmSync(this.dataDir(name), { recursive: true, force: true });
  }

  log(name: string): string {
    return readFileSync(this.#logFile(name), "utf8");
  }

  /** Runs `blixard ARGS` against these nodes. */
  async blixard(nodes: readonly string[], ...args: readonly string[]): Promise<Said> {
    const server = nodes.map((name) => `http://${this.api(name)}`).join(",");
    const child = spawn(process.execPath, [MAIN, ...args], {
      env: { ...process.env, BLIXARD_SERVER: server, BLIXARD_TOKEN: TOKEN },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return { code, out, err };
  }

  /** Asks a node again and again until what it says of itself is as wanted, and returns that. */
  async until(name: string, is: (replica: Replica) => boolean, timeoutMs = 30_000): Promise<Replica> {
    let last: unknown = null;
    const found = await poll(
      async () => {
        try {
          const { replica } = await this.client(name).clusterStatus();
          last = replica;
          return is(replica) ? replica : undefined;
        } catch {
          return undefined;
        }
      },
      { everyMs: POLL_MS, timeoutMs },
    );
    if (found === undefined) throw new Error(`Node "${name}" is not as wanted: ${JSON.stringify(last)}`);
    return found;
  }

  async stop(): Promise<void> {
    for (const name of [...this.#processes.keys()]) await this.end(name);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #logFile(name: string): string {
    return join(this.folder, "logs", `${name}.log`);
  }
}
