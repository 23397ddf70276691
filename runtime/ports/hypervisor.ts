/**
 * The hypervisor port: runs instances on one host.
 *
 * An instance is one running copy of a VM with an id that is never reused. Every instance runs under a **guard** that
 * lives outside the node's process: it ends the instance at its lease deadline, so a node that was killed, paused or cut
 * off cannot leave a second copy running. Answers come through `done` callbacks, exactly once, never during the call;
 * actors turn them into messages with `ctx.callback`.
 *
 * Drivers: `runtime/node/qemu/`, `runtime/node/nix/`, `runtime/node/process/`, the simulator's. Contract: `test/contract/hypervisor.ts`.
 */
import type { MicrovmConfig } from "../microvm/index.ts";
import type { CloudInit, GuestDisk } from "./guest-disks.ts";
import type { GuestCard } from "./guest-networks.ts";
import type { GuestVerb, GuestVerbs, MigrationEndpoint } from "./guest-verbs.ts";

export interface Hypervisor {
  readonly driver: DriverName;
  readonly capabilities: HypervisorCapabilities;
  /** What may be done with an instance that runs, beyond its life and death. */
  readonly verbs: GuestVerbs;
  /** Starts an instance whose guard ends it at `leaseUntilMs`. A started instance is not yet healthy. */
  start(launch: InstanceLaunch, done: (result: StartResult) => void): void;
  /**
   * Asks the guest to shut down, ends it after `graceMs`. Done when nothing of it runs; so also when nothing ran. One that stands still goes on to
   * shut down, but not with a grace of 0: a copy whose guest has moved away must never run again.
   */
  stop(instance: string, graceMs: number, done: (result: StopResult) => void): void;
  /** Instances of this host that still run, of an earlier node process too. The caller adopts or stops each. */
  list(done: (found: readonly FoundInstance[]) => void): void;
  /** Takes over a found instance: its exit and output are reported from now on. What an earlier process was sending of it is sent no further. */
  adopt(instance: string, leaseUntilMs: number, done: (result: StartResult) => void): void;
  /** Only these instances may be started here again: what was kept of any other, which is its disks, goes. A driver that keeps nothing has it not. */
  keepOnly?(instances: readonly string[]): void;
  /** Only these checkpoints may be used here again: the bytes of any other go. One that is being made stays. A driver that makes none has it not. */
  keepOnlyCheckpoints?(ids: readonly string[]): void;
  /** Moves the guards' deadline of all `instances`. A deadline never moves back. */
  extendLease(instances: readonly string[], leaseUntilMs: number): void;
  /** Registers the one listener for what instances do by themselves. */
  onEvent(listen: (event: InstanceEvent) => void): void;
  /** The last `tail` lines of the instance's console; then, with `follow`, each new line until `cancel`. */
  readLogs(request: LogRequest): LogSubscription;
}

export type DriverName = "qemu" | "microvm-nix" | "process" | "simulated";

/** What a driver can do; a request for what it cannot is refused by name before anything moves. */
export interface HypervisorCapabilities {
  /** Guests cannot reach each other's or the host's memory and files. `process` says false. */
  readonly isolation: boolean;
  /** Hardware virtualization that was proven to work by starting a guest. */
  readonly accelerated: boolean;
  /** An instance survives the end of its node's process and can be adopted. */
  readonly adopt: boolean;
  /** Verbs that it cannot carry out and what it cannot give guests, and why: "a process has no memory that could be moved". */
  readonly lacks: Readonly<Partial<Record<GuestVerb | GuestGift, string>>>;
  /** Bridges of this host that guests' cards may be ports of. Default: none. */
  readonly bridges?: readonly string[];
  /** What two hosts must have alike for a guest of one to go on at the other. Absent: nothing is known of it, and nobody moves. */
  readonly build?: HypervisorBuildInfo;
}

/** `networks`: cards that the launch names, in place of the one that the driver gives by itself; `taps`: cards that are ports of a bridge among them. */
export type GuestGift = "networks" | "taps";

export interface HypervisorBuildInfo {
  /** Of the program that runs guests, as it says itself: "7.2.22". */
  readonly version: string;
  /** Machine type with its options. */
  readonly machine: string;
  /** Processor model that guests see. */
  readonly cpu: string;
}

