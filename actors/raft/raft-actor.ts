/**
 * The Raft actor: one member of the consensus, between its peers, its log store and the replica it feeds.
 *
 * Its state is a `RaftHost` (raft-host.ts), which carries out what the core (core/raft-core.ts) decides.
 *
 * Spawn it with `RAFT_SPAWN_OPTIONS`. It cannot be restarted by supervision: a crash is a bug or a lying disk, and its
 * node must start again from what is on disk.
 */
import type { Behavior } from "../../runtime/behavior.ts";
import type { SpawnOptions } from "../../runtime/context.ts";
import { isFromPeer } from "./peer-check.ts";
import type { RaftActorMessage } from "./raft-actor-protocol.ts";
import type { RaftActorOptions } from "./raft-actor-options.ts";
import { RaftHost } from "./raft-host.ts";

/** A mailbox large enough that peers are not lost among proposals, which are refused long before it is full. */
export const RAFT_SPAWN_OPTIONS: SpawnOptions = {
  name: "raft",
  supervision: { onCrash: "escalate" },
  mailbox: { capacity: 1_000_000 },
  // A slow peer must not hold up what the others wait for.
  onPressure: "ignore",
};

/** One member of the consensus as a behaviour. Spawn it with `RAFT_SPAWN_OPTIONS`, at the same path on every node. */
export function raftActor(options: RaftActorOptions): Behavior<RaftHost, RaftActorMessage> {
  return {
    name: "raft",
    init: (ctx) => {
      const host = new RaftHost(options, ctx);
      host.start();
      return host;
    },
    // What stores and timers say, and what the subscriber asks for, can only come from this node.
    accepts: isFromPeer,
    receive: (host, message) => {
      host.handle(message);
      return host;
    },
    onSignal: (host, signal) => {
      if (signal.type === "terminated") host.lost(signal.ref.node);
      return host;
    },
  };
}
