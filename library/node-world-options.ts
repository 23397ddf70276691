/** What a node's world is made from. */
import type { RaftPreferences } from "../actors/raft/core/raft-options.ts";
import type { Logger, LogLevel } from "../runtime/index.ts";
import type { PayloadType } from "../transport/index.ts";

/** Where a node listens. */
export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

/** What a process says about itself to get a world; all of it may be left out. */
export interface NodeWorldOptions {
  /** This node's name: 1 to 64 letters, digits, `-`, `_` and `.`. Default: `local`. */
  readonly node?: string;
  /** Where other nodes reach this one. Without it the world has no remoting, and `peers` and `token` are not asked for. */
  readonly listen?: {
    /** Default: `127.0.0.1`. Nothing is encrypted: on an address that others reach, use a network you trust. */
    readonly host?: string;
    /** 0: any free one, which `start` tells. */
    readonly port: number;
  };
  /** Every other node by its name, and where it listens. Default: none. */
  readonly peers?: Readonly<Record<string, PeerAddress>>;
  /** Nodes of another cluster are refused. Default: `blixard`. */
  readonly clusterId?: string;
  /** The secret that all nodes share, at least 16 characters, made by a machine. Needed with `listen`. */
  readonly token?: string;
  /**
   * The folder that this node keeps its journal and its Raft log in; made if need be, and this process's alone. Default:
   * none, and nothing outlives the process.
   */
  readonly data?: string;
  /**
   * For a node with `data` that joins a cluster: who had better lead, from -10 to 10, and whether linearizable reads go under leases, the
   * same at all nodes (docs/guide/08-cluster.md). Default: priority 0, no leases.
   */
  readonly preferences?: Partial<RaftPreferences>;
  /** The types of the application's own that may be in messages between nodes. Every node needs them all. Default: none. */
  readonly payloadTypes?: readonly PayloadType[];
  /** The largest message between nodes, encoded, in bytes; 1 KiB to 1 GiB. Default: 64 MiB. */
  readonly messageBytesMax?: number;
  /** Lines of at least this level go to standard error as JSON, or all of them to a logger of your own. Default: `info`. */
  readonly log?: LogLevel | Logger;
  /**
   * A thread that names actors whose turn takes `slowMs` (default: 100) or has not returned after `stuckMs` (default: 2,000).
   * `false`: none. Default: on.
   */
  readonly watchdog?: { readonly slowMs?: number; readonly stuckMs?: number } | false;
}
