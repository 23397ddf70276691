/** A command in a guest has ended: its status is this process's, and there is nothing to say about it. */
export class GuestExit extends Error {
  override readonly name = "GuestExit";
  readonly status: number;

  constructor(status: number) {
    super(`the guest's command ended with status ${status}`);
    this.status = status;
  }
}

/** What `vm exec` ends with where the command's own status is not it, as `timeout`, `env` and `docker exec` do. */
export const EXEC_STATUS = {
  timedOut: 124,
  /** Blixard could not do it: no such VM, no node, no agent in the guest. */
  notDone: 125,
  cannotRun: 126,
  notFound: 127,
  /** And the signal's number. */
  killed: 128,
} as const;
