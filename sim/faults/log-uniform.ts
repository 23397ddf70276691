import type { Random } from "../../runtime/index.ts";

/** A draw of which each order of magnitude is equally likely. */
export function logUniform(random: Random, min: number, max: number): number {
  return min * (max / min) ** random.next();
}
