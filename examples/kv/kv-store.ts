/**
 * One node of the store: the ports of Node.js, the Raft actor, the machine actor above it, and the server for clients.
 *
 *     clients ─▶ KvServer ─▶ machine actor (KvMachine) ─▶ Raft actor ─▶ log and snapshots on disk
 *                                                            └───────▶ Raft actors of the peers
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { MACHINE_SPAWN_OPTIONS, machineActor } from "../../actors/raft/machine/index.ts";
import { RAFT_SPAWN_OPTIONS, raftActor, type RaftActorMessage, type RaftEvent } from "../../actors/raft/index.ts";
import type { RaftActorStatus } from "../../actors/raft/raft-actor-status.ts";
import { ActorSystem, createRandom, type Logger } from "../../runtime/index.ts";
import {
  claimIdentity,
  createNodeDispatcher,
  createPinoLogger,
  lockFolder,
  nodeClock,
  openLogStore,
  openLmdbSnapshotStore,
} from "../../runtime/node/index.ts";
import { createWsRemoting } from "../../transport/node/index.ts";
import { KvMachine } from "./kv-machine.ts";
import { KvServer } from "./kv-server.ts";
import type { KvStatus } from "./kv-status.ts";

export interface KvStoreOptions {
  readonly name: string;
  /** Its folder, made already; this process's alone. */
  readonly data: string;
  /** The secret that the nodes share. */
  readonly token: string;
  /** For other nodes. */
  readonly listen: KvAddress;
  /** For clients. */
  readonly serve: KvAddress;
  /** Every node that makes the cluster, this one too. */
  readonly peers: ReadonlyMap<string, { readonly listen: KvAddress; readonly serve: KvAddress }>;
  /** Entries between two snapshots. Default: that of the Raft actor. */
  readonly snapshotEvery?: number;
  /** Entries that the log keeps behind a snapshot. Default: that of the Raft actor. */
  readonly keepEntries?: number;
  /** Reads take no round of heartbeats while clocks keep within 1 %; the same at every node. Default: false. */
  readonly leaseReads?: boolean;
  /** The log can no longer be read or kept: the process should end. */
  onFailed?(): void;
  /** Whether every line of the log is told; without, warnings are. Default: false. */
  readonly verbose?: boolean;
}

export interface KvAddress {
  readonly host: string;
  readonly port: number;
}

export interface KvStore {
  readonly listenPort: number;
  readonly servePort: number;
  close(): Promise<void>;
}

const CLUSTER = "kv";
const STATUS_MS = 1000;

/** Rejects with a `StoreError` or a `TransportError` that says what is wrong. */
export async function startKv(options: KvStoreOptions): Promise<KvStore> {
  const { name, data, peers } = options;
  const logger = createPinoLogger({ level: options.verbose === true ? "info" : "warn", base: { node: name } });
  const lock = lockFolder(data);
  const { incarnation } = claimIdentity(data, { name, clusterId: CLUSTER });
  const random = createRandom(seedOf(incarnation));
  // The process does nothing but this, so it may stand still for its disk.
  const log = openLogStore({ folder: join(data, "raft"), mayBlock: true });
  const snapshots = openLmdbSnapshotStore({ folder: join(data, "snapshots") });
  const others = [...peers].filter(([peer]) => peer !== name);
  const transport = createWsRemoting({
    node: name,
    incarnation,
    clusterId: CLUSTER,
    token: options.token,
    listen: options.listen,
    peers: new Map(others.map(([peer, { listen }]) => [peer, listen])),
    clock: nodeClock,
    random: random.fork(),
    logger,
  });
  const system = ActorSystem.create({
    node: name,
    world: { clock: nodeClock, random, dispatcher: createNodeDispatcher(), remoting: transport.remoting },
  });
  const raft = system.refAt<RaftActorMessage>({ node: name, path: "raft" });
  const machine = system.spawn(
    machineActor({ raft, machine: new KvMachine(), onEvent: (event) => tellOperator(event, logger, options) }),
    MACHINE_SPAWN_OPTIONS,
  );
  system.spawn(
    raftActor({
      voters: [...peers.keys()],
      store: log,
      snapshots,
      subscriber: machine,
      ...(options.snapshotEvery !== undefined && { snapshotting: { everyEntries: options.snapshotEvery } }),
      ...(options.leaseReads === true && { preferences: { leaseReads: true } }),
      ...(options.keepEntries !== undefined && { limits: { trailingEntries: options.keepEntries } }),
    }),
    RAFT_SPAWN_OPTIONS,
  );
  const addressOf = (node: string): string | undefined => {
    const serve = peers.get(node)?.serve;
    return serve && `${serve.host}:${serve.port}`;
  };
  const status = async (): Promise<KvStatus> => {
    const asked = await system.ask<RaftActorMessage, RaftActorStatus>(
      raft,
      (replyTo) => ({ type: "status", replyTo }),
      { timeoutMs: STATUS_MS },
    );
    const known = asked.ok ? asked.answer : null;
    const leader = known?.leaderNode ?? null;
    return {
      node: name,
      leader,
      leaderAddress: leader === null ? null : (addressOf(leader) ?? null),
      store: log.constructor.name,
      raft: known,
    };
  };
  const server = new KvServer({ system, machine, addressOf, status });
  const { port: listenPort } = await transport.start();
  const { port: servePort } = await server.listen(options.serve.host, options.serve.port);
  return {
    listenPort,
    servePort,
    close: async () => {
      await server.close();
      system.stop();
      await transport.close();
      await Promise.all([log, snapshots].map((store) => new Promise<void>((done) => store.close(done))));
      lock.release();
    },
  };
}

/** What somebody must hear of; the rest is in the status. */
function tellOperator(event: RaftEvent, logger: Logger, options: KvStoreOptions): void {
  switch (event.type) {
    case "alarm":
      logger.log("error", "Raft alarm", { ...event.alarm });
      return;
    case "store-repaired":
      for (const repair of event.repairs) logger.log("warn", `The log was repaired: ${repair}`);
      return;
    case "read-only":
      logger.log("warn", event.readOnly ? "The disk is full: nothing is written" : "The disk has room again");
      return;
    case "snapshot":
      logger.log("info", `Snapshot ${event.origin}`, { index: event.index, sizeBytes: event.sizeBytes });
      return;
    case "store-failed":
      logger.log("error", `${event.error.message}; ${event.error.hint}`, { code: event.error.code });
      options.onFailed?.();
      return;
    default:
      return;
  }
}

/** Differs between nodes, and between the lives of one. */
function seedOf(incarnation: string): string {
  return createHash("sha256").update(`${incarnation} ${process.pid} ${process.hrtime.bigint()}`).digest("hex");
}
