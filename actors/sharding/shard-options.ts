/** What a kind of shards is started with. */
import type { Behavior, MailboxOptions, Ref, Supervision } from "../../runtime/index.ts";
import type { ReplicaRequest } from "../cluster/replica-protocol.ts";
import type { CoordinatorRequest } from "../coordination/coordinator-protocol.ts";
import type { Tenure } from "../coordination/tenure.ts";

/** What an entity knows of itself. */
export interface Entity {
  readonly id: string;
  /** The right to act as this entity; effects carry `tenure.fence` (`fenced`). */
  readonly tenure: Tenure;
  /** Asks to be stopped once it has handled what waits; what comes later makes it again. For use on its own node only. */
  passivate(): void;
}

/** What a kind of entities is, and how it is spread over the nodes. */
export interface ShardRegionOptions<State, Message> {
  /** Of the kind of entities, the same at every node: letters, digits, `-`, `_` and `.`, at most 100. */
  readonly type: string;
  /** How many shards, 1 to 1,024. The same at every node and for ever: some ten a node of the largest cluster. Default: 64. */
  readonly shards?: number;
  /** The id of the entity that a message is for: 1 to 128 of letters, digits and `-`; any other character counts five. */
  entityOf(message: Message): string;
  /** The shard of an entity, the same at every node and for ever. Default: a hash of its id. */
  shardOf?(entity: string): number;
  /** Makes what an entity does, at its first message on a node and again after each passivation or move. */
  make(entity: Entity): Behavior<State, Message>;
  /** Asked for each message that comes from another node; what it refuses is a dead letter. Default: all are taken. */
  accepts?(message: unknown): message is Message;
  /** Whether entities may live on this node; else it only sends to them. Default: true. */
  readonly hosts?: boolean;
  /** An entity that got no message for so long is stopped. Default: 120,000, with `remember` Infinity: never. */
  readonly passivateAfterMs?: number;
  /**
   * Whether the ids of living entities are kept in the replicated state, so that they start by themselves where their shard
   * goes; 50,000 in all kinds. One beyond lives and is not remembered, which a dead letter at `not-remembered` says. One that is
   * passivated or stops by itself is forgotten. Default: false.
   */
  readonly remember?: boolean;
  /** Of each entity. Default: restart; past its intensity it stops, and the next message makes it again. */
  readonly supervision?: Supervision;
  /** Of each entity. */
  readonly mailbox?: MailboxOptions;
  /** What the entities of a shard get to handle what waits before it moves, in milliseconds. Default: 5,000. */
  readonly handOffMs?: number;
  /** Messages that wait on this node for shards without a home, and for entities that are stopping. Default: 10,000. */
  readonly bufferMax?: number;
  /** Only for the simulator, to plant a fault. */
  readonly rules?: ShardRules;
}

/** What a shard's home must keep to. */
export interface ShardRules {
  /** A shard is given away only when its entities have ended. */
  readonly entitiesEndFirst: boolean;
}

export const SHARD_RULES: ShardRules = { entitiesEndFirst: true };

/** The same, with what is not said filled in. */
export interface ShardRegionSetup<State, Message> extends Omit<ShardRegionOptions<State, Message>, "accepts"> {
  readonly shards: number;
  readonly hosts: boolean;
  readonly passivateAfterMs: number;
  readonly remember: boolean;
  readonly supervision: Supervision;
  readonly handOffMs: number;
  readonly bufferMax: number;
  readonly rules: ShardRules;
  readonly coordinator: Ref<CoordinatorRequest>;
  readonly replica: Ref<ReplicaRequest>;
  accepts(message: unknown): message is Message;
}
