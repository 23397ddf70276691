import fc from "fast-check";
import { expect, test } from "vitest";
import { LINE_BYTES_MAX, LineCutter } from "../../../../runtime/node/agent/line-cutter.ts";

function cut(chunks: readonly Buffer[]): { lines: string[]; dropped: number } {
  const lines: string[] = [];
  let dropped = 0;
  const cutter = new LineCutter(
    (line) => lines.push(line),
    (bytes) => (dropped += bytes),
  );
  for (const chunk of chunks) cutter.push(chunk);
  return { lines, dropped };
}

test("LineCutter gives the same lines however they arrive", () => {
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[ -~]{0,200}$/), { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }),
      (lines, sizes) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
        const chunks: Buffer[] = [];
        for (let at = 0, i = 0; at < bytes.length; at += sizes[i++ % sizes.length]!) {
          chunks.push(bytes.subarray(at, at + sizes[i % sizes.length]!));
        }
        expect(cut([bytes]).lines).toEqual(lines.filter((line) => line !== ""));
      },
    ),
  );
});

test("LineCutter drops a line that is too long whole, and says how much; the next one is read", () => {
  const long = Buffer.alloc(LINE_BYTES_MAX, "a");
  const { lines, dropped } = cut([Buffer.from("one\n"), long, long, Buffer.from("tail\ntwo\n")]);
  expect(lines).toEqual(["one", "two"]);
  expect(dropped).toBe(2 * LINE_BYTES_MAX + 4);
  expect(cut([Buffer.from(`${"b".repeat(LINE_BYTES_MAX - 1)}\n`)]).lines).toHaveLength(1);
});
