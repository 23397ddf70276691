import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Recorder } from "../../chaos/recorder.ts";
import { FINAL_READER, judge } from "../../chaos/verdict.ts";
import { parseHistory, type KvInput } from "../../sim/checkers/history.ts";

interface Rig {
  readonly recorder: Recorder;
  readonly path: string;
}

function rig(): Rig {
  const folder = mkdtempSync(join(tmpdir(), "blixard-recorder-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "history.jsonl");
  return { recorder: new Recorder(path), path };
}

/** Calls and is told at once. */
function tell(
  { recorder }: Rig,
  key: string,
  input: KvInput,
  output: string | boolean | null,
  client: string = "c1",
): void {
  const call = { client, key, input, callUs: recorder.nowUs };
  // The next microsecond, so that one operation is behind the other.
  for (const endUs = call.callUs + 1; recorder.nowUs <= endUs;);
  recorder.told(call, output);
}

test("judge() accepts a history in which everything is there at the end", () => {
  const one = rig();
  tell(one, "k1", { type: "put", value: "a" }, true);
  tell(one, "k1", { type: "cas", expected: "a", value: "b" }, true);
  tell(one, "k1", { type: "get" }, "b", FINAL_READER);
  tell(one, "k2", { type: "get" }, null, FINAL_READER);
  expect(judge(one.recorder)).toEqual([]);
  one.recorder.close();
});

test("judge() names a write that was acknowledged and is gone at the end, and the key whose history is wrong", () => {
  const one = rig();
  tell(one, "k1", { type: "put", value: "a" }, true);
  tell(one, "k1", { type: "put", value: "b" }, true);
  tell(one, "k1", { type: "get" }, "a", FINAL_READER);
  const wrong = judge(one.recorder);
  expect(wrong[0]).toMatch(/^An acknowledged write is lost: c1 put k1 "b": true \[.*\]; the key holds "a"$/);
  expect(wrong[1]).toContain('key "k1"');
  expect(wrong).toHaveLength(2);
  one.recorder.close();
});

test("judge() finds a read of the past, though nothing is lost at the end", () => {
  const one = rig();
  tell(one, "k1", { type: "put", value: "a" }, true);
  tell(one, "k1", { type: "put", value: "b" }, true);
  tell(one, "k1", { type: "get" }, "a");
  tell(one, "k1", { type: "get" }, "b", FINAL_READER);
  expect(judge(one.recorder)).toHaveLength(1);
  one.recorder.close();
});

test("judge() takes no client's read for what a key holds at the end", () => {
  const one = rig();
  tell(one, "k1", { type: "put", value: "a" }, true);
  tell(one, "k1", { type: "put", value: "b" }, true);
  tell(one, "k1", { type: "get" }, "a");
  expect(judge(one.recorder)).toEqual([expect.stringContaining('key "k1"')]);
  one.recorder.close();
});

test("Recorder writes what the checker's reader reads, and counts what it does not write", () => {
  const one = rig();
  tell(one, "k1", { type: "put", value: "a" }, true);
  tell(one, "k1", { type: "get" }, "a");
  one.recorder.unknown({ client: "c2", key: "k2", input: { type: "delete" }, callUs: one.recorder.nowUs });
  one.recorder.refused("unavailable");
  one.recorder.refused("unavailable");
  one.recorder.close();
  expect(parseHistory(readFileSync(one.path, "utf8"))).toEqual([...one.recorder.histories.values()].flat());
  expect(one.recorder.counts).toEqual({
    operations: 5,
    acknowledgedWrites: 1,
    reads: 1,
    unknown: 1,
    refused: new Map([["unavailable", 2]]),
  });
});
