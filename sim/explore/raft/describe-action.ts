/** An action of an explored cluster in words: what happens, and what the member makes of it. */
import type { LogWrite } from "../../../runtime/index.ts";
import { describeMessage, type Letters } from "./letters.ts";
import type { MemberInput } from "./member-input.ts";
import type { Answer, MemberState } from "./member-lives.ts";

/** One line. `names`: of the members, by place. */
export function describeAction(
  input: MemberInput,
  before: MemberState,
  answer: Answer | null,
  names: readonly string[],
  letters: Letters,
): string {
  const name = names[before.self] as string;
  const consequences = answer === null ? "" : describeAnswer(before, answer, names, letters);
  return `${happens()}${consequences === "" ? "" : `; ${consequences}`}`;

  function happens(): string {
    switch (input.type) {
      case "deliver": {
        const { from, message } = letters.get(input.letter);
        return `${name} gets from ${names[from]}: ${describeMessage(message)}`;
      }
      case "timeout":
        return `${name}: its deadline passes`;
      case "lapse":
        return `${name}: a while passes`;
      case "persisted":
        return `${name}: on disk is ${describeWrite(before.writing)}`;
      case "restart": {
        if (before.writing === null) return `${name} crashes and starts again`;
        const left = { all: "all", "hard-state": "term and vote", nothing: "nothing" }[input.survived];
        return `${name} crashes and starts again; of ${describeWrite(before.writing)} under way to its disk ${left} is left`;
      }
      case "propose":
        return `${name} is proposed command ${input.command}`;
      case "change":
        return `${name} is asked to ${input.change.type} ${input.change.member}`;
      default:
        return input satisfies never;
    }
  }
}

function describeAnswer(
  before: MemberState,
  { next, sent, stopped }: Answer,
  names: readonly string[],
  letters: Letters,
): string {
  if (stopped !== undefined) return `it stops: ${stopped}`;
  const [was, is] = [before.status, next.status];
  const changes: string[] = [];
  if (is.role !== was.role || is.term !== was.term) changes.push(`it is ${is.role} in term ${is.term}`);
  if (is.vote !== was.vote && is.vote !== null) changes.push(`votes for ${is.vote}`);
  if (is.commit > was.commit) changes.push(`commits up to ${is.commit}`);
  const byType = new Map<string, string[]>();
  for (const number of sent) {
    const { to, message } = letters.get(number);
    byType.set(message.type, [...(byType.get(message.type) ?? []), names[to] as string]);
  }
  for (const [type, to] of byType) changes.push(`sends ${type} to ${to.join(", ")}`);
  return changes.join(", ");
}

function describeWrite(write: LogWrite | null): string {
  const { hardState, entries = [] } = write ?? {};
  const terms = hardState === undefined ? "no term" : `term ${hardState.term}, vote ${hardState.vote ?? "none"}`;
  return entries.length === 0
    ? terms
    : `${terms}, entries ${entries.map(({ index, term }) => `${index} of term ${term}`).join(", ")}`;
}
