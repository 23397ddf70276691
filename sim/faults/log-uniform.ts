/**
 * How long, how wide, how bad: the makers of blows draw sizes by this, since nobody knows of what order of magnitude the one is that hurts. A uniform draw
 * between a millisecond and an hour would as good as never be a millisecond.
 */
import type { Random } from "../../runtime/index.ts";

/** A draw of which each order of magnitude is equally likely. */
export function logUniform(random: Random, min: number, max: number): number {
  return min * (max / min) ** random.next();
}
