/**
 * The machine actor: this node's copy of an embedder's state machine, between those who ask and the node's Raft actor, whose
 * subscriber it is.
 *
 *     execute ─▶ CommandBlocks ─▶ raft ─▶ committed ─▶ ReplicatedMachine.apply ─▶ replies, one message a receiver and turn
 *     query   ─▶ ReadQueue ─────▶ raft ─▶ read-ready ─┘ applied so far ─▶ query
 *
 * What waits at the end of a turn goes into one entry of the log, so that a hundred thousand small commands a second cost the log and
 * its members some thousands of entries. A command is answered when this node has applied it: whoever stays with a node reads its own
 * writes there. Nothing is ever answered as failed that may have been carried out: that is `unknown`, or refused by name when it is
 * certain. Retries are the asker's, made harmless by sessions (`../sessions/session-table.ts`).
 *
 * Spawn it with `MACHINE_SPAWN_OPTIONS`. A crash is a bug of the machine that every member meets; it is not restarted.
 */
import type { Behavior, Context, Ref, SpawnOptions } from "../../../runtime/index.ts";
import type { Leadership } from "../core/ready.ts";
import type { RaftActorMessage, RaftEvent } from "../raft-actor-protocol.ts";
import type { SessionTableOptions } from "../sessions/session-table.ts";
import { MachineHost } from "./machine-host.ts";
import type { MachineMessage } from "./machine-message.ts";
import { isMachineRequest } from "./machine-protocol.ts";
import type { StateMachine } from "./state-machine.ts";

/** What a machine actor is made of. Only `raft` and `machine` have no default. */
export interface MachineActorOptions {
  /** The Raft actor of this node; its `subscriber` is the machine actor. */
  readonly raft: Ref<RaftActorMessage>;
  readonly machine: StateMachine;
  /** How many sessions are remembered for how long. The same at every member: it is part of what applying means. */
  readonly sessions?: Pick<SessionTableOptions, "max" | "expiryMs">;
  /** Most bytes of commands that are gathered into one entry; a larger command is alone in one. Default 128 KiB. */
  readonly blockBytes?: number;
  /**
   * While a block of this node is on its way into the log, commands gather for the next one, for so long at most; and behind one of many
   * commands for another millisecond, in which those who are answered may come again. Default 5 ms; 0: no block waits.
   */
  readonly gatherMs?: number;
  /** Bytes of a chunk of a snapshot: what is encoded, written and sent at a time. Default 256 KiB; at most 1 MiB. */
  readonly snapshotChunkBytes?: number;
  /** Called after each index that was applied or restored. For checkers. */
  onApply?(view: MachineView): void;
  /** Called whenever this node learns who leads. */
  onLeadership?(leadership: Leadership): void;
  /** Called with each event of Raft that is for people or for whoever runs the node: alarms, configurations, what became of the store. */
  onEvent?(event: RaftEvent): void;
}

/** A look at the machine; valid as long as its actor. */
export interface MachineView {
  /** Index of the last entry that was applied. */
  readonly applied: number;
  /** Replicated time. */
  readonly timeMs: number;
  /** Sessions that are remembered. */
  readonly sessions: number;
  /** A digest of sessions, time and index: equal at equal index, or a member is broken. 8 hexadecimal digits, made when it is read. */
  readonly fingerprint: string;
}

/** A mailbox so large that Raft's entries are never dropped before commands are refused. */
export const MACHINE_SPAWN_OPTIONS: SpawnOptions = {
  name: "machine",
  supervision: { onCrash: "escalate" },
  mailbox: { capacity: 1_000_000 },
  // A slow peer must not hold up what the others wait for.
  onPressure: "ignore",
};

/** A node's copy of `options.machine`, replicated by `options.raft`. Spawn it with `MACHINE_SPAWN_OPTIONS`, which name it. */
export function machineActor(options: MachineActorOptions): Behavior<MachineHost, MachineMessage> {
  return {
    name: "machine",
    init: (ctx: Context<MachineMessage>) => new MachineHost(options, ctx),
    // What Raft says, and its own timers, can only come from this node.
    accepts: isMachineRequest,
    receive: (host, message) => {
      host.handle(message);
      return host;
    },
  };
}
