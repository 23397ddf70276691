/** The "did you mean" of error messages: which known word a typing mistake was meant to be. */

/** Words longer than this are not compared: the cost is the product of the lengths, and nobody mistypes that much. */
const CHARS_MAX = 64;

/** The candidate that a plausible number of slips away from `word`; ties go to the first. */
export function nearestWord(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > CHARS_MAX) return undefined;
  let nearest: string | undefined;
  // One slip in a short word, two in a longer one; more would suggest words that were never meant.
  let slipsMax = word.length <= 4 ? 1 : 2;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) > slipsMax) continue;
    const slips = slipsBetween(word.toLowerCase(), candidate.toLowerCase());
    if (slips > slipsMax) continue;
    nearest = candidate;
    slipsMax = slips - 1;
  }
  return nearest;
}

/** Insertions, deletions, replacements and swaps of neighbours: the optimal string alignment distance. */
function slipsBetween(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let slips = Math.min(replaced, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) slips = Math.min(slips, (before[j - 2] ?? 0) + 1);
      row.push(slips);
    }
    before = above;
    above = row;
  }
  return above[b.length] ?? 0;
}
