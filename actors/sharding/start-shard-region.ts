/** Starts a kind of shards on this node: a front to tell entities by, and a host for those that live here. */
import { stateless, type ActorSystem, type Ref } from "../../runtime/index.ts";
import type { ReplicaRequest } from "../cluster/replica-protocol.ts";
import { joinedCoordinator } from "../coordination/joined-coordinator.ts";
import { checkStartName } from "../coordination/start-name.ts";
import { isShardCount, SHARDS_MAX } from "../coordination/shard-commands.ts";
import { frontSpawnOptions, shardFront } from "./shard-front.ts";
import { hostSpawnOptions, shardHost } from "./shard-host.ts";
import { SHARD_RULES, type ShardRegionOptions, type ShardRegionSetup } from "./shard-options.ts";
import type { RegionLeft } from "./shard-protocol.ts";

const SHARDS = 64;
const PASSIVATE_AFTER_MS = 120_000;
const HAND_OFF_MS = 5000;

/** Messages that wait on a node while a shard moves: a second of a busy one, some 10 MB. */
const BUFFER_MAX = 10_000;

/**
 * Call it on every node with the same type, after `joinCluster`. Returns the ref that takes messages for all entities of the
 * type; another node's works as well. Each entity is one actor in the whole cluster, made at its first message.
 *
 * At most once: a message is lost when the entity's node is, or the link to it; what is told to an entity that moves or is
 * passivated is not. At a coordinated shutdown of the system the shards go to other nodes in the phase `hand-over`.
 * @throws when the type is taken on this node, or the system has not joined a cluster; `RangeError` for a type that is no name and
 * for options that are no limits.
 */
export function startShardRegion<State, Message>(
  system: ActorSystem,
  options: ShardRegionOptions<State, Message>,
): Ref<Message> {
  checkOptions(options);
  const setup = setupOf(system, options);
  checkSetup(setup);
  const ref = system.spawn(shardFront(setup), frontSpawnOptions(options.type));
  const host = system.spawn(shardHost(setup), hostSpawnOptions(options.type));
  system.onShutdown({
    phase: "hand-over",
    name: `shards-${options.type}`,
    run: (done) => {
      const replyTo = system.spawn(stateless<RegionLeft>(`shards-${options.type}.left`, () => done()));
      system.tell(host, { type: "leave", replyTo });
    },
  });
  return ref;
}

function setupOf<State, Message>(
  system: ActorSystem,
  options: ShardRegionOptions<State, Message>,
): ShardRegionSetup<State, Message> {
  const { node } = system;
  return {
    ...options,
    shards: options.shards ?? SHARDS,
    hosts: options.hosts ?? true,
    passivateAfterMs: options.passivateAfterMs ?? (options.remember === true ? Infinity : PASSIVATE_AFTER_MS),
    remember: options.remember ?? false,
    supervision: options.supervision ?? { onCrash: "restart" },
    handOffMs: options.handOffMs ?? HAND_OFF_MS,
    bufferMax: options.bufferMax ?? BUFFER_MAX,
    rules: options.rules ?? SHARD_RULES,
    coordinator: joinedCoordinator(system, `shards "${options.type}"`),
    replica: system.refAt<ReplicaRequest>({ node, path: "replica" }),
    accepts: (message): message is Message => options.accepts?.(message) ?? true,
  };
}

/** A JavaScript caller is not held to the types. */
function checkOptions<State, Message>(options: ShardRegionOptions<State, Message>): void {
  checkStartName("shards", options.type);
  for (const part of ["entityOf", "make"] as const) {
    if (typeof options[part] === "function") continue;
    throw new TypeError(`Cannot start shards "${options.type}": ${part} is ${typeof options[part]}, wanted a function`);
  }
}

/** What no cluster can take is refused at once, not by the first message or by a host that crashes. */
function checkSetup<State, Message>(setup: ShardRegionSetup<State, Message>): void {
  const { type, shards, passivateAfterMs, handOffMs, bufferMax } = setup;
  const refuse = (what: string): never => {
    throw new RangeError(`Cannot start shards "${type}": ${what}`);
  };
  if (!isShardCount(shards)) refuse(`shards is ${shards}, wanted a whole number from 1 to ${SHARDS_MAX}`);
  if (!(passivateAfterMs > 0)) refuse(`passivateAfterMs is ${passivateAfterMs}, wanted more than 0`);
  if (!(handOffMs >= 0)) refuse(`handOffMs is ${handOffMs}, wanted 0 or more`);
  if (!(bufferMax >= 0)) refuse(`bufferMax is ${bufferMax}, wanted 0 or more`);
}
