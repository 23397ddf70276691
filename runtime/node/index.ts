/** The Node.js world: drivers of the runtime's ports. */
export { nodeClock } from "./node-clock.ts";
export { createNodeDispatcher, type NodeDispatcherOptions } from "./node-dispatcher.ts";
export { createPinoLogger, type PinoLoggerOptions } from "./pino-logger.ts";
export { createQemuHypervisor, type QemuHypervisorOptions } from "./qemu/qemu-hypervisor.ts";
export type { CephSettings } from "./qemu/ceph-access.ts";
export { BridgeError, checkBridges } from "./qemu/taps.ts";
export type { Acceleration } from "./qemu/qemu-arguments.ts";
export { createMicrovmNixHypervisor, type MicrovmNixHypervisorOptions } from "./nix/microvm-driver.ts";
export type { NixSettings } from "./nix/build/nix-settings.ts";
export { createProcessHypervisor, type ProcessHypervisorOptions } from "./process/process-hypervisor.ts";
export { GuardedHypervisor } from "./instances/guarded-hypervisor.ts";
export type { GuardedHypervisorOptions } from "./instances/guarded-options.ts";
export { CgroupError, InstanceCgroups } from "./instances/instance-cgroups.ts";
export { diskUnder, type IoLimits, ioMaxLine, parseIoLimits } from "./instances/io-limits.ts";
export {
  InstanceUsers,
  InstanceUsersError,
  parseUserRange,
  type UserRange,
  VM_USERS,
} from "./instances/instance-users.ts";
export { parseStandbyLimits, type StandbyLimits } from "./instances/standby-limits.ts";
export { lockFolder, type FolderLock } from "./folder-lock.ts";
export { openLmdbJournal, type LmdbJournalOptions } from "./lmdb-journal.ts";
export { openLmdbSnapshotStore, type LmdbSnapshotStoreOptions } from "./lmdb-snapshot-store.ts";
export { openLogStore, type LogStoreOptions } from "./log/disk-log-store.ts";
export { claimIdentity, readIdentity, type NodeIdentity } from "./node-identity.ts";
export { createNodeProber } from "./node-prober.ts";
export { proveKvm, type KvmProof, type KvmProofOptions } from "./qemu/prove-kvm.ts";
export { findExecutable } from "./find-executable.ts";
export { createWatchdog, type SlowTurn, type StuckTurn, type Watchdog, type WatchdogOptions } from "./watchdog.ts";
