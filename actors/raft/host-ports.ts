/** What the parts of a Raft actor's host share: its context, and the ways to tell, to come back from a store, and to give up. */
import type { Context } from "../../runtime/context.ts";
import type { StoreError } from "../../runtime/ports/store-error.ts";
import type { Peers } from "./peers.ts";
import type { RaftActorMessage, RaftEvent } from "./raft-actor-protocol.ts";
import type { RaftActorOptions } from "./raft-actor-options.ts";

export interface HostPorts {
  readonly options: RaftActorOptions;
  readonly ctx: Context<RaftActorMessage>;
  readonly peers: Peers;
  /** To the subscriber. */
  readonly tell: (event: RaftEvent) => void;
  /** Makes a function for a store to call, which runs `then` as a turn of the actor. */
  readonly turn: <Value>(then: (value: Value) => void) => (value: Value) => void;
  /** Runs `then` as a turn of the actor after `delayMs`; replaces what was to run under that key. */
  readonly later: (key: string, delayMs: number, then: () => void) => void;
  /** A store has failed: the member is out of service until its node restarts. */
  readonly fail: (error: StoreError) => void;
}

/** A node that looks for its cluster, or a member of one. */
export interface HostPart {
  handle(message: RaftActorMessage): void;
  /** The Raft actor of another node that was watched is gone. */
  lost(node: string): void;
  onRoom(hasRoom: boolean): void;
  /** It is out of service from now on. */
  stop(): void;
}
