/** For the transport's tests: nodes on loopback whose ports are known before they start, with short times. */
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "../../../runtime/prng.ts";
import { nodeClock } from "../../../runtime/node/node-clock.ts";
import type { LogFields, LogLevel, Logger } from "../../../runtime/ports/logger.ts";
import type { Remoting } from "../../../runtime/ports/remoting.ts";
import type { PeerAddress, TransportTiming, WsRemoting, WsRemotingOptions } from "../../../transport/node/index.ts";
import { createWsRemoting } from "../../../transport/node/index.ts";
import type { RemotingCluster } from "../../contract/remoting.ts";

export const TOKEN = "a token of more than sixteen characters";

export const SHORT_TIMES: TransportTiming = {
  heartbeatMs: 500,
  silentTicksMax: 2,
  handshakeMs: 2000,
  closeMs: 200,
  redial: { minMs: 5, maxMs: 20, jitter: 0.2 },
};

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

export class MemoryLogger implements Logger {
  readonly lines: LogLine[] = [];

  log(level: LogLevel, message: string, fields?: LogFields): void {
    this.lines.push({ level, message, fields });
  }
}

/** Free ports of this host, one each. Another process could take one before its use; on loopback none does. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Options of a node in a test; whatever the test is about it overrides. */
export function wsOptions(node: string, overrides: Partial<WsRemotingOptions> = {}): WsRemotingOptions {
  return {
    node,
    incarnation: `${node}-first`,
    clusterId: "test",
    token: TOKEN,
    listen: { port: 0 },
    peers: new Map(),
    clock: nodeClock,
    random: createRandom(node),
    logger: new MemoryLogger(),
    timing: SHORT_TIMES,
    ...overrides,
  };
}

export class WsCluster implements RemotingCluster {
  readonly addresses: ReadonlyMap<string, PeerAddress>;
  readonly running: Map<string, WsRemoting> = new Map();
  #starts = 0;

  constructor(addresses: ReadonlyMap<string, PeerAddress>) {
    this.addresses = addresses;
  }

  static async create(nodes: readonly string[]): Promise<WsCluster> {
    const ports = await freePorts(nodes.length);
    return new WsCluster(new Map(nodes.map((node, i) => [node, { host: "127.0.0.1", port: ports[i] ?? 0 }])));
  }

  async start(
    node: string,
    register: (remoting: Remoting) => void,
    overrides: Partial<WsRemotingOptions> = {},
  ): Promise<void> {
    this.#starts += 1;
    const peers = new Map([...this.addresses].filter(([peer]) => peer !== node));
    const port = this.addresses.get(node)?.port ?? 0;
    const incarnation = `${node}-${this.#starts}`;
    const running = createWsRemoting(wsOptions(node, { incarnation, listen: { port }, peers, ...overrides }));
    register(running.remoting);
    this.running.set(node, running);
    await running.start();
  }

  async stop(node: string): Promise<void> {
    await this.running.get(node)?.close();
    this.running.delete(node);
  }

  until(condition: () => boolean): Promise<void> {
    return until(condition);
  }

  async close(): Promise<void> {
    await Promise.all([...this.running.keys()].map((node) => this.stop(node)));
  }
}

const UNTIL_MS = 5000;

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + UNTIL_MS;
  do {
    await sleep(1);
    if (await condition()) return;
  } while (performance.now() < endMs);
  throw new Error(`The condition did not hold within ${UNTIL_MS} ms: ${condition.toString()}`);
}
