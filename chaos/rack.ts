/**
 * Where the nodes of a run live: a host each, with an address, a disk, and links to the others. `enclosed-rack.ts` makes them of network
 * namespaces and disks of their own, `loopback-rack.ts` where that is not allowed.
 */
import type { FaultKind } from "./fault.ts";

export interface Host {
  readonly name: string;
  readonly address: string;
  /** For other nodes. */
  readonly listenPort: number;
  /** For clients. */
  readonly servePort: number;
  /** On the host's disk. */
  readonly folder: string;
  /** Put before a command, it runs on this host. */
  readonly enter: readonly string[];
}

export interface Rack {
  /** What the hosts are made of, for the report. */
  readonly description: string;
  readonly hosts: readonly Host[];
  /** Kinds of faults that cannot be had here, each with the reason. */
  readonly missing: Readonly<Partial<Record<FaultKind, string>>>;
  /** From now on everything is lost that one host sends to another; what comes back is not. */
  cut(from: string, to: string): void;
  /** All links are whole again. */
  heal(): void;
  /** Leaves no room on a host's disk. */
  fill(host: string): void;
  empty(host: string): void;
}
