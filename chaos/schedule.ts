/**
 * Which faults come when: an endless sequence of rounds that a seed decides. Kinds and targets are dealt as from a shuffled deck, so that a
 * short run meets as many different ones as it can, and no run waits for its luck.
 */
import { createRandom, type Random } from "../runtime/index.ts";
import { FAULTS, type Fault, type FaultKind, type FaultTarget, type Round } from "./fault.ts";

/** The longest election timeout is below 1 s, and a lease is shorter: whoever comes back after the shortest fault has been replaced. */
const FAULT_MS = { min: 1500, max: 7000 };

/** All are down for less: nothing happens meanwhile. */
const ALL_DOWN_MS = { min: 100, max: 1000 };

const CALM_MS = { min: 500, max: 3000 };

/** How often a second fault joins the first. */
const PAIRED = 0.4;

export function* rounds(seed: number, kinds: readonly FaultKind[]): Generator<Round, never> {
  const random = createRandom(`chaos ${seed}`);
  const kindDeck = new Deck(kinds, random);
  const targetDecks = new Map(kinds.map((kind) => [kind, new Deck<FaultTarget>(FAULTS[kind], random)] as const));
  const draw = (kind: FaultKind, afterMs: number): Fault => ({
    kind,
    target: targetDecks.get(kind)?.deal() ?? "everybody",
    afterMs,
    forMs: between(random, kind === "restart-all" ? ALL_DOWN_MS : FAULT_MS),
    pick: random.next(),
  });
  for (;;) {
    const first = draw(kindDeck.deal(), 0);
    const faults = [first];
    if (kinds.length > 1 && random.next() < PAIRED) {
      const kind = kindDeck.deal();
      if (kind !== first.kind) faults.push(draw(kind, random.integer(first.forMs)));
      else kindDeck.putBack(kind);
    }
    yield { faults, calmMs: between(random, CALM_MS) };
  }
}

/** Deals all cards before any comes again. */
class Deck<Card> {
  readonly #cards: readonly Card[];
  readonly #random: Random;
  #left: Card[] = [];

  constructor(cards: readonly Card[], random: Random) {
    this.#cards = cards;
    this.#random = random;
  }

  deal(): Card {
    if (this.#left.length === 0) this.#left = [...this.#cards];
    return this.#left.splice(this.#random.integer(this.#left.length), 1)[0] as Card;
  }

  putBack(card: Card): void {
    this.#left.push(card);
  }
}

function between(random: Random, { min, max }: { readonly min: number; readonly max: number }): number {
  return min + random.integer(max - min + 1);
}
