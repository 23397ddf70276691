/** The essence of a core leaves nothing out: each private field is told by its class, or stands here as one that decides nothing. */
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import {
  createConfiguration,
  EMPTY_CONFIGURATION,
  encodeConfiguration,
  RaftCore,
} from "../../../../actors/raft/index.ts";
import { createRandom, EMPTY_LOG } from "../../../../runtime/index.ts";

const CORE = join(import.meta.dirname, "..", "..", "..", "..", "actors", "raft", "core");

/** What is the same for all of a core's life. */
const CONSTANT: ReadonlySet<string> = new Set(["leaseMs", "limits", "member", "pendingMax", "rules", "self", "timing"]);

/** By file: fields that belong to a part that tells them itself, follow from what is told, or are empty behind a `Ready`. */
const DECIDE_NOTHING: Readonly<Record<string, readonly string[]>> = {
  "elections.ts": ["forwarded"],
  "entry-chunks.ts": ["bytes", "chunks", "firstChunk", "firstIndex", "lastIndex"],
  "heartbeats.ts": ["replication"],
  "in-flight.ts": ["capacity", "fields", "head"],
  "incoming.ts": ["elections", "snapshotTraffic"],
  "leader.ts": ["changes"],
  "membership-changes.ts": ["firstIndex"],
  "member.ts": ["alarms", "installed", "reads"],
  "outbox.ts": ["ready"],
  "raft-core.ts": ["configuration", "forwarded", "incoming", "leadership"],
  "raft-log.ts": ["configurations", "held", "uncommittedBytes"],
  "recovery.ts": ["log", "damagedTerm"],
  "refusals.ts": ["counts"],
  "replication.ts": ["batch", "batchBytes", "batchFrom", "batchLast", "snapshotsWanted"],
};

const FIELD = /^ {2}(?:readonly )?#(\w+)(?:[:;?]| =)/gm;

/** The text of the method `essence`, or nothing. */
function essenceIn(source: string): string {
  return /^ {2}essence\([\s\S]*?^ {2}\}/m.exec(source)?.[0] ?? "";
}

const files = globSync("*.ts", { cwd: CORE }).filter((file) =>
  /^export class /m.test(readFileSync(join(CORE, file), "utf8")),
);

test.each(files)("%s tells each of its private fields, or says that it decides nothing", (file) => {
  const source = readFileSync(join(CORE, file), "utf8");
  const fields = [...source.matchAll(FIELD)].map(([, field = ""]) => field);
  const essence = essenceIn(source);
  const untold = fields.filter((field) => !CONSTANT.has(field) && !essence.includes(`#${field}`));
  expect(untold.toSorted()).toEqual((DECIDE_NOTHING[basename(file)] ?? []).toSorted());
});

test("the classes of the core were looked at", () => {
  expect(files.length).toBeGreaterThan(15);
});

test("essence() holds no absolute time", () => {
  const essences = [0, 1_000_003].map((nowMs) => {
    const birth = { index: 1, term: 1, type: "configuration", payload: encodeConfiguration(createConfiguration(["a", "b"])) } as const; // prettier-ignore
    const loaded = { ...EMPTY_LOG, hardState: { term: 1, vote: null, commit: 1 }, entries: [birth] };
    const core = new RaftCore({
      self: "a",
      configuration: EMPTY_CONFIGURATION,
      loaded,
      random: createRandom(1),
      nowMs,
    });
    const waitMs = core.nextDeadlineMs() - nowMs;
    core.step({ type: "timeout" }, nowMs + waitMs);
    core.step(
      { type: "message", from: "b", message: { type: "pre-vote-response", term: 2, granted: true } },
      nowMs + waitMs,
    );
    const { write } = core.takeReady(nowMs + waitMs);
    core.step({ type: "persisted", token: write?.token ?? 0 }, nowMs + waitMs + 7);
    core.takeReady(nowMs + waitMs + 7);
    return core.essence(nowMs + waitMs + 9);
  });
  expect(essences[0]).toEqual(essences[1]);
});
