/** Every listing of the guide compiles, runs, and prints what the guide says. */
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { ChapterFolder } from "./chapter-folder.ts";
import { headsOf, isPrinted, type Listing, readChapter } from "./guide-listings.ts";

const GUIDE = join(import.meta.dirname, "..", "..", "docs", "guide");
const CHAPTERS = globSync("*.md", { cwd: GUIDE }).toSorted();

test("the guide has chapters, and the first has listings and commands", () => {
  expect(CHAPTERS.length).toBeGreaterThan(0);
  const { listings, commands } = readChapter(readFileSync(join(GUIDE, CHAPTERS[0] ?? ""), "utf8"));
  expect(listings.length).toBeGreaterThan(1);
  expect(commands.length).toBeGreaterThan(1);
});

/** Of all chapters at once, a folder each: a compiler that starts once reads what they import once. */
const typeErrors = lazily((): readonly string[] => {
  const listings = CHAPTERS.flatMap((chapter) =>
    soundOf(chapter).map((listing) => ({ ...listing, file: join(chapter, listing.file) })),
  );
  using folder = new ChapterFolder(listings);
  return folder.check(listings.map(({ file }) => file)).split("\n");
});

function soundOf(chapter: string): readonly Listing[] {
  const { listings } = readChapter(readFileSync(join(GUIDE, chapter), "utf8"));
  return listings.filter(({ file, fails }) => !fails && file.endsWith(".ts"));
}

function lazily<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}

describe.each(CHAPTERS)("%s", (file) => {
  const { listings, commands } = readChapter(readFileSync(join(GUIDE, file), "utf8"));
  const sound = soundOf(file);
  const failing = listings.filter(({ fails }) => fails);
  const programs = commands.filter(({ command }) => /^(?:node|npx blixard|sed -i) /.test(command));
  const checks = commands.filter(({ command }) => command === "tsc");

  test.runIf(sound.length > 0)(
    `${basename(file)} compiles`,
    () => {
      const errors = typeErrors();
      expect(errors.filter((line) => line.startsWith(`${file}/`))).toEqual([]);
      // What belongs to no listing, such as a file that was not found.
      expect(errors.filter((line) => line !== "" && !CHAPTERS.some((chapter) => line.startsWith(chapter)))).toEqual([]);
    },
    120_000,
  );

  test.runIf(failing.length > 0)(
    `${basename(file)} fails to compile where it says so, and as it says`,
    () => {
      using folder = new ChapterFolder(listings);
      const errors = folder.check(failing.map(({ file: name }) => name));
      for (const { file: name } of failing) expect(errors).toContain(`${name}(`);
      expect(isPrinted(checks.map(({ output }) => output).join("\n"), errors), errors).toBe(true);
    },
    60_000,
  );

  test.runIf(programs.length > 0)(
    `${basename(file)} prints what it says`,
    () => {
      using folder = new ChapterFolder(listings);
      for (const { command, output } of programs) {
        const { stdout, stderr, status } = folder.run(command);
        expect(status, `${command}\n${stdout}${stderr}`).toBe(/^Error: /m.test(output) ? 1 : 0);
        if (command.startsWith("npx "))
          expect(headsOf(stdout), `${command} printed:\n${stdout}`).toEqual(headsOf(output));
        else expect(isPrinted(output, stdout), `${command} printed:\n${stdout}${stderr}`).toBe(true);
      }
    },
    240_000,
  );

  test(`${basename(file)} shows no command that is not run`, () => {
    expect(commands.filter((command) => !programs.includes(command) && !checks.includes(command))).toEqual([]);
    const run = new Set(programs.flatMap(({ command }) => command.split(" ").slice(1)));
    const isImported = (name: string): boolean => listings.some(({ text }) => text.includes(`"./${name}"`));
    const idle = sound.filter(({ file: name }) => !run.has(name) && !isImported(name));
    expect(idle.map(({ file: name }) => name)).toEqual([]);
  });
});
