/** What is searched for, and how a search ended; they pass between threads. */
export interface Search {
  /** Of the fault. */
  readonly number: number;
  /** The first seed. */
  readonly from: number;
  /** Whether the run that is found is made short, too. */
  readonly isShrunk: boolean;
}

/** The shortest run that fails: blows and acts of clients and operator, and when it fails, in simulated seconds. */
export interface ShrunkTo {
  readonly acts: number;
  readonly seconds: number;
}

export interface Find {
  /** Infinity: not found. */
  readonly seeds: number;
  /** Of CPU time, in one thread. */
  readonly seconds: number;
  readonly invariant: string | undefined;
  readonly shrunk: ShrunkTo | null;
}
