/** What kind of trouble a run is for: which kinds of fault may be drawn and how they are weighed (`fault-plan.ts`). */
/**
 * `mixed`: everything, each kind of fault switched on or off by the seed; `elections`: leaders lose their post at the
 * worst moments; `disk`: crashes, power losses and disks that tear, rot, fill up and get lost; `membership`: all of
 * that while members come, go and take over; `leases`: pauses, drift and cut-off nodes under load;
 * `calm`: no faults, for measuring. `library`, only when it is named: what library users stand on, a singleton, sharded
 * entities and reliable delivery, under partitions, crashes, pauses and drift. `broken-clocks`, only when it is named, too: `leases` with clocks
 * that stand still and run at rates outside of what leases stand on, so a VM that runs twice is to be found. `lost-quorum`, likewise: consensus that loses a
 * majority on purpose at the end of each run (`../run/quorum-loss.ts`), which the other profiles of consensus do rarely. `months`, likewise: whole nodes
 * that live for long, under every kind of fault at the rates of a bad rack (`fault-rates.ts`) and users who ask for something some times a minute.
 */
export type ProfileName =
  | "mixed"
  | "elections"
  | "disk"
  | "membership"
  | "leases"
  | "calm"
  | "library"
  | "broken-clocks"
  | "lost-quorum"
  | "months";
