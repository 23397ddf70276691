/**
 * The coordination part of the replicated state: who holds what, by records that only committed commands change.
 *
 * Pure and deterministic like the rest of the map (`../cluster/cluster-state.ts`, which owns it and puts its records into
 * the same fingerprint). What a command means stands in its family's file: `session-commands.ts`, `lease-commands.ts`,
 * `shard-commands.ts`. A command decides first and writes then: one that refuses has written nothing.
 */
import type { Fingerprint } from "../cluster/fingerprint.ts";
import type { Refusal } from "../cluster/refusal.ts";
import type { CoordinationCommand } from "./coordination-commands.ts";
import { recordKey, type CoordinationChange, type CoordinationRecord } from "./coordination-record.ts";
import { CoordinationSet } from "./coordination-set.ts";
import { CoordinationTables } from "./coordination-tables.ts";
import { acquireLease, releaseLease } from "./lease-commands.ts";
import { closeSession, expireSession, openSession, renewSession } from "./session-commands.ts";
import { dropRegion, handOffShard, moveShards, rememberEntities, setRegion } from "./shard-commands.ts";

export class CoordinationState {
  readonly tables: CoordinationTables = new CoordinationTables();
  readonly #fingerprint: Fingerprint;

  constructor(fingerprint: Fingerprint) {
    this.#fingerprint = fingerprint;
  }

  /** What stands under a fingerprint key. */
  record(key: string): CoordinationRecord | undefined {
    return this.tables.find(key);
  }

  /** Replaces every record by those of `tables.all()` of a state. */
  restore(records: readonly CoordinationRecord[]): void {
    for (const record of this.tables.all()) this.#fingerprint.remove(`coordination/${recordKey(record)}`);
    this.tables.clear();
    for (const record of records) {
      this.tables.put(record);
      this.#fingerprint.put(`coordination/${recordKey(record)}`);
    }
  }

  /** Carries out the command at `index`, proposed by somebody who had applied `after`. */
  apply(
    command: CoordinationCommand,
    { index, after }: { readonly index: number; readonly after: number },
  ): readonly CoordinationChange[] | Refusal {
    const set = new CoordinationSet({ tables: this.tables, fingerprint: this.#fingerprint, index, after });
    return carryOut(set, command) ?? set.changes;
  }
}

function carryOut(set: CoordinationSet, command: CoordinationCommand): Refusal | null {
  switch (command.type) {
    case "open-session":
      return openSession(set, command);
    case "renew-session":
      return renewSession(set, command);
    case "close-session":
      return closeSession(set, command);
    case "expire-session":
      return expireSession(set, command);
    case "acquire-lease":
      return acquireLease(set, command);
    case "release-lease":
      return releaseLease(set, command);
    case "set-region":
      return setRegion(set, command);
    case "drop-region":
      return dropRegion(set, command);
    case "move-shards":
      return moveShards(set, command);
    case "hand-off-shard":
      return handOffShard(set, command);
    case "remember-entities":
      return rememberEntities(set, command);
    default:
      return command satisfies never;
  }
}
