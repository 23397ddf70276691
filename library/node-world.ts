/**
 * The world of production, ready made: what Node.js offers for each port of an actor system, wired once.
 *
 *     await createNodeWorld() ──▶ ActorSystem.create({ world }) ──▶ spawn ──▶ world.start() … system.shutdown() ──▶ world.close()
 *
 * The system comes before `start`, so that nothing of another node arrives before there is somebody to receive it. One
 * world serves one system.
 */
import { createHash, randomUUID } from "node:crypto";
import { join } from "node:path";
import type { JoinClusterOptions } from "../actors/index.ts";
import { allMembers } from "../actors/raft/core/configuration.ts";
import type { ConfigurationInForce } from "../actors/raft/core/ready.ts";
import {
  createRandom,
  type Journal,
  type Logger,
  type LogStore,
  type SnapshotStore,
  type World,
} from "../runtime/index.ts";
import {
  claimIdentity,
  createNodeDispatcher,
  createPinoLogger,
  createWatchdog,
  lockFolder,
  nodeClock,
  openLmdbJournal,
  openLogStore,
  openLmdbSnapshotStore,
  type Watchdog,
} from "../runtime/node/index.ts";
import { ConfiguredPeers, createWsRemoting, msgpackPayloadCodec } from "../transport/node/index.ts";
import { checkNodeWorld } from "./check-node-world.ts";
import type { NodeWorldOptions } from "./node-world-options.ts";

/** The ports of one process, and its beginning and end. */
export interface NodeWorld extends World {
  readonly node: string;
  readonly logger: Logger;
  /**
   * Begins to talk to other nodes, and tells the port; without `listen` there is nothing to begin. After a failure it may be called again.
   * @throws {TransportError} `listen-port-in-use`, `listen-failed`, `transport-started`, `transport-closed`.
   */
  start(): Promise<{ readonly port: number | undefined }>;
  /** Ends every link, then closes the files. Stop the system first: what it still sends and keeps is lost. */
  close(): Promise<void>;
}

/** A world with a data folder. */
export interface DurableNodeWorld extends NodeWorld {
  /** Keeps the events of event-sourced actors. */
  readonly journal: Journal;
  /** What `joinCluster` needs to know of this node. */
  readonly cluster: ClusterPorts;
}

/** What a node brings along to join a cluster: `joinCluster(system, world.cluster)`. */
export type ClusterPorts = Pick<
  JoinClusterOptions,
  "members" | "store" | "snapshots" | "codec" | "logger" | "preferences" | "onConfiguration"
>;

/**
 * Makes the world; locks, checks and opens `data`, and talks to nobody yet.
 *
 * Rejects with a `StoreError`: `store-locked` when another process has the folder, `store-foreign` when it is another node's,
 * `store-corrupt`, `store-version`, `store-io`; with a `TransportError`, `transport-options`, when a name, the token or the peers
 * cannot work; with a `RangeError` that names the option when another one cannot. A refused option opens nothing.
 */
export async function createNodeWorld(options: NodeWorldOptions & { readonly data: string }): Promise<DurableNodeWorld>;
export async function createNodeWorld(options?: NodeWorldOptions): Promise<NodeWorld>;
export async function createNodeWorld(options: NodeWorldOptions = {}): Promise<NodeWorld> {
  checkNodeWorld(options);
  const { node = "local", clusterId = "blixard", log = "info", peers = {} } = options;
  const logger = typeof log === "string" ? createPinoLogger({ level: log, base: { node } }) : log;
  const files = options.data === undefined ? undefined : await openFiles(options.data, { name: node, clusterId });
  const watchdog = options.watchdog === false ? undefined : watchTurns(logger, options.watchdog ?? {});
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
        peers: new Map(Object.entries(peers)),
        clock: nodeClock,
        random: random.fork(),
        logger,
        ...(options.payloadTypes && { payloadTypes: options.payloadTypes }),
        ...(options.messageBytesMax !== undefined && { messageBytesMax: options.messageBytesMax }),
      });
    const members = [node, ...Object.keys(peers)];
    const given = new Map(Object.entries(peers));
    const followed = transport && new ConfiguredPeers({ node, peers: given, transport });
    return {
      node,
      logger,
      clock: nodeClock,
      random,
      dispatcher: createNodeDispatcher(watchdog && { meter: watchdog.meter }),
      ...(transport && { remoting: transport.remoting }),
      ...(files && {
        journal: files.journal,
        cluster: {
          ...(followed && {
            onConfiguration: ({ configuration }: ConfigurationInForce) =>
              followed.follow(allMembers(configuration), configuration.addresses),
          }),
          ...(options.preferences && { preferences: options.preferences }),
          members,
          store: files.store,
          snapshots: files.snapshots,
          codec: msgpackPayloadCodec,
          logger,
        },
      }),
      start: async () => ({ port: (await transport?.start())?.port }),
      close: async () => {
        await transport?.close();
        await files?.close();
        await watchdog?.close();
      },
    };
  } catch (error) {
    await files?.close();
    await watchdog?.close();
    throw error;
  }
}

function watchTurns(logger: Logger, limits: { readonly slowMs?: number; readonly stuckMs?: number }): Watchdog {
  return createWatchdog({
    ...limits,
    onSlow: ({ actor, tookMs }) => {
      logger.log("warn", `Actor "${actor}" took ${tookMs} ms for one turn; nothing else ran meanwhile`, {
        actor,
        tookMs,
      });
    },
  });
}

interface Files {
  readonly incarnation: string;
  readonly journal: Journal;
  readonly store: LogStore;
  readonly snapshots: SnapshotStore;
  close(): Promise<void>;
}

async function openFiles(folder: string, owner: { readonly name: string; readonly clusterId: string }): Promise<Files> {
  const lock = lockFolder(folder);
  const opened: { close(done: () => void): void }[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(opened.map(async (one) => new Promise<void>((done) => one.close(done))));
    lock.release();
  };
  try {
    const { incarnation } = claimIdentity(folder, owner);
    const store = openLogStore({ folder: join(folder, "raft") });
    opened.push(store);
    const snapshots = openLmdbSnapshotStore({ folder: join(folder, "snapshots") });
    opened.push(snapshots);
    const journal = await openLmdbJournal({ folder: join(folder, "journal") });
    opened.push(journal);
    return { incarnation, journal, store, snapshots, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Another one for each process, also of one incarnation. */
function seedOf(incarnation: string): string {
  return createHash("sha256").update(`${incarnation} ${process.pid} ${process.hrtime.bigint()}`).digest("hex");
}
