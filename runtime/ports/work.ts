/**
 * The work port: how promises that a behaviour gives to `ctx.pipe` come back to it.
 *
 * Absent from a world, a promise is simply waited for, as in production. A simulated world has it, since what settles a
 * promise is outside of its seed: it lets no virtual time pass until the promise has settled, or refuses by name.
 */
export interface Work {
  /** Calls `done` once, later, with what became of `promise`. Never throws into whoever settles it. @throws to refuse. */
  follow<Value>(promise: PromiseLike<Value>, done: (settled: Settled<Value>) => void): void;
}

/** What became of a promise, as a value: a rejection crashes nobody. */
export type Settled<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: unknown };

/** What a world without this port does: waits for the promise, outside of every handler. */
export async function follow<Value>(
  promise: PromiseLike<Value>,
  done: (settled: Settled<Value>) => void,
): Promise<void> {
  let settled: Settled<Value>;
  try {
    settled = { ok: true, value: await promise };
  } catch (error) {
    settled = { ok: false, error };
  }
  done(settled);
}
