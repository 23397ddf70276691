import { expect, test } from "vitest";
import { formatAge, parseDuration } from "../../../cli/output/duration.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

test("formatAge() shows what matters at that age", () => {
  const shown = [
    -5,
    0,
    90_000,
    2 * MINUTE,
    3 * MINUTE + 12_000,
    59 * MINUTE,
    4 * HOUR + MINUTE,
    26 * HOUR,
    3 * 24 * HOUR,
    30 * 24 * HOUR,
  ];
  expect(shown.map(formatAge)).toEqual(["0s", "0s", "90s", "2m", "3m12s", "59m", "4h1m", "26h", "3d", "30d"]);
});

test("parseDuration() reads what people write, and nothing else", () => {
  expect(["500ms", "30s", "1.5m", "1h30m"].map(parseDuration)).toEqual([500, 30_000, 90_000, 90 * MINUTE]);
  for (const text of ["", "10", "-1s", "1 h", "1y", "s"]) expect(parseDuration(text), text).toBeUndefined();
});
