/** The two rules of a migration on which it hangs that a guest never runs twice. The simulator breaks them to see that it is found. */
export interface MoveRules {
  /** The target lets the guest go on only once its take-over is committed. */
  readonly awaitsTakeOver: boolean;
  /** The source lets it go on only once the end of the migration is committed. */
  readonly awaitsEnd: boolean;
}

export const MOVE_RULES: MoveRules = { awaitsTakeOver: true, awaitsEnd: true };
