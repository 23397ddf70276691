/** What a mailbox says of itself, to `system.tree()` and to routers. */
/** What can be read of a mailbox at any time. */
export interface MailboxMetrics {
  /** Messages that wait, answers and timers included, signals not. */
  readonly depth: number;
  /** The most that have waited. */
  readonly highWater: number;
  /** Messages that its capacity has cost, since the spawn. */
  readonly dropped: number;
}
