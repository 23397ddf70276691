/**
 * What no state of the members remembers and rules are about: who has led which term, and what was committed.
 *
 * Equal chronicles are one object with one number, so that a state of the cluster holds a number. What is broken stands in it too: rules are
 * judged where something changes (`cluster-rules.ts`), and asked after at each state.
 */
import type { LogEntry } from "../../../runtime/index.ts";
import { judge, type ClusterRule, type Happening, type Noted } from "./cluster-rules.ts";

export interface Chronicle extends Noted {
  readonly number: number;
  /** The first rule that does not hold. */
  readonly broken: Broken | null;
}

interface Broken {
  readonly rule: ClusterRule;
  readonly message: string;
}

export class Chronicles {
  readonly #all: Chronicle[] = [];
  readonly #numbers = new Map<string, number>();

  /** With what a cluster is born with. */
  begin(birth: readonly LogEntry[]): Chronicle {
    const committed = birth.map((entry) => ({ entry, term: entry.term }));
    return this.#numbered({ leaders: new Map(), committed }, null);
  }

  get(number: number): Chronicle {
    return this.#all[number] as Chronicle;
  }

  /** The chronicle after it; the same when nothing is to be noted. */
  after(chronicle: Chronicle, happening: Happening): Chronicle {
    let broken: Broken | null = null;
    const noted = judge(chronicle, happening, (rule, message) => (broken ??= { rule, message }));
    const isSame = noted.leaders === chronicle.leaders && noted.committed === chronicle.committed && broken === null;
    return isSame ? chronicle : this.#numbered(noted, broken);
  }

  #numbered({ leaders, committed }: Noted, broken: Broken | null): Chronicle {
    const entries = committed.map(({ entry, term }) => [
      entry.index,
      entry.term,
      entry.type,
      entry.payload.join(" "),
      term,
    ]);
    const key = JSON.stringify([[...leaders], entries, broken]);
    const known = this.#numbers.get(key);
    if (known !== undefined) return this.get(known);
    const chronicle: Chronicle = { number: this.#all.length, leaders, committed, broken };
    this.#numbers.set(key, chronicle.number);
    this.#all.push(chronicle);
    return chronicle;
  }
}

/** Whether anything changed that a rule is about. Mostly not, so it is asked first. */
export function hasNews({ before, answer }: Pick<Happening, "before" | "answer">): boolean {
  const { next, committed, stopped } = answer;
  if (before === null || before.log !== next.log || committed.length > 0 || stopped !== undefined) return true;
  const [was, is] = [before.status, next.status];
  return is.role !== was.role || is.term !== was.term || is.commit !== was.commit || is.durable !== was.durable;
}
