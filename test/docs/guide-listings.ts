/**
 * The listings of a chapter of the guide: what files it shows, and what it says that commands print.
 *
 *     ```ts name.ts              a file; several blocks of one name are its parts, in order
 *     ```ts name.ts fails        a file that must not compile, alone
 *     ```console                 $ node name.ts, then what it prints
 *     ```                        $ tsc, then the errors of all files marked `fails`
 *
 * Files of a chapter see each other. A `…` in the output stands for any text within a line.
 */
export interface Listing {
  readonly file: string;
  readonly text: string;
  /** Whether it is there to show what does not compile. */
  readonly fails: boolean;
}

export interface Command {
  /** For example `node first-actor.ts`. */
  readonly command: string;
  readonly output: string;
}

export interface Chapter {
  readonly listings: readonly Listing[];
  readonly commands: readonly Command[];
}

const BLOCK = /^```(\S+)[ \t]*(.*)\n([\s\S]*?)^```$/gm;

export function readChapter(markdown: string): Chapter {
  const listings = new Map<string, Listing>();
  const commands: Command[] = [];
  for (const [, language = "", tag = "", text = ""] of markdown.matchAll(BLOCK)) {
    if (language === "console") commands.push(...readCommands(text));
    else if (tag !== "") addListing(listings, tag, text);
  }
  return { listings: [...listings.values()], commands };
}

function addListing(listings: Map<string, Listing>, tag: string, text: string): void {
  const [file = "", mark] = tag.split(" ");
  const before = listings.get(file);
  listings.set(file, { file, text: `${before?.text ?? ""}${text}`, fails: before?.fails === true || mark === "fails" });
}

function readCommands(text: string): readonly Command[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf("\n");
      return { command: part.slice(0, end).trim(), output: part.slice(end + 1).trimEnd() };
    });
}

/** Whether a program printed what the guide says it does. */
export function isPrinted(said: string, printed: string): boolean {
  const pattern = said
    .split("…")
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join(".*");
  return new RegExp(`^${pattern}$`).test(printed.trimEnd());
}

/**
 * What the command line says in the end, without its numbers: how each step ended, what it wrote, what was wrong. What it says meanwhile depends on
 * the machine, and which events a run is left with on every draw of the simulator.
 */
export function headsOf(printed: string): readonly string[] {
  return printed
    .split("\n")
    .filter((line) => /^(?:✓|✗|Error:|Wrote|It|Clean,|never|\d+ seeds?:) /.test(line))
    .map((line) =>
      line
        .replaceAll(/\d+(?:\.\d+)?/g, "#")
        .replaceAll(/# (?:s|ms|min)\b/g, "# s")
        .replaceAll(/\b(event|seed)s?\b/g, "$1"),
    );
}
