/**
 * Reads EDN line by line, form by form, with little memory however long the text is: what is kept is the form that is open.
 *
 * Written here and not taken from npm: `edn-data`, the one reader there that is kept, takes `[1 2}` and a text that breaks off for granted,
 * rounds integers beyond 2^53, and knows no line numbers; a checker that misreads its input is worse than none (decision 0021). The format:
 * https://github.com/edn-format/edn.
 *
 * A vector or list at the outermost level is taken for what holds all forms, as Jepsen writes a history.
 */
import { atomOf, collectionOf, type EdnNode, type EdnType } from "./edn-node.ts";
import { HistoryError, quote } from "./history-error.ts";

/** Collections in collections; more than any history has, and far from the end of the stack. */
const DEPTH_MAX = 64;
/** Forms in a collection, the outermost not counted. */
const ITEMS_MAX = 100_000;

interface Open {
  /** `discard` takes the next form away. */
  readonly type: EdnType | "discard" | "outermost";
  readonly close: string;
  readonly line: number;
  readonly items: EdnNode[];
  /** Of a tag. */
  readonly tag?: string;
}

const CLOSE: Readonly<Record<string, readonly [EdnType, string]>> = {
  "[": ["vector", "]"],
  "(": ["list", ")"],
  "{": ["map", "}"],
};
const ESCAPES: Readonly<Record<string, string>> = {
  t: "\t",
  r: "\r",
  n: "\n",
  b: "\b",
  f: "\f",
  "\\": "\\",
  '"': '"',
};
const TOKEN_END = /[\s,"()[\]{};]/;

export class EdnReader {
  readonly #open: Open[] = [];
  #line = 0;
  /** The text of a string that goes on in the next line. */
  #string: string | null = null;
  #stringLine = 0;
  #ready: EdnNode[] = [];

  /** @returns the forms that this line completes @throws HistoryError */
  line(text: string): readonly EdnNode[] {
    this.#line += 1;
    this.#ready = [];
    let at = this.#string === null ? 0 : this.#readString(`${text}\n`, 0);
    while (at < text.length) at = this.#next(text, at);
    return this.#ready;
  }

  /** There are no more lines. @throws HistoryError where a form is not closed */
  end(): void {
    if (this.#string !== null) this.#fail("a string is not closed", this.#stringLine);
    const open = this.#open.at(-1);
    if (open === undefined) return;
    const wanted = open.close === "" ? "a form behind it" : `"${open.close}"`;
    this.#fail(`the text ends where ${wanted} was expected`, open.line);
  }

  #next(text: string, at: number): number {
    const character = text[at] as string;
    if (/[\s,]/.test(character)) return at + 1;
    if (character === ";") return text.length;
    if (character === '"') {
      this.#string = "";
      this.#stringLine = this.#line;
      return this.#readString(`${text}\n`, at + 1);
    }
    if (character === "#") return this.#readHash(text, at);
    const opened = CLOSE[character];
    if (opened !== undefined) {
      const isOutermost = this.#open.length === 0 && character !== "{";
      this.#push({ type: isOutermost ? "outermost" : opened[0], close: opened[1], line: this.#line, items: [] });
      return at + 1;
    }
    if (character === "]" || character === ")" || character === "}") {
      this.#close(character);
      return at + 1;
    }
    const end = endOfToken(text, at);
    this.#add(this.#checked(atomOf(text.slice(at, end), this.#line)));
    return end;
  }

  /** `#{` a set, `#_` a form that is left out, `##Inf`, `#tag`. */
  #readHash(text: string, at: number): number {
    const after = text[at + 1];
    const line = this.#line;
    if (after === "{") {
      this.#push({ type: "set", close: "}", line, items: [] });
      return at + 2;
    }
    if (after === "_") {
      this.#push({ type: "discard", close: "", line, items: [] });
      return at + 2;
    }
    const end = endOfToken(text, at + 1);
    const token = text.slice(at, end);
    if (token.startsWith("##")) this.#add({ type: "symbol", text: token, items: [], line });
    else if (token.length < 2) this.#fail("a tag needs a name");
    else this.#push({ type: "tagged", close: "", line, items: [], tag: token });
    return end;
  }

  /** @returns where it went on behind the string; the end of the line when the string is not closed there */
  #readString(text: string, start: number): number {
    let at = start;
    for (; at < text.length; at++) {
      const character = text[at] as string;
      if (character === '"') {
        const value = this.#string ?? "";
        this.#string = null;
        this.#add({ type: "string", text: JSON.stringify(value), items: [], line: this.#stringLine });
        return at + 1;
      }
      if (character !== "\\") {
        this.#string += character;
        continue;
      }
      at += 1;
      const escaped = text[at] ?? "";
      const code = /^u[0-9a-fA-F]{4}/.exec(text.slice(at, at + 5))?.[0];
      if (code !== undefined) {
        this.#string += String.fromCharCode(Number.parseInt(code.slice(1), 16));
        at += 4;
      } else this.#string += ESCAPES[escaped] ?? this.#fail(`"\\${escaped}" is no escape of a string`);
    }
    return at;
  }

  #push(open: Open): void {
    if (this.#open.length >= DEPTH_MAX) this.#fail(`more than ${DEPTH_MAX} collections in each other`);
    this.#open.push(open);
  }

  #close(character: string): void {
    const open = this.#open.pop();
    if (open === undefined) this.#fail(`"${character}" closes nothing`);
    else if (open.close !== character) {
      const wanted = open.close === "" ? "a form" : `"${open.close}" for line ${open.line}`;
      this.#fail(`expected ${wanted}, got "${character}"`);
    } else if (open.type !== "outermost") {
      this.#add(this.#checked(collectionOf(open.type as EdnType, open.items, open.line)));
    }
  }

  /** A form is complete: it goes into what is open, or is one of the text's own. */
  #add(node: EdnNode): void {
    const open = this.#open.at(-1);
    if (open === undefined || open.type === "outermost") {
      this.#ready.push(node);
      return;
    }
    if (open.type === "discard") this.#open.pop();
    else if (open.type === "tagged") {
      this.#open.pop();
      const { tag = "", line } = open;
      this.#add({ type: "tagged", text: `${tag} ${node.text}`, items: [node], line });
    } else if (open.items.length >= ITEMS_MAX) {
      this.#fail(`a collection of more than ${ITEMS_MAX} forms, which begins in line ${open.line}`);
    } else open.items.push(node);
  }

  #checked(node: EdnNode | string): EdnNode {
    return typeof node === "string" ? this.#fail(node) : node;
  }

  #fail(message: string, line = this.#line): never {
    throw new HistoryError({ line, message: `not EDN: ${quote(message)}` });
  }
}

function endOfToken(text: string, start: number): number {
  let at = start;
  // A character may be one that ends other tokens: \[ \" \;
  if (text[at] === "\\") at += 2;
  else at += 1;
  while (at < text.length && !TOKEN_END.test(text[at] as string)) at += 1;
  return Math.min(at, text.length);
}
