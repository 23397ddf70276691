/** What stands in a log line: for people and machines, one JSON object. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createPinoLogger } from "../../../runtime/node/index.ts";
import type { Logger } from "../../../runtime/index.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "blixard-log-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function linesOf(use: (logger: Logger) => void, level?: "debug" | "warn"): Record<string, unknown>[] {
  const destination = join(folder, "log");
  use(createPinoLogger({ base: { node: "n1" }, destination, ...(level && { level }) }));
  const text = readFileSync(destination, "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("log() writes a line with level, time, base fields, fields and message", () => {
  const [line] = linesOf((logger) => logger.log("warn", "The lease ended", { guests: 2 }));
  expect(line).toEqual({ level: "warn", time: expect.any(String), node: "n1", guests: 2, msg: "The lease ended" });
  expect(new Date(String(line?.["time"])).toISOString()).toBe(line?.["time"]);
});

test("log() leaves out what is below the level; by default that is debug", () => {
  const all = (logger: Logger): void => {
    for (const level of ["debug", "info", "warn", "error"] as const) logger.log(level, level);
  };
  expect(linesOf(all).map(({ msg }) => msg)).toEqual(["info", "warn", "error"]);
  expect(
    linesOf(all, "warn")
      .slice(3)
      .map(({ msg }) => msg),
  ).toEqual(["warn", "error"]);
});

test("log() tells a failure by its code and only a bug with its stack", () => {
  const failure = Object.assign(new Error("no space left"), { code: "ENOSPC" });
  const [known, bug, text] = linesOf((logger) => {
    for (const cause of [failure, new TypeError("x is undefined"), "a text"]) logger.log("error", "Failed", { cause });
  });
  expect(known?.["cause"]).toEqual({ name: "Error", code: "ENOSPC", message: "no space left" });
  expect(bug?.["cause"]).toMatchObject({ name: "TypeError", stack: expect.stringContaining("pino-logger.test.ts") });
  expect(text?.["cause"]).toBe("a text");
});
