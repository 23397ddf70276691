/** What the guide points at is there, and every row of its table of guarantees points at a test. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const GUIDE = join(import.meta.dirname, "..", "..", "docs", "guide");
const PAGES = globSync("*.md", { cwd: GUIDE }).toSorted();

/** Targets of relative links, without their anchors. */
function linksOf(markdown: string): readonly string[] {
  return [...markdown.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, target = ""]) => target);
}

test.each(PAGES)("%s links to files that exist", (page) => {
  const links = linksOf(readFileSync(join(GUIDE, page), "utf8"));
  expect(links.filter((target) => !existsSync(join(GUIDE, target)))).toEqual([]);
});

test("every chapter stands in the contents", () => {
  const contents = linksOf(readFileSync(join(GUIDE, "README.md"), "utf8"));
  expect(contents).toEqual(expect.arrayContaining(PAGES.filter((page) => page !== "README.md")));
});

test("every guarantee names a test that shows it", () => {
  const rows = readFileSync(join(GUIDE, "guarantees.md"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| ") && !/^\| (?:about|\*\*)/.test(line));
  expect(rows.length).toBeGreaterThan(30);
  for (const row of rows) {
    const shownBy = row.split(" | ").at(-1) ?? "";
    expect(linksOf(shownBy), row).not.toEqual([]);
    for (const target of linksOf(shownBy)) expect(target, row).toMatch(/^\.\.\/\.\.\/test\/.*\.test\.ts$/);
  }
});
