/**
 * `npm run build`: makes the package that is published, in `dist/package`, with a package.json of its own.
 *
 * Of its own, since this repository's would bring what only a checkout needs, above all the Node.js that it pins, whose
 * `node` would then stand before the user's own. Compiled, since Node.js refuses `.ts` below `node_modules`. docs/decisions/0016-package.md.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const REPOSITORY = join(import.meta.dirname, "..");
const PACKAGE = join(REPOSITORY, "dist", "package");

/** Files that are read at run time beside the code, and those that go with every package. */
const COPIED = [
  "LICENSE",
  "README.md",
  "CHANGELOG.md",
  "runtime/nact.d.ts",
  "runtime/node/{guard,nix}/*.sh",
  "guest/*.sh",
  "guest/agent/*",
  "nix/vm/**/*.{nix,sh}",
];

const ENTRIES: Readonly<Record<string, string>> = {
  ".": "index",
  "./raft": "raft",
  "./sim": "sim",
  "./testkit": "testkit",
};

const BIN = "cli/main.js";

/** Of this repository's package.json, what the published one says as well. */
const KEPT = ["name", "version", "description", "license", "type", "engines", "dependencies"];

rmSync(PACKAGE, { recursive: true, force: true });
compile();
for (const pattern of COPIED) {
  const files = globSync(pattern, { cwd: REPOSITORY });
  if (files.length === 0) throw new Error(`Cannot build the package: there is no ${pattern}`);
  for (const file of files) {
    mkdirSync(dirname(join(PACKAGE, file)), { recursive: true });
    copyFileSync(join(REPOSITORY, file), join(PACKAGE, file));
  }
}
for (const entry of Object.values(ENTRIES)) declareNact(join(PACKAGE, "library", `${entry}.d.ts`));
chmodSync(join(PACKAGE, BIN), 0o755);
writeFileSync(join(PACKAGE, "package.json"), `${JSON.stringify(manifest(), null, 2)}\n`);

function compile(): void {
  const tsc = join(REPOSITORY, "node_modules", ".bin", "tsc");
  const args = ["-p", join(REPOSITORY, "tsconfig.package.json")];
  const { status } = spawnSync(process.execPath, [tsc, ...args], { stdio: "inherit" });
  if (status !== 0) throw new Error("Cannot build the package: the compiler found errors");
}

/** No import leads to the declarations of nact's modules, so each entry names their file. */
function declareNact(file: string): void {
  writeFileSync(file, `/// <reference path="../runtime/nact.d.ts" />\n${readFileSync(file, "utf8")}`);
}

function manifest(): object {
  const own = JSON.parse(readFileSync(join(REPOSITORY, "package.json"), "utf8")) as Record<string, unknown>;
  const exports = Object.entries(ENTRIES).map(([path, entry]) => [
    path,
    { types: `./library/${entry}.d.ts`, default: `./library/${entry}.js` },
  ]);
  return {
    ...Object.fromEntries(KEPT.map((key) => [key, own[key]])),
    exports: { ...Object.fromEntries(exports), "./package.json": "./package.json" },
    bin: { blixard: BIN },
  };
}
