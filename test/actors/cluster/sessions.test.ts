/** Each (session, sequence) acts at most once, also when its session is forgotten. */
import { expect, test } from "vitest";
import { SampleMap, vmSpec } from "./sample-map.ts";

const create = (name: string) => ({ type: "create-vm", name, labels: {}, spec: vmSpec() }) as const;

test("apply() gives a repetition the first outcome and does nothing", () => {
  const map = new SampleMap();
  const first = map.do(create("web"), { session: "a", sequence: 1 });
  const fingerprint = map.state.fingerprint;
  const again = map.do(create("web"), { session: "a", sequence: 1 });
  expect(again).toEqual(first);
  expect(map.last).toMatchObject({ fate: "repeated", changes: [] });
  expect(map.state.fingerprint).toBe(fingerprint);
});

test("apply() gives a repeated refusal again, though it would now be granted", () => {
  const map = new SampleMap();
  map.create("web");
  const refused = map.do(create("web"), { session: "a", sequence: 1 });
  map.do({ type: "delete-vm", name: "web" });
  expect(map.do(create("web"), { session: "a", sequence: 1 })).toEqual(refused);
  expect(map.vm("web")).toBeUndefined();
});

test("apply() shows the resource as it is now, and none that was made anew", () => {
  const map = new SampleMap();
  map.do(create("web"), { session: "a", sequence: 1 });
  map.do({ type: "set-running", name: "web", running: false });
  expect(map.do(create("web"), { session: "a", sequence: 1 })).toMatchObject({
    version: 1,
    resource: { spec: { running: false } },
  });
  map.do({ type: "delete-vm", name: "web" });
  map.create("web");
  expect(map.do(create("web"), { session: "a", sequence: 1 })).toMatchObject({ version: 1, resource: null });
});

test("apply() never acts on a sequence that its session has left behind", () => {
  const map = new SampleMap();
  map.do(create("new"), { session: "a", sequence: 2 });
  expect(map.do(create("late"), { session: "a", sequence: 1 })).toMatchObject({ ok: false, code: "stale" });
  expect(map.last).toMatchObject({ fate: "superseded", changes: [] });
  expect(map.vm("late")).toBeUndefined();
});

test("apply() refuses what may have acted in a forgotten session, and takes what cannot have", () => {
  const map = new SampleMap({ sessionsMax: 2 });
  const after = map.state.applied;
  map.do(create("web"), { session: "a", sequence: 1, after });
  map.do({ type: "delete-vm", name: "web" }, { session: "b" });
  map.do(create("other"), { session: "c" });
  expect(map.do(create("web"), { session: "a", sequence: 1, after })).toMatchObject({ ok: false, code: "stale" });
  expect(map.last).toMatchObject({ fate: "expired", changes: [] });
  expect(map.vm("web")).toBeUndefined();
  expect(map.do(create("web"), { session: "a", sequence: 2 })).toMatchObject({ ok: true });
});

test("apply() forgets the session that was used longest ago", () => {
  const map = new SampleMap({ sessionsMax: 2 });
  map.do(create("a"), { session: "a", sequence: 1, after: 0 });
  map.do(create("b"), { session: "b", sequence: 1, after: 0 });
  map.do({ type: "delete-vm", name: "a" }, { session: "a", sequence: 2 });
  map.do(create("c"), { session: "c", sequence: 1 });
  map.do({ type: "delete-vm", name: "a" }, { session: "a", sequence: 2 });
  expect(map.last?.fate).toBe("repeated");
  map.do(create("b"), { session: "b", sequence: 1, after: 0 });
  expect(map.last?.fate).toBe("expired");
});
