/**
 * `blixard node`: one cluster member as a process. Everything is wired here and nowhere else.
 *
 * Order of starting: lock the data folder, know who it belongs to, open the log, choose a hypervisor, spawn the actors,
 * talk to the peers, and only then load and serve the API: an election waits for nobody's API. It stops in reverse. A member
 * that can no longer keep what it promises (its store failed, its consensus crashed) ends with an error rather than live on
 * half; its guests' guards hold the lease.
 */
import { createHash } from "node:crypto";
import { isIP } from "node:net";
import { spawnMember } from "../../actors/index.ts";
import { allMembers } from "../../actors/raft/core/configuration.ts";
import { ActorSystem, createRandom, type Logger, type World } from "../../runtime/index.ts";
import {
  claimIdentity,
  createNodeDispatcher,
  createNodeProber,
  createPinoLogger,
  lockFolder,
  nodeClock,
} from "../../runtime/node/index.ts";
import { ConfiguredPeers, createWsRemoting, msgpackPayloadCodec } from "../../transport/node/index.ts";
import { formatEndpoint, parseEndpoint } from "../endpoint.ts";
import type { NodeConfig } from "../node-config.ts";
import { blixardVersion } from "../version.ts";
import { askMembers } from "./ask-members.ts";
import { chooseDriver } from "./choose-driver.ts";
import { explainNodeFailure } from "./explain-node-failure.ts";
import { hostCapacity } from "./host-capacity.ts";
import { readKnownPeers, writeKnownPeers } from "./known-peers.ts";
import { openRaftStores } from "./open-stores.ts";
import { StopSignal } from "./stop-signal.ts";

/** Longest wait for one thing that is open to be closed, before the rest is closed and the process ends all the same. */
const CLOSE_MS = 3000;
/** Addresses to listen on that are none to connect to. */
const WILDCARDS: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/** Runs a node until SIGTERM or SIGINT. @throws CliError when it cannot start or cannot go on. */
export async function runNode(config: NodeConfig): Promise<void> {
  const logger = createPinoLogger({ level: config.logLevel, base: { node: config.name } });
  const stop = new StopSignal();
  try {
    await serve(config, logger, stop);
  } catch (error) {
    throw explainNodeFailure(error, config);
  } finally {
    stop.release();
    // Everything of ours is closed; what a library may have left open does not keep the process.
    setTimeout(() => process.exit(), CLOSE_MS).unref();
  }
}

async function serve(config: NodeConfig, logger: Logger, stop: StopSignal): Promise<void> {
  const version = blixardVersion();
  const lock = lockFolder(config.dataDir);
  const identity = claimIdentity(config.dataDir, config);
  const { store, snapshots, close: closeStores } = openRaftStores(config.dataDir);
  const remembered = await knownPeers(config, logger);
  const hypervisor = await chooseDriver(config, { clock: nodeClock, logger });
  const seed = createHash("sha256")
    .update(`${identity.incarnation} ${process.pid} ${process.hrtime.bigint()}`)
    .digest("hex");
  const random = createRandom(seed);
  const given = new Map(Object.entries(config.peers).map(([name, at]) => [name, peerAddress(name, at)]));
  const transport = createWsRemoting({
    node: config.name,
    incarnation: identity.incarnation,
    clusterId: config.clusterId,
    token: config.token,
    listen: config.listen,
    peers: given,
    clock: nodeClock,
    random: random.fork(),
    logger,
  });
  const peers = new ConfiguredPeers({
    node: config.name,
    peers: given,
    remembered,
    transport,
    onChange: (addresses) => writeKnownPeers(config.dataDir, addresses),
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
      members: [config.name, ...peers.names],
      onConfiguration: ({ configuration }) => peers.follow(allMembers(configuration), configuration.addresses),
      spec: {
        incarnation: identity.incarnation,
        address: config.address,
        apiUrl: apiUrlOf(config),
        driver: hypervisor.driver,
        ...hostCapacity(config),
        labels: config.labels,
        version,
      },
      preferences: config.preferences,
      store,
      snapshots,
      codec: msgpackPayloadCodec,
      hypervisor,
      prober: createNodeProber(hypervisor.verbs),
      logger,
      onStoreFailed: (error) => stop.fail(error),
    });
    // The server is loaded while links come up and a leader is found: after a restart the guests wait for that, not for the API.
    const [{ createApiServer }] = await Promise.all([import("../../api/index.ts"), transport.start()]);
    const api = createApiServer({
      system,
      replica,
      node: config.name,
      logs: hypervisor,
      guests: hypervisor.verbs,
      logger,
      clock: nodeClock,
      listen: config.api,
      version,
      token: config.token,
      links: {
        addPeer: (node, at) => peers.addPeer(node, at),
        removePeer: (node) => peers.removePeer(node),
        addressOf: (node) => (node === config.name ? listenAddress(config) : peers.addressOf(node)),
      },
      hostNames: [config.api.host, config.address].filter((host) => isIP(host) === 0),
    });
    try {
      await api.start();
      logger.log("info", "The node is up", { data: config.dataDir, incarnation: identity.incarnation });
      await stop.wait();
    } finally {
      await closed(api.close());
    }
  } finally {
    system.stop();
    await closed(transport.close());
    hypervisor.close();
    await closed(closeStores());
    lock.release();
    logger.log("info", "The node has stopped; its VMs run on until their lease ends");
  }
}

/** Asks whom `--join` names only at the first start: later that one may be gone, and the members are known. */
async function knownPeers(config: NodeConfig, logger: Logger): Promise<Readonly<Record<string, string>>> {
  const known = readKnownPeers(config.dataDir);
  if (Object.keys(known).length > 0) return known;
  const found = await askMembers(config, logger);
  if (Object.keys(found).length > 0) {
    writeKnownPeers(config.dataDir, found);
    const order = `blixard cluster add ${config.name} --address ${listenAddress(config)}`;
    logger.log("info", `Members are ${Object.keys(found).join(", ")}; waits to be added to them: "${order}"`);
  }
  return found;
}

/** Waits for something to be closed, for `CLOSE_MS` at most. */
async function closed(closing: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, CLOSE_MS);
  await Promise.race([closing, late.promise]);
  clearTimeout(timer);
}

/** Where the other nodes reach this one's API. */
function apiUrlOf({ api, address }: NodeConfig): string {
  return `http://${formatEndpoint({ host: WILDCARDS.has(api.host) ? address : api.host, port: api.port })}`;
}

/** Where the other nodes reach this one. */
function listenAddress({ listen, address }: NodeConfig): string {
  return formatEndpoint({ host: WILDCARDS.has(listen.host) ? address : listen.host, port: listen.port });
}

function peerAddress(name: string, at: string): { host: string; port: number } {
  const endpoint = parseEndpoint(at);
  if (endpoint === undefined) throw new Error(`The peer "${name}" has no address: "${at}"`);
  return endpoint;
}
