/**
 * Understands what Nix says with `--log-format internal-json`: which step it is at, what a builder printed last, what went wrong.
 *
 * The format is not promised to be stable, so nothing here is required: a line that is not understood is kept as text, and what Nix
 * answers stands on its standard output and in its exit code.
 *
 * Source: Nix 2.8, src/libutil/logging.hh (numbers of activities and results) and logging.cc (JSONLogger).
 */
import { NixError } from "./nix-error.ts";

/** Activities, ActivityType of logging.hh. */
const COPY_PATH = 100;
const BUILDS = 104;
const BUILD = 105;
const SUBSTITUTE = 108;
/** Results, ResultType of logging.hh. */
const BUILD_LOG_LINE = 101;
const PROGRESS = 105;
const ERROR_LEVEL = 0;
/** Of a builder's output, in a message. */
const LAST_LINES = 3;
const MESSAGE_LINES_MAX = 6;
const MESSAGE_CHARACTERS_MAX = 700;

// oxlint-disable-next-line no-control-regex -- what Nix colours its words with begins with ESC
const ANSI = /\u001B\[[0-9;]*m/g;
/** A file of a flake that was copied into the store. */
const STORE_SOURCE = /\/[^\s'"`:«»]*\/[0-9a-z]{32}-source\//g;
const HINT = /^\(use '--show-trace'/;

interface Word {
  readonly action?: string;
  readonly id?: number;
  readonly type?: number;
  readonly level?: number;
  readonly fields?: readonly unknown[];
  readonly text?: string;
  readonly msg?: string;
  readonly raw_msg?: string;
  readonly file?: string | null;
  readonly line?: number | null;
}

interface Trouble {
  readonly text: string;
  readonly file: string | undefined;
  readonly line: number | undefined;
}

export class NixLog {
  readonly #onStep: (step: string) => void;
  readonly #builds = new Map<number, { readonly derivation: string; readonly lines: string[] }>();
  readonly #ended: { readonly derivation: string; readonly lines: string[] }[] = [];
  readonly #kinds = new Map<number, number>();
  readonly #trouble: Trouble[] = [];
  readonly #plain: string[] = [];
  #count = "";

  /** @param onStep told of each step that may take a while: "building linux-6.1", "fetching bash-5.2". */
  constructor(onStep: (step: string) => void) {
    this.#onStep = onStep;
  }

  push(line: string): void {
    const word = line.startsWith("@nix ") ? parse(line.slice(5)) : undefined;
    if (word === undefined) return this.#keep(line);
    if (word.action === "start") this.#start(word);
    else if (word.action === "result") this.#result(word);
    else if (word.action === "stop") this.#stop(word);
    else if (word.action === "msg" && word.level === ERROR_LEVEL) this.#error(word);
  }

  /** Why the command failed. @param isOwn tells files of the VM's flake folder, by their name in it. */
  failure(isOwn: (file: string) => boolean): NixError {
    const trouble = this.#trouble.at(-1);
    if (trouble === undefined) {
      return new NixError("refused", this.#plain.slice(-LAST_LINES).join(" | ") || "Nix ended without a word");
    }
    const shorten = (text: string): string =>
      text.replaceAll(STORE_SOURCE, (path, at: number) => {
        const file = /^[^\s'"`:»]+/.exec(text.slice(at + path.length))?.[0] ?? "";
        return isOwn(file) ? "" : path;
      });
    const place = trouble.file === undefined ? "" : `${shorten(trouble.file)}:${trouble.line ?? 0}: `;
    const said = shorten(trouble.text);
    const [path] = /\/[^\s']+\.drv/.exec(said) ?? [];
    const derivation = path === undefined ? undefined : nameOf(path);
    const isBuild = derivation !== undefined && /builder|[Cc]annot build|dependenc/.test(said);
    if (!isBuild) return new NixError("evaluation", `${place}${said}`);
    const build = this.#ended.findLast(({ derivation: name, lines }) => name === derivation && lines.length > 0);
    const output = build?.lines.join(" | ");
    return new NixError("build", output === undefined ? said : `${said}; it said: ${output}`);
  }

  #start({ id = -1, type = 0, fields = [], text = "" }: Word): void {
    if (type === BUILD) {
      const derivation = nameOf(fields[0]);
      this.#builds.set(id, { derivation, lines: [] });
      this.#onStep(`building ${derivation}${this.#count}`);
    } else if (type === COPY_PATH || type === SUBSTITUTE) {
      this.#onStep(`fetching ${nameOf(fields[0])}`);
    } else if (type === BUILDS) this.#kinds.set(id, type);
    else if (text.startsWith("downloading ") || text.startsWith("copying path")) this.#onStep(text);
  }

  #result({ id = -1, type, fields = [] }: Word): void {
    if (type === BUILD_LOG_LINE) {
      const lines = this.#builds.get(id)?.lines;
      lines?.push(clean(String(fields[0])));
      if (lines !== undefined && lines.length > LAST_LINES) lines.shift();
    } else if (type === PROGRESS && this.#kinds.get(id) === BUILDS) {
      const [done, expected] = fields;
      this.#count = Number(expected) > 1 ? ` (${Number(done) + 1} of ${Number(expected)})` : "";
    }
  }

  #stop({ id = -1 }: Word): void {
    const build = this.#builds.get(id);
    if (build !== undefined) this.#ended.push(build);
    this.#builds.delete(id);
    this.#kinds.delete(id);
  }

  #error(word: Word): void {
    const text = clean(word.raw_msg ?? word.msg ?? "").replace(/^error: */, "");
    if (text === "" || HINT.test(text)) return;
    this.#trouble.push({ text: bounded(text), file: word.file ?? undefined, line: word.line ?? undefined });
  }

  #keep(line: string): void {
    this.#plain.push(clean(line));
    if (this.#plain.length > LAST_LINES) this.#plain.shift();
  }
}

function parse(text: string): Word | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function clean(text: string): string {
  return text.replaceAll(ANSI, "").trim();
}

/** On one line, since it goes into a status; a list of assertions has one a line. */
function bounded(text: string): string {
  const lines = text.split("\n").map((line) => line.trim());
  const said = lines.filter((line) => line !== "").slice(0, MESSAGE_LINES_MAX);
  return said.join(" ").slice(0, MESSAGE_CHARACTERS_MAX);
}

/** "/nix/store/HASH-linux-6.1.drv" is "linux-6.1". */
function nameOf(path: unknown): string {
  const base = String(path).split("/").at(-1) ?? "";
  return base.replace(/^[0-9a-z]{32}-/, "").replace(/\.drv$/, "");
}
