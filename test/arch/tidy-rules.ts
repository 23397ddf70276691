/** The house rules that a reader of one file can check: each is a function from a file to what is wrong with it. */

export interface SourceFile {
  /** Relative to the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

export interface TidyRule {
  readonly name: string;
  readonly appliesTo: (path: string) => boolean;
  /** What is wrong, or undefined. */
  readonly check: (file: SourceFile) => string | undefined;
}

/** A screen is about 50 lines: eight of them are as much as one noun needs. */
const LINES_MAX = 400;

/** Folders whose files the rules of source apply to; tests and benches are read beside what they are about. */
const SOURCE = /^(runtime|transport|actors|sim|guest|api|library|cli)\//;

const isSource = (path: string): boolean => SOURCE.test(path);
const isTest = (path: string): boolean => path.endsWith(".test.ts");

const NAME = /^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.d|\.config)?\.ts$/;
const FOLDER_NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const CATCH_ALL = /^(utils?|common|helpers?|misc|shared|stuff)$/;
const HEADER = /^(#!.*\n)?\/\*\*(\n \*)? [^\s*]/;

/** Spelled apart, so that this file does not contain them. */
export const UNFINISHED_WORDS: readonly string[] = ["TO_DO", "FIX_ME", "X_XX", "HA_CK"].map((word) =>
  word.replace("_", ""),
);
const UNFINISHED = new RegExp(`\\b(${UNFINISHED_WORDS.join("|")})\\b`);
const MUTABLE = /^(export )?(let |var |const \w+[^=]*= new (Map|Set|WeakMap|WeakSet)(<.*>)?\(\))/;

export const TIDY_RULES: readonly TidyRule[] = [
  {
    name: "begins with a comment that says what the file is",
    appliesTo: (path) => !isTest(path),
    check: ({ text }) => (HEADER.test(text) ? undefined : "no header comment"),
  },
  {
    name: `has at most ${LINES_MAX} lines`,
    appliesTo: isSource,
    check: ({ text }) => {
      const lines = text.split("\n").length - 1;
      return lines > LINES_MAX ? `${lines} lines` : undefined;
    },
  },
  {
    name: "has a kebab-case name, and so have its folders",
    appliesTo: () => true,
    check: ({ path }) => {
      const folders = path.split("/");
      const file = folders.pop() ?? "";
      return NAME.test(file) && folders.every((folder) => FOLDER_NAME.test(folder)) ? undefined : "not kebab-case";
    },
  },
  {
    name: "is named after what it holds",
    appliesTo: () => true,
    check: ({ path }) => {
      const word = path.split(/[/.-]/).find((part) => CATCH_ALL.test(part));
      return word === undefined ? undefined : `"${word}" says nothing`;
    },
  },
  {
    name: "leaves nothing unfinished",
    appliesTo: () => true,
    check: ({ text }) => UNFINISHED.exec(text)?.[0],
  },
  {
    name: "holds no mutable state outside of functions and classes",
    appliesTo: isSource,
    check: ({ text }) => text.split("\n").find((line) => MUTABLE.test(line)),
  },
  {
    name: "exports by name if it is an index.ts",
    appliesTo: (path) => path.endsWith("/index.ts"),
    check: ({ text }) => text.split("\n").find((line) => /^export (type )?\*/.test(line)),
  },
];
