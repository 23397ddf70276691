/**
 * The Raft actor: one member of the consensus, between its peers, its log store and the replica it feeds.
 *
 * Its state is a `RaftHost` (raft-host.ts), which carries out what the core (raft-core.ts) decides.
 *
 * Spawn it with `RAFT_SPAWN_OPTIONS`. It cannot be restarted by supervision: a crash is a bug or a lying disk, and its
 * node must start again from what is on disk.
 */
import type { Behavior } from "../../runtime/behavior.ts";
import type { SpawnOptions } from "../../runtime/context.ts";
import type { LogStore } from "../../runtime/ports/log-store.ts";
import type { Ref } from "../../runtime/ref.ts";
import type { RaftActorMessage, RaftEvent } from "./raft-actor-protocol.ts";
import type { RaftView } from "./raft-core.ts";
import { RaftHost } from "./raft-host.ts";
import type { RaftLimits, RaftTiming } from "./raft-options.ts";
import type { RaftRules } from "./raft-rules.ts";

export interface RaftActorOptions {
  /** Names of the nodes that vote, this one among them; the same at all of them. */
  readonly voters: readonly string[];
  readonly store: LogStore;
  /** Gets every `RaftEvent`. */
  readonly subscriber: Ref<RaftEvent>;
  /** Path of the Raft actor at every node. Default "raft". */
  readonly path?: string;
  readonly timing?: Partial<RaftTiming>;
  readonly limits?: Partial<RaftLimits>;
  /** Only to plant a fault; see `planted-faults.ts`. */
  readonly rules?: RaftRules;
  /** Called once the log is loaded, with a look at the core that stays valid. For checkers. */
  onStart?(view: RaftView): void;
}

/** A mailbox large enough that a store's answer is never dropped: proposals are refused long before it is full. */
export const RAFT_SPAWN_OPTIONS: SpawnOptions = {
  name: "raft",
  supervision: { onCrash: "escalate" },
  mailbox: { capacity: 1_000_000 },
};

export function raftActor(options: RaftActorOptions): Behavior<RaftHost, RaftActorMessage> {
  return {
    name: "raft",
    init: (ctx) => {
      const host = new RaftHost(options);
      host.start(ctx);
      return host;
    },
    receive: (host, message, ctx) => {
      host.handle(message, ctx);
      return host;
    },
    onSignal: (host, signal, ctx) => {
      if (signal.type === "terminated") host.lost(signal.ref.node, ctx);
      return host;
    },
  };
}
