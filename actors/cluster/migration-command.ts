/**
 * The commands of a migration, of level 3; `move-vm` is of level 4. What they make of the map: `migration-commands.ts`, and by stop and start
 * `cold-move.ts`.
 *
 * Each but the first names the migration, and what a node says carries the epoch of its lease: nothing said of one migration counts for another.
 */
import type { MigrationEndpoint, MigrationLimits, MigrationProgress, VmAddress } from "../resources/index.ts";

export type MigrationCommand =
  /** Begins one: room is held on both nodes from now on. Refused before anything moves. */
  | {
      readonly type: "migrate-vm";
      readonly name: string;
      readonly target: string;
      readonly limits: MigrationLimits;
    }
  /** Begins a move by stop and start: its instance is to stop, and its end is the beginning of another one at the target, where room is held. */
  | { readonly type: "move-vm"; readonly name: string; readonly target: string; readonly timeoutMs: number }
  /** The target's word that it waits for the guest, and where. */
  | ({ readonly type: "migration-ready"; readonly endpoint: MigrationEndpoint } & FromNode)
  /**
   * How far the source has come, at most once a second; and from either node for how long the guest stood still, which may come when all is
   * over.
   */
  | ({
      readonly type: "migration-progress";
      readonly progress?: MigrationProgress;
      readonly stillMs?: number;
    } & FromNode)
  /** The target's word that all of the guest has come and stands still there: the instance is its own from now on. */
  | ({ readonly type: "take-over"; readonly addresses: readonly VmAddress[] } & FromNode)
  /** Ends it where it is; the source's copy goes on. By anybody. `migration` null: whichever goes on. */
  | {
      readonly type: "cancel-migration";
      readonly name: string;
      readonly migration: string | null;
      /** Why, for people. */
      readonly message: string;
    };

interface FromNode {
  readonly node: string;
  readonly epoch: number;
  readonly vm: string;
  readonly migration: string;
}
