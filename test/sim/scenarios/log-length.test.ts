import { expect, test } from "vitest";
import type { RaftStatus } from "../../../actors/index.ts";
import { whyTooLong } from "../../../sim/scenarios/log-length.ts";

const COMPACTION = { everyEntries: 50, trailingEntries: 20 };

test("whyTooLong() allows two snapshots' worth and what stays behind them, and names the length beyond", () => {
  const status = (base: number, lastIndex: number): RaftStatus => ({ base, lastIndex }) as RaftStatus;
  expect(whyTooLong(status(1000, 1220), COMPACTION)).toBeNull();
  expect(whyTooLong(status(1000, 1221), COMPACTION)).toBe("holds a log of 221 entries, wanted at most 220");
});