/** Everything a driver needs to start one instance. All paths and addresses are the host's. */
export interface InstanceLaunch {
  readonly instance: string;
  /** The VM's name, for process titles, host names and logs. */
  readonly vm: string;
  readonly node: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
  /** Name of a guest image in the host's image folder. */
  readonly image: string;
  /** What the guest runs as its service; empty: what the image runs by itself. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly GuestFile[];
  readonly ports: readonly PortForward[];
  /** Guard deadline on this host's monotonic clock. */
  readonly leaseUntilMs: number;
  /**
   * With a balloon, by which memory can be taken from it while it runs. Default: without, since a guest that has one shares no memory with the
   * checkpoint that it is started from.
   */
  readonly balloon?: boolean;
  /** What the guest begins with. Default: it boots. */
  readonly from?: LaunchOrigin;
  /** Only the driver `qemu` has them. */
  readonly disks?: readonly GuestDisk[];
  /** Its network cards. Default: one of the kind `user`, named by the guest. A driver that lacks `networks` refuses them. */
  readonly networks?: readonly GuestCard[];
  /** Only the driver `qemu` gives it to its guest. */
  readonly cloudInit?: CloudInit;
  /** A NixOS configuration, in place of an image. Only the driver `microvm-nix` runs it. */
  readonly microvm?: MicrovmConfig;
}

export type LaunchOrigin =
  /** Goes on where the checkpoint of that id on this host was made. `fresh`: with an identity of its own, given before it can send anything. */
  | { readonly type: "checkpoint"; readonly id: string; readonly identity: "same" | "fresh" }
  /**
   * Stands still and waits for a guest that another host sends; `resume` sets it going when all of it has come. What listens is told by the
   * answer to `start`.
   */
  | { readonly type: "migration"; readonly listenAddress: string };

export interface GuestFile {
  /** Absolute path in the guest. */
  readonly path: string;
  readonly content: string;
  /** Octal digits, for example "0644". */
  readonly mode: string;
}

export interface PortForward {
  readonly name: string;
  readonly guestPort: number;
  readonly hostAddress: string;
  readonly hostPort: number;
}

export type StartResult =
  /** `incoming`: where a migration is waited for. */
  | { readonly ok: true; readonly pid: number; readonly incoming?: MigrationEndpoint }
  | { readonly ok: false; readonly code: StartFailure; readonly message: string };

export type StartFailure =
  | "port-in-use"
  | "image-missing"
  | "hypervisor-missing"
  | "no-space"
  | "unsupported"
  /** Nix refused the VM's configuration or could not build it. */
  | "build-failed"
  | "not-running"
  /** A checkpoint of another version, machine, processor or image. */
  | "incompatible"
  /** A checkpoint whose checksum is not what it was. */
  | "damaged"
  | "failed";

export type StopResult =
  | { readonly ok: true; readonly forced: boolean }
  | { readonly ok: false; readonly message: string };

export interface FoundInstance {
  readonly instance: string;
  readonly vm: string;
  readonly pid: number;
}

export type InstanceEvent =
  /** The instance ended without `stop` having been called, or its guard ended it. */
  | { readonly type: "exited"; readonly instance: string; readonly reason: ExitReason; readonly detail: string }
  /** The guest's init said that it is up; `bootMs` by the host's clock since start. */
  | { readonly type: "booted"; readonly instance: string; readonly bootMs: number }
  /** The guest's heartbeat. */
  | { readonly type: "heartbeat"; readonly instance: string }
  /** Everything of a guest that was waited for has come; it stands still until `resume`. */
  | { readonly type: "arrived"; readonly instance: string };

/** `shutdown`: the guest ended by itself, cleanly; `crash`: anything else; `lease`: the guard's deadline passed. */
export type ExitReason = "shutdown" | "crash" | "lease";

export interface LogRequest {
  readonly instance: string;
  /** Lines from the end; 0 for none. */
  readonly tail: number;
  readonly follow: boolean;
  onLine(line: string): void;
  /** Called once: after the tail without `follow`, when the log is gone or unreadable, or after `cancel`. */
  onEnd(error?: string): void;
}

export interface LogSubscription {
  cancel(): void;
}
