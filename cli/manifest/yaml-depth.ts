/**
 * Where a YAML text is nested deeper than anybody means it: what reads documents goes down a call for each level, and ends with a full stack and
 * a mistake for every level, of which none says why. So it is looked at before, on the flat list of its tokens, which needs no call for a level.
 */
import { Lexer, LineCounter, Parser } from "yaml";
import type { Position } from "./yaml-position.ts";

/** Levels of lists and maps; the deepest field of a manifest or a scenario is on the tenth. */
const DEPTH_MAX = 64;

export const TOO_DEEP: string = `expected at most ${DEPTH_MAX} lists and maps inside each other, found more; nothing behind this is read`;

const NESTED: ReadonlySet<string> = new Set(["block-map", "block-seq", "flow-collection"]);

/** The first such place; null: there is none. */
export function tooDeepAt(text: string): Position | null {
  const lines = new LineCounter();
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    // What it has read whole is not looked at, only how much is open.
    for (const _ of parser.next(lexeme));
    const { stack, offset } = parser;
    if (stack.length <= DEPTH_MAX || stack.filter(({ type }) => NESTED.has(type)).length <= DEPTH_MAX) continue;
    const { line, col } = lines.linePos(offset - lexeme.length);
    return { line, column: col };
  }
  return null;
}
