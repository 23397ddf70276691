/**
 * Keeps the repository tidy, after TigerBeetle's `src/tidy.zig`: what no compiler or linter checks and every reader sees.
 * Each rule has a canary, a file that it must refuse, and must have looked at something.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { REPOSITORY } from "./scratch-folder.ts";
import { TIDY_RULES, UNFINISHED_WORDS, type SourceFile } from "./tidy-rules.ts";

const NOT_OURS = new Set(["node_modules", "dist", ".cache", ".git", "coverage"]);

const FILES: readonly SourceFile[] = globSync("**/*.ts", { cwd: REPOSITORY, exclude: (path) => NOT_OURS.has(path) })
  .toSorted()
  .map((path) => ({ path, text: readFileSync(join(REPOSITORY, path), "utf8") }));

/** The folders that the compiler checks, as the root tsconfig.json lists them. */
const PROJECTS = [...read("tsconfig.json").matchAll(/"path": "(.+?)"/g)].map(([, path = ""]) => path);

/** By rule: a file it must refuse, and one it must let pass. */
const CANARIES: Readonly<Record<string, { readonly bad: SourceFile[]; readonly good: SourceFile[] }>> = {
  "begins with a comment that says what the file is": {
    bad: [file("actors/a.ts", "export {};\n"), file("actors/a.ts", "/** */\n"), file("actors/a.ts", "/**\n */\n")],
    good: [
      file("actors/a.ts", "/** A thing. */\n"),
      file("cli/main.ts", "#!/usr/bin/env node\n/**\n * A thing.\n */\n"),
    ],
  },
  "has at most 400 lines": {
    bad: [file("actors/a.ts", "\n".repeat(401))],
    good: [file("actors/a.ts", "\n".repeat(400))],
  },
  "has a kebab-case name, and so have its folders": {
    bad: [file("actors/vmActor.ts"), file("actors/vm_actor.ts"), file("actors/VM/actor.ts"), file("actors/vm.spec.ts")],
    good: [file("actors/vm/vm-actor.ts"), file("test/vm-actor.test.ts"), file("runtime/nact.d.ts")],
  },
  "is named after what it holds": {
    bad: [
      file("actors/utils.ts"),
      file("actors/common/vm.ts"),
      file("actors/vm-helpers.ts"),
      file("test/misc.test.ts"),
    ],
    good: [file("actors/commons.ts"), file("actors/utilization.ts")],
  },
  "leaves nothing unfinished": {
    bad: UNFINISHED_WORDS.map((word) => file("actors/a.ts", `// ${word}: more`)),
    good: [file("actors/a.ts", "const todo = 1;")],
  },
  "holds no mutable state outside of functions and classes": {
    bad: [
      file("actors/a.ts", "let count = 0;"),
      file("actors/a.ts", "export let count = 0;"),
      file("actors/a.ts", "const seen = new Map<string, number>();"),
      file("actors/a.ts", "const seen: Set<string> = new Set();"),
    ],
    good: [
      file("actors/a.ts", "  let count = 0;"),
      file("actors/a.ts", 'const NAMES: ReadonlySet<string> = new Set(["a"]);'),
    ],
  },
  "exports by name if it is an index.ts": {
    bad: [
      file("actors/index.ts", 'export * from "./vm.ts";'),
      file("actors/index.ts", 'export type * from "./vm.ts";'),
    ],
    good: [file("actors/index.ts", 'export { vm } from "./vm.ts";')],
  },
};

describe.each(TIDY_RULES)("every file $name", ({ name, appliesTo, check }) => {
  test("in the repository", () => {
    const looked = FILES.filter(({ path }) => appliesTo(path));
    expect(looked.length).toBeGreaterThan(5);
    const problems = looked.flatMap((source) => {
      const problem = check(source);
      return problem === undefined ? [] : [`${source.path}: ${problem}`];
    });
    expect(problems).toEqual([]);
  });

  test("and its canary is caught", () => {
    const { bad, good } = CANARIES[name] ?? { bad: [], good: [] };
    expect([...bad, ...good].every(({ path }) => appliesTo(path))).toBe(true);
    expect(bad.length).toBeGreaterThan(0);
    expect(bad.filter((source) => check(source) === undefined)).toEqual([]);
    expect(good.filter((source) => check(source) !== undefined)).toEqual([]);
  });
});

test("every TypeScript file belongs to a folder that the compiler checks", () => {
  const unchecked = (paths: readonly string[]): readonly string[] =>
    paths.filter(
      (path) => !/^[\w-]+\.config\.ts$/.test(path) && !PROJECTS.some((folder) => path.startsWith(`${folder}/`)),
    );
  expect(PROJECTS.length).toBeGreaterThan(5);
  expect(unchecked(FILES.map(({ path }) => path))).toEqual([]);
  expect(unchecked(["scripts/a.ts", "a.ts", "actors/a.ts", "vitest.config.ts"])).toEqual(["scripts/a.ts", "a.ts"]);
});

test("every folder that others may import has an index.ts", () => {
  const importable = PROJECTS.filter((folder) => !["cli", "bench", "chaos", "examples", "test"].includes(folder));
  expect(importable).toContain("runtime/node");
  expect(importable.filter((folder) => !existsSync(join(REPOSITORY, folder, "index.ts")))).toEqual([]);
});

test("every test stands in a folder that mirrors a source folder or names a project", () => {
  const kinds = new Set(["sim", "arch", "integration", "contract"]);
  const astray = FILES.filter(({ path }) => path.startsWith("test/") && path.endsWith(".test.ts"))
    .map(({ path }) => dirname(path).slice("test/".length))
    .filter((folder) => !kinds.has(folder.split("/")[0] ?? "") && !existsSync(join(REPOSITORY, folder)));
  expect(astray).toEqual([]);
});

test("every decision has a number of its own and stands in the index", () => {
  const names = globSync("docs/decisions/*.md", { cwd: REPOSITORY })
    .map((path) => basename(path))
    .filter((name) => name !== "README.md")
    .toSorted();
  const index = read("docs/decisions/README.md");
  expect(names.length).toBeGreaterThan(0);
  expect(numberingFaults(names)).toEqual([]);
  expect(names.filter((name) => !index.includes(`(${name})`))).toEqual([]);
  const planted = ["0001-a.md", "0003-b.md", "0003-c.md", "0004-d_e.md", "four.md"];
  expect(numberingFaults(planted)).toEqual(["0003-c.md", "0004-d_e.md", "four.md"]);
});

/** The names that are not `NNNN-kebab-case.md` or repeat the number of the one before. */
function numberingFaults(sorted: readonly string[]): readonly string[] {
  return sorted.filter(
    (name, at) => !/^\d{4}(-[a-z0-9]+)+\.md$/.test(name) || name.slice(0, 4) === sorted[at - 1]?.slice(0, 4),
  );
}

function file(path: string, text = ""): SourceFile {
  return { path, text };
}

function read(path: string): string {
  return readFileSync(join(REPOSITORY, path), "utf8");
}
