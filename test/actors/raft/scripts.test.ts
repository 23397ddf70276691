/** Runs every protocol script and compares the trace; see `script.ts`. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runScript } from "./script.ts";

const FOLDER = join(import.meta.dirname, "scripts");
const scripts = readdirSync(FOLDER).filter((name) => name.endsWith(".txt"));

test("the scripts are found", () => {
  expect(scripts.length).toBeGreaterThanOrEqual(8);
});

for (const name of scripts) {
  test(`the trace of ${name} is as written`, () => {
    const path = join(FOLDER, name);
    const expected = readFileSync(path, "utf8");
    const actual = runScript(expected);
    if (process.env["UPDATE"] === "1") writeFileSync(path, actual);
    else expect(actual).toBe(expected);
  });
}

test("runScript() notices a trace that is not what happens", () => {
  const script = "> nodes a b c\n> campaign a\na leader term=9 leader=a\n";
  expect(runScript(script)).not.toBe(script);
});
