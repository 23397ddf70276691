/**
 * The world of production, ready made: what Node.js offers for each port of an actor system, wired once.
 *
 *     createNodeWorld() ──▶ ActorSystem.create({ world }) ──▶ spawn ──▶ world.start() … system.shutdown() ──▶ world.close()
 *
 * The system comes before `start`, so that nothing of another node arrives before there is somebody to receive it. One
 * world serves one system.
 */
import { createHash, randomUUID } from "node:crypto";
import { join } from "node:path";
import { createRandom, type Logger, type LogLevel, type LogStore, type World } from "../runtime/index.ts";
import {
  claimIdentity,
  createNodeDispatcher,
  createPinoLogger,
  lockFolder,
  nodeClock,
  openLmdbLogStore,
} from "../runtime/node/index.ts";
import { createWsRemoting } from "../transport/node/index.ts";

/** Where a node listens. */
export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

export interface NodeWorldOptions {
  /** This node's name: 1 to 64 letters, digits, `-`, `_` and `.`. Default: `local`. */
  readonly node?: string;
  /** Where other nodes reach this one. Without it the world has no remoting, and `peers` and `token` are not asked for. */
  readonly listen?: {
    /** Default: `127.0.0.1`. Nothing is encrypted: on an address that others reach, use a network you trust. */
    readonly host?: string;
    /** 0: any free one, which `start` tells. */
    readonly port: number;
  };
  /** Every other node by its name, and where it listens. Default: none. */
  readonly peers?: Readonly<Record<string, PeerAddress>>;
  /** Nodes of another cluster are refused. Default: `blixard`. */
  readonly clusterId?: string;
  /** The secret that all nodes share, at least 16 characters, made by a machine. Needed with `listen`. */
  readonly token?: string;
  /**
   * The folder that this node keeps its journal and its Raft log in; made if need be, and this process's alone. Default:
   * none, and nothing outlives the process.
   */
  readonly data?: string;
  /** Lines of at least this level go to standard error as JSON, or all of them to a logger of your own. Default: `info`. */
  readonly log?: LogLevel | Logger;
}

export interface NodeWorld extends World {
  readonly node: string;
  readonly logger: Logger;
  /** Keeps the log of a cluster's consensus, for `joinCluster`; absent without `data`. */
  readonly store?: LogStore;
  /**
   * Begins to talk to other nodes, and tells the port; without `listen` there is nothing to begin.
   * @throws {TransportError} `listen-port-in-use`, `listen-failed`.
   */
  start(): Promise<{ readonly port: number | undefined }>;
  /** Ends every link, then closes the files. Stop the system first: what it still sends and keeps is lost. */
  close(): Promise<void>;
}

/**
 * Makes the world; locks and opens `data`, and talks to nobody yet.
 *
 * @throws {StoreError} `store-locked` when another process has the folder, `store-foreign` when it is another node's.
 * @throws {TransportError} `transport-options` when a name, the token or the peers cannot work.
 */
export function createNodeWorld(options: NodeWorldOptions = {}): NodeWorld {
  const { node = "local", clusterId = "blixard", log = "info" } = options;
  const logger = typeof log === "string" ? createPinoLogger({ level: log, base: { node } }) : log;
  const files = options.data === undefined ? undefined : openFiles(options.data, { name: node, clusterId });
  try {
    const incarnation = files?.incarnation ?? randomUUID();
    const random = createRandom(seedOf(incarnation));
    const transport =
      options.listen &&
      createWsRemoting({
        node,
        incarnation,
        clusterId,
        token: options.token ?? "",
        listen: options.listen,
        peers: new Map(Object.entries(options.peers ?? {})),
        clock: nodeClock,
        random: random.fork(),
        logger,
      });
    return {
      node,
      logger,
      clock: nodeClock,
      random,
      dispatcher: createNodeDispatcher(),
      ...(transport && { remoting: transport.remoting }),
      ...(files && { store: files.store }),
      start: async () => ({ port: (await transport?.start())?.port }),
      close: async () => {
        await transport?.close();
        await files?.close();
      },
    };
  } catch (error) {
    void files?.close();
    throw error;
  }
}

interface Files {
  readonly incarnation: string;
  readonly store: LogStore;
  close(): Promise<void>;
}

function openFiles(folder: string, owner: { readonly name: string; readonly clusterId: string }): Files {
  const lock = lockFolder(folder);
  try {
    const { incarnation } = claimIdentity(folder, owner);
    const store = openLmdbLogStore({ folder: join(folder, "raft") });
    return {
      incarnation,
      store,
      close: async () => {
        await new Promise<void>((done) => store.close(done));
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Another one for each process, also of one incarnation. */
function seedOf(incarnation: string): string {
  return createHash("sha256").update(`${incarnation} ${process.pid} ${process.hrtime.bigint()}`).digest("hex");
}
