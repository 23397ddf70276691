/** Draws by number: known vectors, the same whatever else is drawn, and as even and independent as a stream. */
import { expect, test } from "vitest";
import { createRandom } from "../../../runtime/index.ts";
import {
  drawSeedOf,
  furtherWord,
  integerOf,
  KeyedDraws,
  mix,
  unitOf,
  type DrawPurpose,
} from "../../../sim/network/keyed-draws.ts";

const SEED = [0x01234567, 0x89abcdef | 0] as const;

function draws(from: number, to: number, purpose: DrawPurpose = "messages"): KeyedDraws {
  return new KeyedDraws(SEED, { from, to, purpose });
}

test("mix() is murmur3's finalizer", () => {
  // Of fmix32 in MurmurHash3.cpp.
  const vectors = [
    [0, 0],
    [1, 0x514e28b7],
    [0xffffffff, 0x81f16f39],
  ] as const;
  for (const [word, mixed] of vectors) expect(mix(word | 0) >>> 0).toBe(mixed);
  for (const word of [2, 42, 0x7fffffff, 0x80000000, 0xdeadbeef]) expect(mix(word | 0) >>> 0).toBe(reference(word));
});

/** The same in exact arithmetic. */
function reference(word: number): number {
  const wide = 2n ** 32n - 1n;
  let mixed = BigInt(word) & wide;
  mixed ^= mixed >> 16n;
  mixed = (mixed * 0x85ebca6bn) & wide;
  mixed ^= mixed >> 13n;
  mixed = (mixed * 0xc2b2ae35n) & wide;
  return Number(mixed ^ (mixed >> 16n));
}

test("word() gives the words that it gave when this was written: recorded runs hang on them", () => {
  const words = (of: KeyedDraws): readonly number[] => [0, 1, 2, 1_000_000].map((n) => of.word(n) >>> 0);
  expect(words(draws(0, 1))).toEqual([520178909, 1774389823, 2347280537, 14311595]);
  expect(words(draws(1, 0))).toEqual([3033306503, 3430890423, 381714385, 3097374692]);
  expect(words(draws(0, 1, "connections"))).toEqual([4073746294, 1835857343, 1594957002, 1862669606]);
  expect(furtherWord(draws(0, 1).word(0), 1) >>> 0).toBe(2829262178);
});

test("word() asks nothing of what was drawn before", () => {
  const one = draws(2, 5);
  const forwards = Array.from({ length: 100 }, (_, n) => one.word(n));
  const backwards = Array.from({ length: 100 }, (_, n) => draws(2, 5).word(99 - n));
  expect(backwards.toReversed()).toEqual(forwards);
});

test("word() differs between seeds, directions and purposes", () => {
  const seeds = [1, 2, 3].map((seed) => drawSeedOf(createRandom(seed)));
  const purposes: readonly DrawPurpose[] = ["messages", "connections", "distances"];
  const seen = new Set<number>();
  let count = 0;
  for (const seed of seeds) {
    for (let from = 0; from < 9; from++) {
      for (let to = 0; to < 9; to++) {
        for (const purpose of purposes) {
          const one = new KeyedDraws(seed, { from, to, purpose });
          for (let n = 0; n < 10; n++) seen.add(one.word(n));
          count += 10;
        }
      }
    }
  }
  // Of 7,290 draws out of 2³² no two are likely to be alike; with keys that coincide whole rows would be.
  expect(count - seen.size).toBeLessThan(3);
});

test("unitOf() is even: each sixteenth gets its share, of first words and of further ones", () => {
  const one = draws(3, 4);
  const total = 160_000;
  for (const place of [0, 1, 2, 16]) {
    const shares = Array.from({ length: 16 }, () => 0);
    for (let n = 0; n < total; n++) {
      const word = place === 0 ? one.word(n) : furtherWord(one.word(n), place);
      const at = integerOf(word, 16);
      shares[at] = (shares[at] as number) + 1;
    }
    const chiSquared = shares.reduce((sum, share) => sum + (share - total / 16) ** 2 / (total / 16), 0);
    // 15 degrees of freedom: above 37.7 once in a thousand.
    expect(chiSquared).toBeLessThan(37.7);
  }
});

test("unitOf() of one message says nothing of the next, of the other direction, or of another word of it", () => {
  const [one, other] = [draws(0, 1), draws(1, 0)];
  const total = 100_000;
  const of = (draw: (n: number) => number): readonly number[] =>
    Array.from({ length: total }, (_, n) => unitOf(draw(n)));
  const first = of((n) => one.word(n));
  const others = [
    of((n) => one.word(n + 1)),
    of((n) => other.word(n)),
    of((n) => furtherWord(one.word(n), 1)),
    of((n) => furtherWord(one.word(n), 4)),
  ];
  // Of independent draws the correlation has a standard deviation of 1 / √total, 0.003.
  for (const second of others) expect(Math.abs(correlation(first, second))).toBeLessThan(0.013);
});

function correlation(xs: readonly number[], ys: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < xs.length; i++) sum += ((xs[i] as number) - 0.5) * ((ys[i] as number) - 0.5);
  return (12 * sum) / xs.length;
}
