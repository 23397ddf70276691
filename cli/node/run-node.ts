/**
 * `blixard node`: one cluster member as a process. Everything is wired here and nowhere else.
 *
 * Order of starting: lock the data folder, know who it belongs to, open the log, choose a hypervisor, spawn the actors,
 * serve the API, and only then talk to the peers. It stops in reverse. A member that can no longer keep what it promises
 * (its store failed, its consensus crashed) ends with an error rather than live on half; its guests' guards hold the lease.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { spawnMember } from "../../actors/index.ts";
import { createApiServer } from "../../api/index.ts";
import { ActorSystem, createRandom, StoreError, type Logger, type World } from "../../runtime/index.ts";
import {
  createNodeDispatcher,
  createNodeProber,
  createPinoLogger,
  lockFolder,
  nodeClock,
  openLmdbLogStore,
} from "../../runtime/node/index.ts";
import { createWsRemoting, msgpackPayloadCodec } from "../../transport/node/index.ts";
import { CliError } from "../cli-error.ts";
import { parseEndpoint } from "../endpoint.ts";
import { EXIT } from "../exit-codes.ts";
import type { NodeConfig } from "../node-config.ts";
import { blixardVersion } from "../version.ts";
import { chooseDriver } from "./choose-driver.ts";
import { hostCapacity } from "./host-capacity.ts";
import { claimIdentity } from "./node-identity.ts";

/** Longest wait for what is open to be closed, before the process ends all the same. */
const CLOSE_MS = 3000;

/** Runs a node until SIGTERM or SIGINT. @throws CliError when it cannot start or cannot go on. */
export async function runNode(config: NodeConfig): Promise<void> {
  const logger = createPinoLogger({ level: config.logLevel, base: { node: config.name } });
  const stop = new StopSignal();
  try {
    await serve(config, logger, stop);
  } catch (error) {
    throw explain(error);
  } finally {
    stop.release();
  }
}

async function serve(config: NodeConfig, logger: Logger, stop: StopSignal): Promise<void> {
  const version = blixardVersion();
  const lock = lockFolder(config.dataDir);
  const identity = claimIdentity(config.dataDir, config);
  const store = openLmdbLogStore({ folder: join(config.dataDir, "raft") });
  const hypervisor = await chooseDriver(config, { clock: nodeClock, logger });
  const seed = createHash("sha256")
    .update(`${identity.incarnation} ${process.pid} ${process.hrtime.bigint()}`)
    .digest("hex");
  const random = createRandom(seed);
  const transport = createWsRemoting({
    node: config.name,
    incarnation: identity.incarnation,
    clusterId: config.clusterId,
    token: config.token,
    listen: config.listen,
    peers: new Map(Object.entries(config.peers).map(([name, at]) => [name, peerAddress(name, at)])),
    clock: nodeClock,
    random: random.fork(),
    logger,
  });
  const world: World = { clock: nodeClock, random, dispatcher: createNodeDispatcher(), remoting: transport.remoting };
  const system = ActorSystem.create({
    node: config.name,
    world,
    onCrash: ({ ref, behavior, error, directive }) => {
      logger.log("error", `Actor ${ref.path} (${behavior}) crashed: ${directive}`, { cause: error });
    },
    onFailure: (_, error) => stop.fail(error),
  });
  try {
    const { replica } = spawnMember(system, {
      members: [config.name, ...Object.keys(config.peers)],
      spec: {
        incarnation: identity.incarnation,
        address: config.address,
        apiUrl: `http://${config.api.host}:${config.api.port}`,
        driver: hypervisor.driver,
        ...hostCapacity(config),
        labels: config.labels,
        version,
      },
      store,
      codec: msgpackPayloadCodec,
      hypervisor,
      prober: createNodeProber(),
      logger,
      onStoreFailed: (error) => stop.fail(error),
    });
    const { listen, token } = { listen: config.api, token: config.token };
    const api = createApiServer({
      system,
      replica,
      node: config.name,
      logs: hypervisor,
      logger,
      clock: nodeClock,
      listen,
      version,
      token,
    });
    try {
      await api.start();
      await transport.start();
      logger.log("info", "The node is up", { data: config.dataDir, incarnation: identity.incarnation });
      await stop.wait();
    } finally {
      await Promise.race([api.close(), delay(CLOSE_MS)]);
    }
  } finally {
    system.stop();
    await Promise.race([transport.close(), delay(CLOSE_MS)]);
    hypervisor.close();
    await Promise.race([new Promise<void>((done) => store.close(done)), delay(CLOSE_MS)]);
    lock.release();
    logger.log("info", "The node has stopped; its VMs run on until their lease ends");
  }
}

function peerAddress(name: string, at: string): { host: string; port: number } {
  const endpoint = parseEndpoint(at);
  if (endpoint === undefined) throw new Error(`The peer "${name}" has no address: "${at}"`);
  return endpoint;
}

/** Resolves at SIGTERM or SIGINT, rejects when the node cannot go on. */
class StopSignal {
  readonly #stopped: Promise<void>;
  readonly #onSignal: () => void;
  #reject: (error: unknown) => void = () => {};

  constructor() {
    let resolve = (): void => {};
    this.#stopped = new Promise<void>((done, failed) => {
      resolve = done;
      this.#reject = failed;
    });
    // A failure may come before anybody waits; it must not end the process on its own.
    this.#stopped.catch(() => {});
    this.#onSignal = () => resolve();
    process.once("SIGTERM", this.#onSignal);
    process.once("SIGINT", this.#onSignal);
  }

  wait(): Promise<void> {
    return this.#stopped;
  }

  fail(error: unknown): void {
    this.#reject(error);
  }

  release(): void {
    process.off("SIGTERM", this.#onSignal);
    process.off("SIGINT", this.#onSignal);
  }
}

/** Failures that a person can mend are told as such; anything else is a bug and keeps its stack for the log. */
function explain(error: unknown): unknown {
  if (error instanceof CliError) return error;
  const hint = (error as { hint?: unknown }).hint;
  const known = error instanceof StoreError || (error instanceof Error && typeof hint === "string");
  if (!known) return error;
  return new CliError(EXIT.failed, error.message, { hint: String(hint), cause: error });
}
