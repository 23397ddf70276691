import { expect, test } from "vitest";
import { Progress } from "../../cli/progress.ts";
import { KeptStream } from "./run-command-line.ts";

test("step() prints one line for a short step where nobody looks", async () => {
  const stream = new KeptStream();
  const { value } = await new Progress(stream).step(
    "Counting",
    async (step) => {
      step.detail("one");
      return 7;
    },
    (count) => `${count} found`,
  );
  expect(value).toBe(7);
  expect(stream.text).toMatch(/^✓ Counting: 7 found \(0\.\d s\)\n$/);
});

test("step() shows that a step failed, and passes the error on", async () => {
  const stream = new KeptStream();
  const step = new Progress(stream).step("Counting", async () => {
    throw new Error("no fingers");
  });
  await expect(step).rejects.toThrow("no fingers");
  expect(stream.text).toMatch(/^✗ Counting \(0\.\d s\)\n$/);
});

test("step() draws over one line on a terminal, never longer than it is wide", async () => {
  const stream = new KeptStream(true);
  await new Progress(stream).step("Counting", async (step) => step.detail("x".repeat(200)));
  const frames = stream.text.split("\r\u001b[K");
  expect(frames.length).toBeGreaterThan(2);
  expect(frames.slice(0, -1).every((frame) => frame.length < 80 && !frame.includes("\n"))).toBe(true);
  expect(frames.at(-1)).toMatch(/^✓ Counting /);
});
