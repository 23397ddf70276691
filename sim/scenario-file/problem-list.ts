/** Gathers what is wrong with a scenario, field by field, in the words that manifests have (`actors/resources/field-problem.ts`). */
import { DURATION_MAX_MS } from "../run/run-limits.ts";
import { durationMs, writeDuration } from "./duration.ts";
import { describeValue, fieldName, nearestWord, type FieldProblem } from "../../actors/index.ts";

export class ProblemList {
  readonly problems: FieldProblem[] = [];

  /** "spec.faults[0].at: expected …, got …". */
  expect(field: string, expected: string, value: unknown): void {
    const got = describeValue(value);
    this.#add({ field, expected, got, message: `${fieldName(field)}: expected ${expected}, got ${got}` });
  }

  /** One of these names was meant. */
  expectOneOf(field: string, what: string, names: readonly string[], value: string): void {
    // A slip in a single letter is any letter.
    const meant = value.length < 2 ? undefined : nearestWord(value, names);
    const expected = names.length === 0 ? `${what}, of which there are none` : `${what} (${list(names)})`;
    const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
    const got = describeValue(value);
    this.#add({ field, expected, got, message: `${fieldName(field)}: expected ${expected}, got ${got}${hint}` });
  }

  /** What cannot be, in a sentence of its own. */
  refuse(field: string, why: string): void {
    this.#add({ field, expected: "something else", got: "this", message: `${fieldName(field)}: ${why}` });
  }

  /** Milliseconds of what fits `DURATION_PATTERN`; what is longer than any run is told, as it was written. */
  lengthOf(field: string, text: string, written: string = text): number {
    const ms = durationMs(text);
    if (ms <= DURATION_MAX_MS) return ms;
    this.expect(field, `at most ${writeDuration(DURATION_MAX_MS)}`, written);
    return DURATION_MAX_MS;
  }

  /** Whether anything at this field, or below it, is wrong. */
  isWrong(field: string): boolean {
    return this.problems.some((problem) => problem.field === field || problem.field.startsWith(`${field}/`));
  }

  #add(problem: FieldProblem): void {
    this.problems.push(problem);
  }
}

/** Names that a message lists before it only says how many there are. */
const LISTED_MAX = 12;

function list(names: readonly string[]): string {
  const rest = names.length - LISTED_MAX;
  return rest > 0 ? `${names.slice(0, LISTED_MAX).join(", ")} and ${rest} more` : names.join(", ");
}
