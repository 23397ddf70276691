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
import type { GuardedCommand, GuardExit } from "../guard/guard.ts";
import type { ProcessIdentity } from "../guard/process-identity.ts";
import type { InstanceRecord } from "./instance-store.ts";

export interface MachineDriver {
  readonly name: DriverName;
  readonly capabilities: HypervisorCapabilities;
  /** Writes what the command needs into `folder`. @throws {StartRefusal} */
  prepare(launch: InstanceLaunch, folder: string): Promise<GuardedCommand>;
  /** Connects to what runs in `folder`, just started or found again. */
  attach(to: MachineContext): Machine;
}

export interface MachineContext {
  readonly folder: string;
  readonly record: InstanceRecord;
  readonly child: ProcessIdentity;
  /** What the guest says of itself. May be called at any time until `detach`. */
  report(sign: "booted" | "heartbeat"): void;
}

/** One running instance. */
export interface Machine {
  /** Resolves when the machine itself runs, its guest may still boot. @throws {StartRefusal} */
  ready(): Promise<void>;
  /** Asks the guest to end. */
  requestStop(): void;
  /** Called about once a second while the instance runs. */
  tick(): void;
  /** Says why the instance ended, after its guard reported that it did. */
  explain(exit: GuardExit): Promise<{ readonly reason: ExitReason; readonly detail: string }>;
  /** Lets go of sockets; the instance runs on. */
  detach(): void;
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
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new StartRefusal("no-space", `the disk is full (${message}): free space in the node's data folder`, error);
  }
  return new StartRefusal("failed", message, error);
}
