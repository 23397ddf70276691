/**
 * What a guarded hypervisor (guarded-hypervisor.ts) needs from one kind of machine: how to make its command, how to talk
 * to what runs, how to understand its end. Leases, adoption, logs and the rest are the same for all kinds.
 */
import type {
  DriverName,
  ExitReason,
  HypervisorCapabilities,
  InstanceLaunch,
  StartFailure,
} from "../../ports/hypervisor.ts";
import type { GuestStream, StreamListener, StreamRequest } from "../../ports/guest-streams.ts";
import type {
  CheckpointManifest,
  GuestMetrics,
  MigrationEndpoint,
  MigrationRequest,
  VerbFailure,
} from "../../ports/guest-verbs.ts";
import type { GuardedCommand, GuardExit } from "../guard/guard.ts";
import type { ProcessIdentity } from "../guard/process-identity.ts";
import type { InstanceRecord } from "./instance-store.ts";

export interface MachineDriver {
  readonly name: DriverName;
  readonly capabilities: HypervisorCapabilities;
  /** Writes what the command needs into `folder`. `user`: who will run it, if not the node's own user; `stands`: does its lease, at this moment? @throws {StartRefusal} */
  prepare(
    launch: InstanceLaunch,
    folder: string,
    user: number | undefined,
    stands: () => boolean,
  ): Promise<MachineCommand>;
  /** Why that instance can run as no user but the node's, if so. */
  needsNodeUser?(launch: InstanceLaunch): string | undefined;
  /** Connects to what runs in `folder`, just started or found again. */
  attach(to: MachineContext): Machine;
  /** Takes away what it made on the host for an instance of which nothing runs any more, also when its start failed. Never throws. */
  release?(instance: string): Promise<void>;
  /** Deletes what was kept of all other instances, if it keeps anything; what cannot be deleted now waits for the next call. Never throws. */
  keepOnly?(instances: readonly string[]): void;
  /** Forgets all other checkpoints of this host, if it makes any; as `keepOnly` does. Never throws. */
  keepOnlyCheckpoints?(ids: readonly string[]): void;
  /** Reads all of a checkpoint of this host. @throws {VerbError} `damaged`, `not-found` */
  checkCheckpoint?(id: string): Promise<void>;
  /** Forgets a checkpoint of this host, if there is one. */
  dropCheckpoint?(id: string): Promise<void>;
  /** Can a standby (standby-pool.ts) become that instance? It is started from a checkpoint, and needs nothing that a machine must be started with. */
  canStandBy?(launch: InstanceLaunch): boolean;
  /** Makes what lies in a standby's folder that instance's, once it has looked at the checkpoint as `prepare` does. @throws {StartRefusal} */
  dress?(launch: InstanceLaunch, folder: string): Promise<void>;
}

/** A command, and what of its instance's folder and of the host it must get at when its user is not the node's: names in the folder. */
export interface MachineCommand extends GuardedCommand {
  /** Files that it opens to read. */
  readonly reads?: readonly string[];
  /** Files that it opens to append to. */
  readonly appends?: readonly string[];
  /** Files and folders that are its own. */
  readonly owns?: readonly string[];
  /** Paths of devices that it opens. */
  readonly devices?: readonly string[];
}

export interface MachineContext {
  readonly folder: string;
  readonly record: InstanceRecord;
  readonly child: ProcessIdentity;
  /** It was started by an earlier process. */
  readonly found: boolean;
  /** It is to stand by: nothing is said to its guest. Default: it is an instance. */
  readonly standsBy?: true;
  /** What the guest says of itself. May be called at any time until `detach`. */
  report(sign: "booted" | "heartbeat" | "arrived"): void;
}

/** One running instance. */
export interface Machine {
  /**
   * Resolves when the machine itself runs, its guest may still boot; with where it listens, if it waits for a guest of another host.
   * @throws {StartRefusal}
   */
  ready(): Promise<MigrationEndpoint | undefined | void>;
  /** In place of `ready`: loads what its guest begins with, and leaves it standing still. @throws {StartRefusal} */
  standBy?(): Promise<void>;
  /** Before `ready`, of one that was a standby: gives it what is the instance's. Nothing of its guest has run when it rejects. */
  wake?(): Promise<void>;
  /** Asks the guest to end. */
  requestStop(): void;
  /** Called about once a second while the instance runs. */
  tick(): void;
  /** Says why the instance ended, after its guard reported that it did. */
  explain(exit: GuardExit): Promise<{ readonly reason: ExitReason; readonly detail: string }>;
  /** Lets go of sockets; the instance runs on. */
  detach(): void;
  /** What the driver does not lack of the port's verbs. Each rejects with a `VerbError` and has changed nothing then. */
  readonly verbs?: MachineVerbs;
}

/** The verbs of one machine, as `GuestVerbs` has them of an instance. */
export interface MachineVerbs {
  pause?(): Promise<void>;
  resume?(): Promise<void>;
  checkpoint?(id: string): Promise<CheckpointManifest>;
  /** Resolves with the downtime in milliseconds. */
  migrate?(request: MigrationRequest): Promise<number>;
  cancelMigration?(): void;
  setBalloon?(memoryMiB: number): Promise<void>;
  readMetrics?(): Promise<GuestMetrics>;
  /** The listener is told of a refusal; see the port. */
  openStream?(request: StreamRequest, listener: StreamListener): GuestStream;
}

/** A verb that was not carried out, with the code of the port and the reason for people. */
export class VerbError extends Error {
  override readonly name = "VerbError";
  readonly code: VerbFailure;

  constructor(code: VerbFailure, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** A start that cannot be, with the code of the port and a message for people. */
export class StartRefusal extends Error {
  override readonly name = "StartRefusal";
  readonly code: StartFailure;

  constructor(code: StartFailure, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** Any error of a start in the port's words; a full disk is recognized wherever it was met. */
export function toStartRefusal(error: unknown): StartRefusal {
  if (error instanceof StartRefusal) return error;
  if (error instanceof VerbError && error.code === "unsupported") {
    return new StartRefusal("unsupported", error.message, error);
  }
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new StartRefusal("no-space", `the disk is full (${message}): free space in the node's data folder`, error);
  }
  return new StartRefusal("failed", message, error);
}
