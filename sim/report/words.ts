/** A moment in words: the text beside its place in the diagram, and its line of the list for those who cannot see one. */
import type { Fact, Lane, Moment, RecordedMessage, RunRecord } from "../record/run-record.ts";
import { length } from "./figures.ts";

type Named = Pick<RunRecord, "nodes">;

export function laneName(lane: Lane, { nodes }: Named): string {
  return typeof lane === "number" ? (nodes[lane] ?? `node ${lane}`) : lane;
}

/** What came, what became of it, what was sent; what is sent alike to several is said once. */
export function wordsOf({ facts }: Moment, record: Named): readonly string[] {
  const came = facts.filter(({ type }) => type === "receive").flatMap((fact) => wordsOfFact(fact, record));
  const between = facts.filter(({ type }) => type === "said").flatMap((fact) => wordsOfFact(fact, record));
  const roles = facts.filter(({ type }) => type === "role").flatMap((fact) => wordsOfFact(fact, record));
  const sent = facts.flatMap((fact) => (fact.type === "send" ? [fact.message] : []));
  return [...came, ...counted(between), ...roles, ...wordsOfSent(sent, record)];
}

/** The same said several times is one, and how often. */
function counted(words: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].map(([word, times]) => (times === 1 ? word : `${word} (${times} times)`));
}

function wordsOfFact(fact: Fact, record: Named): readonly string[] {
  switch (fact.type) {
    case "receive": {
      const { message } = fact;
      return [`← ${laneName(message.from, record)}: ${message.kind} ${message.fields}${latenessOf(message)}`];
    }
    case "role":
      return [ROLES[fact.role](fact.term)];
    case "said": {
      const where = fact.to ?? fact.from;
      const mark = fact.to === undefined ? "←" : "→";
      return [where === undefined ? fact.text : `${mark} ${laneName(where, record)}: ${fact.text}`];
    }
    default:
      return [];
  }
}

const ROLES = {
  leader: (term: number) => `leads term ${term}`,
  candidate: (term: number) => `is a candidate in term ${term}`,
  "pre-candidate": (term: number) => `asks around whether it would be elected (pre-vote), in term ${term}`,
  follower: (term: number) => `follows in term ${term}`,
} as const;

/** Longer under way than this is worth a word. */
const LATE_US = 100_000;

function latenessOf({ arrivals, sentUs }: RecordedMessage): string {
  const [first] = arrivals;
  if (arrivals.length > 1) return ` (came ${arrivals.length} times)`;
  return first !== undefined && first.atUs - sentUs > LATE_US ? ` (${length(first.atUs - sentUs)} under way)` : "";
}

function wordsOfSent(messages: readonly RecordedMessage[], record: Named): readonly string[] {
  const groups = new Map<string, number[]>();
  for (const message of messages) {
    const text = `${message.kind} ${message.fields}${fateOf(message)}`;
    const to = groups.get(text);
    if (to === undefined) groups.set(text, [message.to]);
    else to.push(message.to);
  }
  return [...groups].map(([text, to]) => `→ ${to.map((lane) => laneName(lane, record)).join(", ")}: ${text}`);
}

function fateOf({ lost, arrivals }: RecordedMessage): string {
  if (arrivals.length > 0) return "";
  return lost === null ? " (not arrived by the end)" : ` (lost: ${lost.why})`;
}

/** Several things to a line of at most `columns` letters, in their order; arrows each begin a line. */
export function fill(words: readonly string[], columns: number): readonly string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    const isApart = /^[←→]/.test(word) || last === undefined || /^[←→]/.test(last);
    if (!isApart && last.length + 3 + word.length <= columns) lines[lines.length - 1] = `${last} · ${word}`;
    else lines.push(word);
  }
  return lines.flatMap((line) => wrap(line, columns));
}

/** Rules count nodes from 0; null where a message names none so. */
export function whoIsMeant(message: string, { nodes }: Named): string | null {
  const numbers = [...new Set([...message.matchAll(/\bnodes? (\d+)\b/gi)].map(([, digits]) => Number(digits)))];
  const known = numbers.filter((node) => nodes[node] !== undefined && nodes[node] !== String(node));
  return known.length === 0 ? null : known.map((node) => `node ${node} is ${nodes[node]}`).join(", ");
}

/** In lines of at most `columns` letters; what a line goes on with is indented. */
export function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let rest = text.trimEnd();
  while (rest.length > columns) {
    const space = rest.lastIndexOf(" ", columns);
    const at = space > columns / 3 ? space : columns;
    lines.push(rest.slice(0, at));
    rest = `  ${rest.slice(at).trimStart()}`;
  }
  return [...lines, rest];
}
