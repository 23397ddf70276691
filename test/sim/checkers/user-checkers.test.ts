/** What users see is judged: each rule is broken by hand, and told. */
import { beforeEach, expect, test } from "vitest";
import type { Change, Vm } from "../../../actors/index.ts";
import { createRandom } from "../../../runtime/index.ts";
import { UpdateChecker } from "../../../sim/checkers/update-checker.ts";
import { WatchChecker, type Watched } from "../../../sim/checkers/watch-checker.ts";
import { EventLog } from "../../../sim/timeline/event-log.ts";
import { Timeline } from "../../../sim/timeline/timeline.ts";

let at: Timeline;
let checker: WatchChecker;

beforeEach(() => {
  at = new Timeline(createRandom(1), new EventLog({ linesKept: 10 }));
  checker = new WatchChecker(at);
});

function vm(name: string, version: number): Vm {
  return { kind: "Vm", metadata: { name, version } } as Vm;
}

function failureMessage(): string | undefined {
  return at.failure?.message;
}

function put(name: string, version: number): Change {
  return { type: "put", resource: vm(name, version) };
}

function gone(name: string, version: number): Change {
  return { type: "delete", resource: vm(name, version) };
}

function watch(name: string, from: number, ...vms: readonly Vm[]): Watched {
  const watched: Watched = { name, version: 0, from: null, vms: new Map(), gone: new Map(), seen: new Set() };
  checker.onSynced(watched, from, vms);
  return watched;
}

function tell(watched: Watched, version: number, ...changes: readonly Change[]): void {
  checker.onChanges(watched, { type: "changes", version, changes });
}

test("WatchChecker takes a watch that goes on at another node, and one that tells again what is known", () => {
  const one = watch("w0", 3, vm("web", 2));
  tell(one, 6, put("web", 4), put("db", 5), put("web", 6));
  tell(one, 5, put("db", 5));
  tell(one, 9, gone("db", 5), put("db", 8));
  const other = watch("w1", 4, vm("web", 4));
  tell(other, 9, put("db", 5), put("web", 6), gone("db", 5), put("db", 8));
  checker.onAcknowledged(6);
  for (const watched of [one, other]) checker.checkEnd(watched, [vm("web", 6), vm("db", 8)]);
  expect(at.failure).toBeNull();
  expect(checker.changes).toBe(9);
});

test.each([
  ["a change that is told after a later one", [put("web", 6), put("db", 5)], "version 5"],
  ["a change twice", [put("web", 3)], "version 3"],
  ["a change that is not yet", [put("web", 11)], "in news up to 10"],
  ["the end of what never was", [gone("db", 2)], "which it never had"],
] as const)("WatchChecker finds %s", (_, changes, told) => {
  tell(watch("w0", 3, vm("web", 2)), 10, ...changes);
  expect(at.failure).toMatchObject({ invariant: "watches-are-complete" });
  expect(at.failure?.message).toContain(told);
});

test("WatchChecker finds a gap that nobody told of: by another watch, by what was acknowledged, by the map", () => {
  tell(watch("w0", 3, vm("web", 2)), 8, put("web", 5), put("web", 8));
  tell(watch("w1", 3, vm("web", 2)), 8, put("web", 8));
  expect(at.failure?.message).toContain("Watch w1 goes on from web 2 to 8; another watch was told of 5");

  at.failure = null;
  const alone = watch("w2", 10, vm("web", 8));
  checker.onAcknowledged(12);
  tell(alone, 11);
  checker.checkEnd(alone, [vm("web", 8)]);
  expect(at.failure).toBeNull();
  tell(alone, 13, put("db", 13));
  checker.checkEnd(alone, [vm("web", 8), vm("db", 13)]);
  expect(at.failure).toMatchObject({ message: expect.stringContaining("but not of 12") as string });

  at.failure = null;
  checker.checkEnd(watch("w3", 10, vm("web", 8)), []);
  expect(failureMessage()).toContain("ends with web@8 otherwise");
});

test("UpdateChecker finds two updates from one version, one that is lost, and one that acted twice", () => {
  const updates = new UpdateChecker(at);
  for (let update = 0; update < 4; update++) updates.onBegun("vm-1");
  updates.onAcknowledged("vm-1", 3, 5);
  updates.onAcknowledged("vm-1", 5, 9);
  updates.onRefused("vm-1");
  for (const count of [2, 3]) updates.checkCount("vm-1", count);
  expect(at.failure).toBeNull();
  for (const count of [1, 4]) {
    at.failure = null;
    updates.checkCount("vm-1", count);
    expect(at.failure).toMatchObject({ invariant: "updates-are-not-lost" });
  }
  at.failure = null;
  updates.onBegun("vm-1");
  updates.onAcknowledged("vm-1", 3, 11);
  expect(at.failure).toMatchObject({ message: expect.stringContaining("both at 5 and at 11") as string });
});
