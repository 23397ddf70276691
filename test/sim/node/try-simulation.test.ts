/** A user's file that hangs is named, with what of it hangs; each is tried in a thread that is ended. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { trySimulation } from "../../../sim/node/index.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "blixard-trial-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Threads of a busy machine begin slowly; what hangs is given as long. */
const TIMEOUT_MS = 60_000;
const WITHIN_MS = 5000;

async function refusalOf(text: string, withinMs?: number): Promise<string | null> {
  const file = join(folder, "mine.mjs");
  writeFileSync(file, text);
  return trySimulation({ file, seed: 1, planted: [] }, withinMs).then(
    () => null,
    (error: Error) => `${error.name}: ${error.message.replace(file, "mine.mjs")}`,
  );
}

test.concurrent.each<[string, string, string | null]>([
  ["make() without an end", "for (;;);", "its make() has not ended after 5 s"],
  ["make() that ends the thread", "process.exit(3)", "its make() exits with 3"],
  ["make() that throws, which others tell", 'throw new Error("no office")', null],
  ["make() that ends", "return {}", null],
])("trySimulation() of %s", { timeout: TIMEOUT_MS }, async (what, body, why) => {
  const file = join(folder, `${what.length}.mjs`);
  writeFileSync(file, `export default { name: "mine", make: () => { ${body} } };`);
  const tried = trySimulation({ file, seed: 1, planted: [] }, WITHIN_MS);
  const refusal = await tried.then(
    () => null,
    (error: Error) => error.message,
  );
  expect(refusal).toBe(why === null ? null : `Cannot simulate ${file}: ${why}`);
});

test("trySimulation() tells a file that does not get loaded", { timeout: TIMEOUT_MS }, async () => {
  expect(await refusalOf("await new Promise(() => {});")).toBe(
    "SimulationFileError: Cannot simulate mine.mjs: loading it waits for what never comes, or exits",
  );
});
