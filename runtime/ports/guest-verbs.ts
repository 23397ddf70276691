/**
 * What may be done with an instance that runs, beyond starting and stopping it. Part of the hypervisor port (hypervisor.ts).
 *
 * Every verb is optional: a driver names in `capabilities.lacks` what it cannot do, and why, and answers `unsupported` to a request for it
 * before anything moves. Answers come as the port's do: through `done`, exactly once, never during the call.
 */
import type { GuestStream, StreamListener, StreamRequest } from "./guest-streams.ts";

export type GuestVerb = "pause" | "checkpoint" | "migrate" | "balloon" | "metrics" | "exec" | "copy" | "console";

/** A verb's answer: what it asked for has happened, or nothing of it has. */
export type VerbResult<Answer = unknown> = ({ readonly ok: true } & Answer) | VerbRefusal;

export interface VerbRefusal {
  readonly ok: false;
  readonly code: VerbFailure;
  /** What was tried, on what, why not, what would help. */
  readonly message: string;
}

export type VerbFailure =
  /** The driver lacks the verb, or this guest cannot take part in it. */
  | "unsupported"
  | "not-running"
  | "not-found"
  /** A checkpoint or peer of another version, machine, processor or image. */
  | "incompatible"
  /** Its checksum is not what it was when it was made. */
  | "damaged"
  | "cancelled"
  | "timed-out"
  | "no-space"
  | "failed";

export interface GuestVerbs {
  /** Stops the guest's processors. Its memory, sockets and lease stay; one that is paused already stays so. */
  pause(instance: string, done: (result: VerbResult) => void): void;
  /**
   * Lets the guest's processors go on: after `pause`, where a migration came in, where one that went out is not to be. One that runs already runs on;
   * one of which not all has come is refused.
   */
  resume(instance: string, done: (result: VerbResult) => void): void;
  /** Writes memory, devices and disks down. The guest stands still meanwhile and goes on after it, unless it was paused before. */
  checkpoint(
    request: CheckpointRequest,
    done: (result: VerbResult<{ readonly manifest: CheckpointManifest }>) => void,
  ): void;
  /** Forgets a checkpoint of this host; so also when there is none. Instances that were started from it run on. */
  dropCheckpoint(id: string, done: (result: VerbResult) => void): void;
  /** Reads all of a checkpoint of this host: `damaged`, naming the part, or `not-found`. A driver that makes none has it not. */
  checkCheckpoint?(id: string, done: (result: VerbResult) => void): void;
  /**
   * Sends the running guest to an instance that was started with `from: { type: "migration" }`. Answered `ok` when all of it is there and this
   * copy stands still for good, until `resume` says otherwise or `stop` ends it. After a refusal this copy runs on, **unless the other side may
   * have all of it**, whatever was heard of that here: then it stands still until `resume`, and no failure, no cancel and no death of the node's
   * process lets it go on by itself.
   */
  migrate(request: MigrationRequest, done: (result: VerbResult<{ readonly downtimeMs: number }>) => void): void;
  /** The `migrate` that goes on is answered `cancelled`, if it has not been answered yet. */
  cancelMigration(instance: string): void;
  /** Asks the guest to give memory back until it holds `memoryMiB`, or lets it have it again. Answered when the guest was asked. */
  setBalloon(instance: string, memoryMiB: number, done: (result: VerbResult) => void): void;
  readMetrics(instance: string, done: (result: VerbResult<{ readonly metrics: GuestMetrics }>) => void): void;
  /** A command, a file or the console; see guest-streams.ts. Never throws: a refusal is the stream's end. */
  openStream(request: StreamRequest, listener: StreamListener): GuestStream;
}

export interface CheckpointRequest {
  readonly instance: string;
  /** Never used twice on a host. */
  readonly id: string;
}

/** What a checkpoint is made of and what it needs; whoever restores it compares all of it. */
export interface CheckpointManifest {
  readonly format: 1;
  readonly id: string;
  readonly driver: string;
  /** Of the program that runs guests, as it says itself: "7.2.22". */
  readonly version: string;
  /** Machine type with its options. */
  readonly machine: string;
  /** Processor model that the guest sees; under hardware virtualization the host's own. */
  readonly cpu: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
  /** Of kernel and root file system, hexadecimal. */
  readonly imageSha256: string;
  readonly parts: readonly CheckpointPart[];
}

export interface CheckpointPart {
  /** File in the checkpoint's folder. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface MigrationRequest {
  readonly instance: string;
  /** Where the other side listens, as its `start` answered. */
  readonly to: MigrationEndpoint;
  readonly limits: MigrationLimits;
  onProgress(progress: MigrationProgress): void;
}

export interface MigrationEndpoint {
  readonly address: string;
  readonly port: number;
}

export interface MigrationLimits {
  readonly bandwidthBytesPerSecond: number;
  /** How long the guest may stand still for its last pages, in milliseconds. */
  readonly downtimeMs: number;
  /** Slows a guest down that dirties pages faster than they can be sent. */
  readonly autoConverge: boolean;
  readonly timeoutMs: number;
}

export interface MigrationProgress {
  readonly totalBytes: number;
  readonly remainingBytes: number;
  /** Times that memory was gone through. */
  readonly rounds: number;
}

/** Counters since the instance's start on this host, gauges of now. What a driver cannot know is left out, never 0. */
export interface GuestMetrics {
  /** Processor time of all its processors, in milliseconds. */
  readonly cpuMs: number;
  /** Memory that the host holds for it; of what is shared with other instances, its share. */
  readonly residentBytes: number;
  /** Memory that the guest has after what the balloon took. */
  readonly balloonBytes?: number;
  /** From and to its disks. */
  readonly readBytes?: number;
  readonly writtenBytes?: number;
  readonly receivedBytes?: number;
  readonly sentBytes?: number;
  /** Since its start on this host, in milliseconds. */
  readonly upMs?: number;
  /** From its start until it said that it is up; not of one that never has, nor of one that came from another host. */
  readonly bootMs?: number;
  readonly origin?: GuestOrigin;
}

/** How a guest began on this host: by a boot, from a checkpoint, from one that a standby had loaded already, or out of a migration. */
export type GuestOrigin = "boot" | "checkpoint" | "standby" | "migration";
