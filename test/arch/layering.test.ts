/**
 * The canary of the layering: plants every forbidden import and global and must see each one named, and nothing else.
 *
 * The tables repeat the design by hand. Whoever changes a tsconfig.json or oxlint.config.ts has to say so here too.
 */
import { readFileSync } from "node:fs";
import { join, relative } from "node:path/posix";
import { expect, test } from "vitest";
import { REPOSITORY } from "./scratch-folder.ts";
import { ScratchTree, type Finding } from "./scratch-tree.ts";

const PURE = ["runtime", "transport", "actors", "sim"];

const KERNEL = ["runtime", "transport", "actors"];
const WORLDS = [...KERNEL, "runtime/node", "transport/node", "sim"];

/** Folder to the folders it may import. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  runtime: [],
  "runtime/node": ["runtime"],
  transport: ["runtime"],
  "transport/node": ["runtime", "transport"],
  actors: ["runtime", "transport"],
  sim: KERNEL,
  "sim/node": [...KERNEL, "sim"],
  guest: ["runtime", "runtime/node"],
  api: KERNEL,
  library: WORLDS,
  cli: [...WORLDS, "sim/node", "guest", "api"],
  bench: [...WORLDS, "sim/node", "guest", "api", "cli", "library", "examples"],
  examples: [...WORLDS, "library"],
  chaos: [...WORLDS, "library", "examples"],
  test: [...WORLDS, "sim/node", "library", "guest", "api", "cli", "bench", "examples", "chaos"],
};

/** Package to the folders that may import it. */
const OWNERS: Readonly<Record<string, readonly string[]>> = {
  nact: ["runtime", "bench"],
  rxjs: ["runtime"],
  lmdb: ["runtime/node"],
  pino: ["runtime/node"],
  ws: ["transport/node", "bench", "examples"],
  msgpackr: ["transport/node"],
  typebox: ["actors"],
  "ts-pattern": ["actors", "cli"],
  fastify: ["api"],
  "@fastify/swagger": ["api"],
  "@fastify/type-provider-typebox": ["api"],
  "prom-client": ["api"],
  commander: ["cli", "chaos"],
  yaml: ["cli"],
  "cli-table3": ["cli"],
  vitest: ["test"],
  "fast-check": ["test"],
};

const NODE_GLOBALS = [
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
  "process",
  "Buffer",
  "console",
  "performance",
  "crypto",
  "URL",
  "TextEncoder",
  "fetch",
  "require",
];

const IMPURE = [
  "Date",
  "globalThis.Date",
  "Intl",
  "Math.random",
  '"a".localeCompare',
  "(1).toLocaleString",
  '"a".toLocaleLowerCase',
  '"a".toLocaleUpperCase',
  "WeakRef",
  "FinalizationRegistry",
  "SharedArrayBuffer",
  "Atomics",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
  "performance",
  "crypto",
  "process",
  "Buffer",
  "console",
  "require",
];

test("tsc and oxlint pass a tree without violations", () => {
  using tree = new ScratchTree();
  expect(tree.folders).toEqual(Object.keys(MAY_IMPORT).toSorted());
  expect(tree.compile()).toEqual([]);
  expect(tree.lint()).toEqual([]);
});

test("tsc names every import that a folder's references do not allow, and no other", () => {
  using tree = new ScratchTree();
  const plant = (folder: string): readonly string[] => tree.folders.filter((other) => other !== folder);
  for (const folder of tree.folders) {
    const lines = plant(folder).map((other, at) => `export { one as one${at} } from "${pathTo(folder, other)}";`);
    tree.plant(`${folder}/planted-imports.ts`, lines);
  }
  const wanted = tree.folders.flatMap((folder) =>
    plant(folder).flatMap((other, at) =>
      MAY_IMPORT[folder]?.includes(other) ? [] : [{ folder, other, line: at + 1 }],
    ),
  );
  expect(wanted.length).toBeGreaterThan(50);
  expect(linesOf(tree.compile(), "planted-imports.ts", "TS6307")).toEqual(
    wanted.map(({ folder, line }) => `${folder}:${line}`).toSorted(),
  );
});

test("tsc names every global of Node.js in a pure folder", () => {
  using tree = new ScratchTree();
  for (const folder of PURE) {
    tree.plant(
      `${folder}/planted-globals.ts`,
      NODE_GLOBALS.map((name, at) => `export const g${at}: unknown = ${name};`),
    );
  }
  const found = tree.compile();
  expect(linesOf(found, "planted-globals.ts")).toEqual(everyLine(PURE, NODE_GLOBALS));
});

