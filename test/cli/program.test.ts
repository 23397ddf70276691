/** What a start of the command line loads, and that a command is found whichever way its file is loaded. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildProgram } from "../../cli/program.ts";
import { contextOf } from "./run-command-line.ts";

const REPOSITORY = join(import.meta.dirname, "..", "..");

/** Of them all, packages too; 144 for the help as this is written, where it was 2246. */
const MODULES_MAX = 180;
const PACKAGES =
  /^node_modules\/(commander|cli-table3|string-width|strip-ansi|ansi-regex|emoji-regex|is-fullwidth.*)\//;
/** Through these a single name loads a whole folder, and what it needs. */
const BARRELS = new Set([
  "runtime/index.ts",
  "runtime/node/index.ts",
  "transport/index.ts",
  "actors/index.ts",
  "api/index.ts",
]);

/** Runs a command line in a process of its own; answers the files that it loaded, as paths in the repository. */
function loadedBy(...args: readonly string[]): readonly string[] {
  const hook = `
    import { registerHooks } from "node:module";
    import { writeSync } from "node:fs";
    const load = (url, context, next) => {
      if (url.startsWith("file:")) writeSync(3, url + "\\n");
      return next(url, context);
    };
    registerHooks({ load });`;
  const { output } = spawnSync(
    process.execPath,
    ["--import", `data:text/javascript,${encodeURIComponent(hook)}`, join(REPOSITORY, "cli", "main.ts"), ...args],
    { encoding: "utf8", stdio: ["ignore", "ignore", "ignore", "pipe"], timeout: 30_000 },
  );
  const urls = (output[3] ?? "").split("\n").filter((line) => line !== "");
  return urls.map((url) => url.replace(`file://${REPOSITORY}/`, ""));
}

test("buildProgram() loads neither schemas nor simulator nor hypervisors for help, a version or a list", () => {
  for (const line of ["--help", "version", "vm list --server http://127.0.0.1:1"]) {
    const loaded = loadedBy(...line.split(" "));
    const heavy = loaded.filter(
      (file) =>
        BARRELS.has(file) || file.startsWith("sim/") || (file.startsWith("node_modules/") && !PACKAGES.test(file)),
    );
    expect(loaded, line).toContain("cli/program.ts");
    expect(heavy, line).toEqual([]);
    expect(loaded.length, line).toBeLessThan(MODULES_MAX);
    if (line === "version") expect(loaded).not.toContain("cli/commands/vm-command.ts");
  }
});

test("buildProgram() finds every command by each of its names, by loading its file alone", async () => {
  const { context } = contextOf();
  const { commands } = await buildProgram(context, []);
  expect(commands.length).toBeGreaterThan(10);
  for (const command of commands) {
    for (const word of [command.name(), ...command.aliases()]) {
      if (word === "completion-words") continue;
      const alone = await buildProgram(context, [word]);
      const found = alone.commands.find((other) => other.name() === command.name());
      expect(found?.helpInformation(), word).toBe(command.helpInformation());
      expect(alone.commands.length, word).toBeLessThan(3);
    }
  }
});
