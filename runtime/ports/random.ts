/**
 * The random port: the only source of randomness in the pure folders.
 *
 * `createRandom` (../prng.ts) is the generator of both worlds; they differ only in where the seed comes from.
 */
export interface Random {
  /** A float in [0, 1). */
  next(): number;
  /** An integer in [0, bound). `bound` is an integer from 1 to 2^32. */
  integer(bound: number): number;
  /** An independent generator, derived from this one's stream. */
  fork(): Random;
}
