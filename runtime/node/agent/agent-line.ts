/**
 * The lines of the guest agent's protocol, both ways, as values; docs/guest-agent.md is the specification.
 *
 * Whatever a guest sends is read here and nowhere else: a line is one of the known shapes, with its numbers in range and its base64 canonical,
 * or it is `unknown`. What it means, and whether anybody had asked for it, is the session's business (agent-session.ts).
 */
import { STREAM_CHUNK, type TerminalSize } from "../../ports/guest-streams.ts";

/** What this host speaks. 0 has no frames: `booted`, `beat`, `exit STATUS`, and `stop` from the host. */
export const AGENT_PROTOCOL = 1;

export type GuestLine =
  | { readonly type: "hello"; readonly version: number; readonly nonce: string; readonly verbs: readonly string[] }
  | { readonly type: "booted" | "beat" }
  | { readonly type: "service-exit"; readonly status: number }
  | { readonly type: "answer"; readonly id: number; readonly answer: Answer }
  | { readonly type: "unknown" };

export type Answer =
  | { readonly word: "out" | "err"; readonly bytes: Buffer }
  | { readonly word: "more"; readonly bytes: number }
  | { readonly word: "begin"; readonly sizeBytes: number; readonly mode: string }
  | { readonly word: "address"; readonly interface: string; readonly kind: AddressKind; readonly address: string }
  | FinalAnswer;

/** The last word about a request. */
export type FinalAnswer =
  | { readonly word: "exit"; readonly code: number }
  | { readonly word: "killed"; readonly signal: number }
  | { readonly word: "done"; readonly value: number | undefined }
  | { readonly word: "fail"; readonly code: string; readonly message: string };

export type AddressKind = "mac" | "ipv4" | "ipv6";

const ID_MAX = 0x7f_ff_ff_ff;
const MESSAGE_CHARS_MAX = 500;
const VERBS_MAX = 32;
const UNKNOWN: GuestLine = { type: "unknown" };
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** A line of the guest, without its end. Never throws. */
export function readGuestLine(line: string): GuestLine {
  const [first = "", second = "", ...rest] = line.split(" ");
  if (line === "booted" || line === "beat") return { type: line };
  if (first === "exit" && rest.length === 0) {
    const status = numberOf(second, 255);
    return status === undefined ? UNKNOWN : { type: "service-exit", status };
  }
  if (first === "blixard") {
    const version = numberOf(second, 999);
    const verbs = (rest[1] ?? "").split(",").filter((verb) => /^[a-z][a-z-]{0,30}$/.test(verb));
    return version === undefined
      ? UNKNOWN
      : { type: "hello", version, nonce: rest[0] ?? "", verbs: verbs.slice(0, VERBS_MAX) };
  }
  const id = numberOf(first, ID_MAX);
  if (id === undefined || id === 0) return UNKNOWN;
  const answer = readAnswer(second, rest);
  return answer === undefined ? UNKNOWN : { type: "answer", id, answer };
}

/** How many words follow each; `done` has one or none. */
const WORDS: ReadonlyMap<string, number> = new Map([
  ...(["out", "err", "more", "exit", "killed"] as const).map((word) => [word, 1] as const),
  ...(["begin", "fail"] as const).map((word) => [word, 2] as const),
  ["address", 3],
]);

function readAnswer(word: string, words: readonly string[]): Answer | undefined {
  const [one = "", two = "", three = ""] = words;
  if (words.length !== (word === "done" ? Math.min(words.length, 1) : WORDS.get(word))) return undefined;
  switch (word) {
    case "out":
    case "err": {
      const bytes = bytesOf(one);
      return bytes === undefined || bytes.length === 0 || bytes.length > STREAM_CHUNK ? undefined : { word, bytes };
    }
    case "more": {
      const bytes = numberOf(one, Number.MAX_SAFE_INTEGER);
      return bytes === undefined ? undefined : { word, bytes };
    }
    case "begin": {
      const sizeBytes = numberOf(one, Number.MAX_SAFE_INTEGER);
      return sizeBytes === undefined || !/^[0-7]{3,5}$/.test(two) ? undefined : { word, sizeBytes, mode: two };
    }
    case "address":
      return /^[\w.:@-]{1,15}$/.test(one) && isAddressKind(two) && /^[0-9a-f.:]{2,45}$/i.test(three)
        ? { word, interface: one, kind: two, address: three }
        : undefined;
    case "exit": {
      const code = numberOf(one, 255);
      return code === undefined ? undefined : { word, code };
    }
    case "killed": {
      const signal = numberOf(one, 64);
      return signal === undefined ? undefined : { word, signal };
    }
    case "done": {
      const value = one === "" ? undefined : numberOf(one, Number.MAX_SAFE_INTEGER);
      return one !== "" && value === undefined ? undefined : { word, value };
    }
    case "fail": {
      const message = bytesOf(two);
      return message === undefined || !/^[a-z-]{1,30}$/.test(one)
        ? undefined
        : { word, code: one, message: shown(message) };
    }
    default:
      return undefined;
  }
}

function isAddressKind(word: string): word is AddressKind {
  return word === "mac" || word === "ipv4" || word === "ipv6";
}

/** A guest's words reach terminals and logs: without its control characters, and not many of them. */
function shown(message: Buffer): string {
  return message.toString("utf8").slice(0, MESSAGE_CHARS_MAX).replaceAll(/\p{C}/gu, "?");
}

function numberOf(text: string, max: number): number | undefined {
  if (!/^\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}

function bytesOf(text: string): Buffer | undefined {
  return BASE64.test(text) ? Buffer.from(text, "base64") : undefined;
}

export function helloLine(nonce: string): string {
  return `blixard ${AGENT_PROTOCOL} ${nonce}\n`;
}

/** `words` hold no blanks; `body` is sent as base64. */
export function requestLine(id: number, words: readonly (string | number)[], body?: Uint8Array): string {
  const encoded = body === undefined ? [] : [Buffer.from(body.buffer, body.byteOffset, body.length).toString("base64")];
  return `${[id, ...words, ...encoded].join(" ")}\n`;
}

/** The size of a terminal as the agent takes it. */
export function sizeWords({ columns, rows }: TerminalSize): readonly [number, number] {
  const bounded = (value: number): number => Math.min(65_535, Math.max(0, Math.trunc(value)));
  return [bounded(columns), bounded(rows)];
}

/** Strings that hold no zero, each ended by one. */
export function stringsBody(strings: readonly string[]): Buffer {
  return Buffer.from(strings.map((text) => `${text}\0`).join(""), "utf8");
}
