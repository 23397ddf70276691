import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { prepareHost } from "../../../cli/local-cluster/prepare-host.ts";
import { Progress } from "../../../cli/progress.ts";
import { KeptStream } from "../run-command-line.ts";

test("prepareHost() begins no further step once it is interrupted", async () => {
  const cacheDir = mkdtempSync(join(tmpdir(), "blixard-cli-"));
  const err = new KeptStream();
  const reason = new Error("interrupted");
  const options = { driver: "auto", install: false, cacheDir, progress: new Progress(err) } as const;
  await expect(prepareHost({ ...options, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  expect(err.text).toContain("Host packages");
  expect(err.text).not.toContain("Guest image");
  expect(readdirSync(cacheDir)).toEqual([]);
  rmSync(cacheDir, { recursive: true });
});