test("oxlint names every import of a package outside of its owner folder, and no other", () => {
  using tree = new ScratchTree();
  const { dependencies } = JSON.parse(readFileSync(join(REPOSITORY, "package.json"), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  expect(Object.keys(OWNERS)).toEqual(expect.arrayContaining(Object.keys(dependencies)));
  const packages = [...Object.keys(OWNERS), "a-package-without-owner", "node:fs", "node:fs/promises"];
  const folders = [
    ...tree.folders,
    "test/runtime",
    "test/transport",
    "test/actors",
    "test/sim",
    "test/api",
    "test/cli",
  ];
  for (const folder of folders) {
    tree.plant(
      `${folder}/planted-packages.ts`,
      packages.map((name) => `export type * from "${name}";`),
    );
  }
  const wanted = folders.flatMap((folder) =>
    packages.flatMap((name, at) => (mayUse(folder, name) ? [] : [`${folder}:${at + 1}`])),
  );
  expect(linesOf(tree.lint(), "planted-packages.ts", "eslint(no-restricted-imports)")).toEqual(wanted.toSorted());
});

/** A test may use what its subject uses, the subject's Node.js drivers included. */
function mayUse(folder: string, name: string): boolean {
  if (name.startsWith("node:")) return !PURE.includes(folder);
  const subject = folder.replace(/^test\//, "");
  return (OWNERS[name] ?? []).some(
    (owner) => owner === folder || (subject !== folder && ["test", subject, `${subject}/node`].includes(owner)),
  );
}

test("oxlint names an import of a package that is hidden in a call or spelled with a subpath", () => {
  using tree = new ScratchTree();
  tree.plant("sim/planted-hidden.ts", [
    'export const hidden: unknown = import("ws");',
    'export type Deep = import("nact/lib/actor.js").Actor;',
    'export { match } from "ts-pattern/types";',
  ]);
  const found = tree.lint();
  expect(linesOf(found, "planted-hidden.ts", "eslint(no-restricted-imports)")).toEqual(["sim:1", "sim:3"]);
  expect(linesOf(found, "planted-hidden.ts", "typescript(consistent-type-imports)")).toEqual(["sim:2"]);
});

test("oxlint names everything that no seed decides in a pure folder", () => {
  using tree = new ScratchTree();
  for (const folder of PURE) {
    tree.plant(
      `${folder}/planted-impure.ts`,
      IMPURE.map((name, at) => `export const g${at}: unknown = ${name};`),
    );
  }
  const found = tree.lint().filter(({ rule }) => rule.startsWith("eslint(no-restricted-"));
  expect(linesOf(found, "planted-impure.ts")).toEqual(everyLine(PURE, IMPURE));
});

test("oxlint names a handler that awaits", () => {
  using tree = new ScratchTree();
  tree.plant("actors/planted-await.ts", [
    "export async function declared(): Promise<void> {}",
    "export const arrow = async (): Promise<void> => {};",
    "export class Method { async run(): Promise<void> {} }",
  ]);
  const lines = linesOf(tree.lint(), "planted-await.ts", "oxc(no-async-await)");
  expect(lines).toEqual(["actors:1", "actors:2", "actors:3"]);
});

test("oxlint names whoever reads the environment below the composition root", () => {
  using tree = new ScratchTree();
  const folders = ["runtime/node", "transport/node", "sim/node", "guest", "api", "library"];
  for (const folder of [...folders, "cli"]) {
    tree.plant(`${folder}/planted-environment.ts`, ["export const home: unknown = process.env;"]);
  }
  const found = linesOf(tree.lint(), "planted-environment.ts", "eslint(no-restricted-properties)");
  expect(found).toEqual(folders.map((folder) => `${folder}:1`).toSorted());
});

/** `folder:line` of each finding in the files of that name, once each, sorted. */
function linesOf(findings: readonly Finding[], name: string, rule?: string): readonly string[] {
  const inFile = findings.filter(
    (found) => found.file.endsWith(`/${name}`) && (rule === undefined || found.rule === rule),
  );
  return [...new Set(inFile.map(({ file, line }) => `${file.slice(0, -name.length - 1)}:${line}`))].toSorted();
}

function everyLine(folders: readonly string[], lines: readonly string[]): readonly string[] {
  return folders.flatMap((folder) => lines.map((_, at) => `${folder}:${at + 1}`)).toSorted();
}

function pathTo(folder: string, other: string): string {
  const path = relative(folder, join(other, "index.ts"));
  return path.startsWith(".") ? path : `./${path}`;
}
