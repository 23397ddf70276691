/** Rules that a run may break on purpose, to see that the checkers notice. */
export interface PlantedFaults {
  /** Of Raft, its disks and its machine, by number in the list of faults of real systems; see docs/seeds-to-find.md. */
  readonly raft?: readonly number[];
  /** The leader takes a node's lease for over before it is. */
  readonly leaseBoundBroken?: boolean;
  /** The target of a migration lets the guest go on when all of it has come, before its take-over is committed. */
  readonly arrivalTrusted?: boolean;
  /** The source lets it go on when its hypervisor says that the migration failed, before the end of it is committed. */
  readonly refusalTrusted?: boolean;
  /** A guest that is started as a clone goes on as who it was. */
  readonly cloneKeepsIdentity?: boolean;
  /** Hosts copy the disks of a checkpoint when its guest has gone on. */
  readonly disksCopiedLate?: boolean;
  /** Who takes the lock of an RBD image from an owner that is gone does not put him on the blocklist. */
  readonly lockUnfenced?: boolean;
  /** Scheduler and map place a VM whatever it requires. */
  readonly dependenciesIgnored?: boolean;
  /** The holder of a lease does not stop when its session ends. */
  readonly deadlineIgnored?: boolean;
  /** The home of a shard gives it away while its entities live. */
  readonly handOffEarly?: boolean;
  /** The consumer of a reliable delivery forgets with its process what it has recorded. */
  readonly ledgerForgotten?: boolean;
}
