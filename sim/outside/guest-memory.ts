/**
 * What a modelled guest remembers, in its memory and on its disk: whose memory it is, and for how long its processors have run with it. A guest that boots has a new one; what
 * moves to another host takes its own along.
 */
export interface GuestMemory {
  /** Of the start that it began with; never used twice. */
  readonly id: string;
  /** Who the guest says that it is: a name that it drew when it booted, kept where it goes on as the same, drawn anew where it goes on as a clone. */
  readonly identity: string;
  /** How long it ran, in microseconds; a counter that the guest itself would keep. */
  readonly ranUs: number;
  /** What its disk says of that counter: the guest writes it down all the time that it runs. */
  readonly writtenUs: number;
}

/**
 * What a guest's processors do. `waits`: for a memory that another host sends, of which not all has come; `came`: all of it has, and nobody has let it
 * go on.
 */
export type Stance = "runs" | "still" | "waits" | "came";
