/** What the README promises a new user: `npm start -- --check` with real microVMs, from nothing to nothing. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BlixardHome, freePortBase, REPOSITORY } from "./blixard-process.ts";
import { testImage } from "./test-image.ts";

let home: BlixardHome;
beforeEach(() => {
  home = new BlixardHome();
});
afterEach(async () => home.remove());

test("npm start -- --check runs the example in a microVM, survives the loss of its node, and leaves nothing", async () => {
  expect(readFileSync(join(REPOSITORY, "README.md"), "utf8")).toContain("npm start -- --check");
  await testImage();
  const args = ["start", "--", "--check", "--driver", "qemu", "--port-base", String(await freePortBase())];
  const { status, stdout, stderr } = spawnSync("npm", args, { cwd: REPOSITORY, env: home.env, encoding: "utf8" });
  expect(status, stdout + stderr).toBe(0);
  expect(stderr).toContain("vm/web created");
  expect(stderr).toMatch(/Checking the page: http:\/\/127\.0\.0\.1:8080\//);
  expect(stdout).toMatch(/Check passed/);
  expect(readdirSync(join(home.folder, "home"))).toEqual(["logs"]);
});

test("the README's commands exist", () => {
  const readme = readFileSync(join(REPOSITORY, "README.md"), "utf8");
  const rows = readme.split("\n").filter((line) => line.startsWith("| `"));
  expect(rows.length).toBeGreaterThan(10);
  for (const [, first = ""] of rows.map((row) => /^\| `([^`]+)`/.exec(row) ?? [])) {
    const words = first.split(" ").filter((word) => /^[a-z][a-z-]*$/.test(word));
    const flags = [...first.matchAll(/--[a-z]+/g)].map(([flag]) => flag);
    const { status, stdout } = spawnSync(join(REPOSITORY, "blixard"), [...words, "--help"], { encoding: "utf8" });
    expect(status, first).toBe(0);
    for (const flag of flags) expect(stdout, `${first}: ${flag}`).toContain(flag);
  }
});
