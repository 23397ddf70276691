/** A form of EDN with its place in the text, and in the one spelling that all forms have that are equal to it. */
export type EdnType =
  | "nil"
  | "boolean"
  | "number"
  | "string"
  | "character"
  | "keyword"
  | "symbol"
  | "vector"
  | "list"
  | "map"
  | "set"
  | "tagged";

export interface EdnNode {
  readonly type: EdnType;
  /** Equal forms have equal texts: `{:b 1, :a 2}` is `{:a 2 :b 1}`, a list reads like a vector, `3N` like `3`. No digit is ever lost. */
  readonly text: string;
  /** Of a collection; keys and values of a map in turn; what a tag stands before. */
  readonly items: readonly EdnNode[];
  /** From 1. */
  readonly line: number;
}

const CHARACTERS: Readonly<Record<string, string>> = { newline: "\n", return: "\r", space: " ", tab: "\t" };
const NUMBER = /^[+-]?\d/;
const INTEGER = /^[+-]?(?:0|[1-9]\d*)N?$/;
const REAL = /^[+-]?(?:0|[1-9]\d*)(?:\.\d*)?(?:[eE][+-]?\d+)?M?$/;
const RATIO = /^[+-]?\d+\/\d+$/;

/** A form without inner ones; a text says what is wrong with it. */
export function atomOf(token: string, line: number): EdnNode | string {
  const atom = (type: EdnType, text: string): EdnNode => ({ type, text, items: [], line });
  if (token === "nil") return atom("nil", token);
  if (token === "true" || token === "false") return atom("boolean", token);
  if (token.startsWith(":")) return token.length > 1 ? atom("keyword", token) : "a keyword needs a name";
  if (token.startsWith("\\")) {
    const name = token.slice(1);
    const code = /^u([0-9a-fA-F]{4})$/.exec(name)?.[1];
    const character = code === undefined ? (CHARACTERS[name] ?? name) : String.fromCharCode(Number.parseInt(code, 16));
    return /^.$/su.test(character) ? atom("character", `\\${character}`) : `"${token}" is no character`;
  }
  if (NUMBER.test(token)) {
    if (INTEGER.test(token)) return atom("number", token.replace(/^\+/, "").replace(/N$/, "").replace(/^-0$/, "0"));
    if (REAL.test(token) && !token.endsWith("M")) return atom("number", realText(Number(token)));
    return REAL.test(token) || RATIO.test(token) ? atom("number", token) : `"${token}" is no number`;
  }
  return atom("symbol", token);
}

/** Never like an integer: in EDN 1.0 is not 1. */
function realText(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** A collection that is closed now; a text says what is wrong with it. */
export function collectionOf(type: EdnType, items: readonly EdnNode[], line: number): EdnNode | string {
  const texts = items.map(({ text }) => text);
  if (type === "map") {
    if (items.length % 2 === 1) return `a map needs a value for each key, got ${items.length} forms`;
    const pairs = texts.flatMap((key, at) => (at % 2 === 0 ? [`${key} ${texts[at + 1] ?? ""}`] : []));
    return { type, text: `{${pairs.toSorted().join(" ")}}`, items, line };
  }
  if (type === "set") return { type, text: `#{${texts.toSorted().join(" ")}}`, items, line };
  return { type, text: `[${texts.join(" ")}]`, items, line };
}

/** The value of a key of a map, `:process`; undefined where there is none. */
export function fieldOf({ items }: EdnNode, key: string): EdnNode | undefined {
  const at = items.findIndex((item, index) => index % 2 === 0 && item.type === "keyword" && item.text === key);
  return at < 0 ? undefined : items[at + 1];
}
