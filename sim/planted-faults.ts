/** Rules that a run may break on purpose, to see that the checkers notice. */
export interface PlantedFaults {
  /** A member that restarts forgets whom it voted for. */
  readonly voteNotPersisted?: boolean;
  /** A leader commits an entry of an earlier term because a quorum has it (Raft paper, figure 8). */
  readonly commitEarlierTermByCounting?: boolean;
  /** The leader takes a node's lease for over before it is. */
  readonly leaseBoundBroken?: boolean;
  /** The holder of a lease does not stop when its session ends. */
  readonly deadlineIgnored?: boolean;
  /** The home of a shard gives it away while its entities live. */
  readonly handOffEarly?: boolean;
  /** The consumer of a reliable delivery forgets with its process what it has recorded. */
  readonly ledgerForgotten?: boolean;
}
