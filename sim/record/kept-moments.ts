/** The moments of a run that are kept: all that weigh, and of the others the last, so that a run of hours fits into memory. */
import type { Fact, Moment } from "./run-record.ts";

/** Light ones; a page shows some hundred. */
const LIGHT_MAX = 6000;
/** Past it the oldest of those that weigh go, too. */
const HEAVY_MAX = 6000;

export class KeptMoments {
  #heavy: Moment[] = [];
  #light: Moment[] = [];

  add(moments: Iterable<Moment>): void {
    for (const moment of moments) {
      if (isHeavy(moment)) this.#heavy.push(withRuns(moment));
      else this.#light.push(withRuns(moment));
    }
    if (this.#light.length > 2 * LIGHT_MAX) this.#light = this.#light.slice(-LIGHT_MAX);
    if (this.#heavy.length > 2 * HEAVY_MAX) this.#heavy = this.#heavy.slice(-HEAVY_MAX);
  }

  /** In order. */
  list(): readonly Moment[] {
    return [...this.#heavy, ...this.#light].toSorted((one, other) => one.number - other.number);
  }
}

/** Whether a reader wants it, however long ago it was. */
export function isHeavy({ facts }: Moment): boolean {
  return facts.some(isHeavyFact);
}

function isHeavyFact(fact: Fact): boolean {
  if (fact.type === "role") return true;
  if (fact.type !== "said") return false;
  return ["life", "fault", "operator", "configuration"].includes(fact.kind);
}

/** One fact for a run of entries that were applied at once. */
function withRuns(moment: Moment): Moment {
  const applied = moment.facts.filter(isApply);
  const [first, last] = [applied[0], applied.at(-1)];
  if (first === undefined || last === undefined || first === last) return moment;
  const run: Fact = { ...first, text: `${first.text} to ${last.text.replace(/^\D+/, "")}` };
  return {
    ...moment,
    facts: moment.facts.flatMap((fact): Fact[] => (fact === first ? [run] : isApply(fact) ? [] : [fact])),
  };
}

function isApply(fact: Fact): fact is Extract<Fact, { readonly type: "said" }> {
  return fact.type === "said" && fact.text.startsWith("applies ");
}
