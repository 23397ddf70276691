import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createPinoLogger } from "../../../runtime/node/index.ts";

test("log() writes one JSON object a line, and of an error that has a code no stack", () => {
  const folder = mkdtempSync(join(tmpdir(), "blixard-log-"));
  try {
    const destination = join(folder, "log");
    const logger = createPinoLogger({ base: { node: "n1" }, destination });
    logger.log("warn", "it broke", { cause: Object.assign(new Error("why"), { code: "store-io" }) });
    logger.log("debug", "not shown");
    const [line, ...rest] = readFileSync(destination, "utf8").split("\n");
    expect(rest).toEqual([""]);
    expect(JSON.parse(line!)).toMatchObject({ level: "warn", node: "n1", msg: "it broke" });
    expect(JSON.parse(line!)).toHaveProperty("cause", { name: "Error", code: "store-io", message: "why" });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("log() does not throw at whoever logs when the disk is full", () => {
  const logger = createPinoLogger({ base: {}, destination: "/dev/full" });
  for (let line = 0; line < 10; line++) logger.log("info", "x".repeat(100_000));
});
