/**
 * Commands of the coordination part of the replicated state: sessions, leases, shards. They travel in the same log as all
 * other commands (`../cluster/commands.ts`); wire tags are appended, never reused.
 *
 * Whoever speaks for a session names its node and its number. The number is the index that opened it, so what was said
 * under an earlier session of the same node is refused as stale.
 */

export type CoordinationCommand =
  /** Opens a session of a node and ends its earlier one, with all that it held. Refused when proposed before that opened. */
  | { readonly type: "open-session"; readonly node: string }
  | ({ readonly type: "renew-session" } & SessionId)
  /** Its owner needs it no more and acts under it no more. */
  | ({ readonly type: "close-session" } & SessionId)
  /** The leader waited a lease and the clock bound since `renewedAt` was applied (`../cluster/lease.ts`). */
  | ({ readonly type: "expire-session"; readonly renewedAt: number } & SessionId)
  /** Takes a free lease; its fence is the index. Does nothing when the session holds it already. */
  | ({ readonly type: "acquire-lease"; readonly name: string } & SessionId)
  /** Gives a lease up: to the session of node `to` if there is one, else to whoever comes first. */
  | ({
      readonly type: "release-lease";
      readonly name: string;
      readonly fence: number;
      readonly to: string | null;
    } & SessionId)
  /** A node takes part in a kind of shards: it sends to them and, with `hosts`, may be their home. */
  | ({
      readonly type: "set-region";
      readonly shardType: string;
      /** The same at every node. */
      readonly shards: number;
      readonly hosts: boolean;
    } & SessionId)
  /** A node takes part no more. Refused while it is the home of a shard. */
  | ({ readonly type: "drop-region"; readonly shardType: string } & SessionId)
  /** A plan of the leader: each shard gets a home, or its home is asked to hand it off. Moves that no longer hold are left out. */
  | { readonly type: "move-shards"; readonly shardType: string; readonly moves: readonly ShardMove[] }
  /** The home's word that nothing of the shard acts there any more. */
  | ({
      readonly type: "hand-off-shard";
      readonly shardType: string;
      readonly shard: number;
      readonly fence: number;
    } & SessionId)
  /** Which entities the next home of the shard shall start by itself. */
  | ({
      readonly type: "remember-entities";
      readonly shardType: string;
      readonly shard: number;
      readonly fence: number;
      readonly started: readonly string[];
      readonly ended: readonly string[];
    } & SessionId);

export type CoordinationCommandOf<Type extends CoordinationCommand["type"]> = Extract<
  CoordinationCommand,
  { readonly type: Type }
>;

export interface SessionId {
  readonly node: string;
  readonly session: number;
}

export interface ShardMove {
  readonly shard: number;
  /** Of the shard as the planner saw it; 0 when it never had a home. */
  readonly fence: number;
  /** The node that it goes to. */
  readonly to: string;
}

/** By type, so that a new command cannot be forgotten here. */
const TYPES: Readonly<Record<CoordinationCommand["type"], true>> = {
  "open-session": true,
  "renew-session": true,
  "close-session": true,
  "expire-session": true,
  "acquire-lease": true,
  "release-lease": true,
  "set-region": true,
  "drop-region": true,
  "move-shards": true,
  "hand-off-shard": true,
  "remember-entities": true,
};

export function isCoordinationCommand(command: { readonly type: string }): command is CoordinationCommand {
  return Object.hasOwn(TYPES, command.type);
}
