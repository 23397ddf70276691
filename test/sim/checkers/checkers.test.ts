/** The checkers of what users are promised: each is shown a lie and must notice. */
import { expect, test } from "vitest";
import { CoordinationTables, type ClusterView, type Command, type Vm } from "../../../actors/index.ts";
import { createRandom, jsonCodec, type InstanceLaunch } from "../../../runtime/index.ts";
import { ClientChecker } from "../../../sim/checkers/client-checker.ts";
import { ReliableChecker } from "../../../sim/checkers/reliable-checker.ts";
import { TenureChecker, type Copy } from "../../../sim/checkers/tenure-checker.ts";
import { CommittedLog } from "../../../sim/checkers/committed-log.ts";
import { ReplicaChecker } from "../../../sim/checkers/replica-checker.ts";
import { VmChecker } from "../../../sim/checkers/vm-checker.ts";
import { EventLog } from "../../../sim/timeline/event-log.ts";
import { Timeline } from "../../../sim/timeline/timeline.ts";

function timeline(): Timeline {
  return new Timeline(createRandom(1), new EventLog({ linesKept: 1 }));
}

function launch(vm: string, instance: string): InstanceLaunch {
  const nothing = { command: [], env: {}, files: [], ports: [] };
  return { instance, vm, node: "n1", vcpus: 1, memoryMiB: 128, image: "base", leaseUntilMs: 0, ...nothing };
}

test("VmChecker finds a VM that starts while it runs elsewhere, not one that moved", () => {
  const moved = timeline();
  const checker = new VmChecker(moved);
  checker.onGuestStarted(0, launch("web", "web-1"));
  checker.onGuestEnded(0, launch("web", "web-1"), "lease");
  checker.onGuestStarted(1, launch("web", "web-2"));
  checker.onGuestStarted(2, launch("db", "db-1"));
  expect(moved.failure).toBeNull();
  checker.onGuestStarted(2, launch("web", "web-3"));
  expect(moved.failure).toMatchObject({ invariant: "a-vm-never-runs-twice" });
  expect(moved.failure?.message).toContain('VM "web" starts on host 2 as web-3, and runs on host 1 as web-2');
});

const coordination = new CoordinationTables();

function view(applied: number, fingerprint: string): ClusterView {
  return { applied, fingerprint, level: 1, get: () => undefined, list: () => [], coordination };
}

test("ReplicaChecker finds replicas that differ at an index", () => {
  const same = timeline();
  const checker = new ReplicaChecker(same);
  const views = [view(0, "a"), view(0, "a"), view(0, "b")] as { applied: number }[];
  for (const [node, one] of views.entries()) {
    for (one.applied = 1; one.applied < 256; one.applied++) checker.onApply(node, one as ClusterView);
    expect(same.failure).toBeNull();
    checker.onApply(node, one as ClusterView);
  }
  expect(same.failure).toMatchObject({ invariant: "state-machine-safety" });
});

test("ReplicaChecker finds an index that was passed over", () => {
  const at = timeline();
  const checker = new ReplicaChecker(at);
  const replica = view(1, "a") as { applied: number };
  checker.onApply(0, replica as ClusterView);
  replica.applied = 3;
  checker.onApply(0, replica as ClusterView);
  expect(at.failure).toMatchObject({ invariant: "applied-in-order" });
});

const START: Command = { type: "set-running", name: "web", running: true };
const STOP: Command = { type: "set-running", name: "web", running: false };

/** A checker over a log that holds these commands from index 1. */
function clients(log: readonly Command[]): { readonly at: Timeline; readonly checker: ClientChecker } {
  const at = timeline();
  const committed = new CommittedLog(at);
  for (const [before, command] of log.entries()) {
    const proposal = { session: "s", sequence: before + 1, after: 0, atMs: 0, command };
    const entry = { index: before + 1, term: 1, type: "command", payload: jsonCodec.encode(proposal) } as const;
    committed.add(entry, { node: 0, term: 1 });
  }
  return { at, checker: new ClientChecker(at, committed, jsonCodec) };
}

function done(version: number): { ok: true; version: number; changed: boolean; resource: null } {
  return { ok: true, version, changed: true, resource: null };
}

test("ClientChecker finds an acknowledged write that is not in the log where it was said to be", () => {
  const { at, checker } = clients([START]);
  checker.onOutcome("web", START, done(1));
  checker.check(undefined);
  expect(at.failure).toBeNull();
  checker.onOutcome("web", STOP, done(1));
  checker.check(undefined);
  expect(at.failure).toMatchObject({ invariant: "acknowledged-is-committed" });
});

test("ClientChecker finds a read that does not see what was acknowledged before it began", () => {
  const { at, checker } = clients([START, STOP]);
  const floor = checker.readFloor;
  checker.onOutcome("web", STOP, done(2));
  checker.onRead(0, 1, floor);
  expect(at.failure).toBeNull();
  checker.onRead(0, 1, checker.readFloor);
  expect(at.failure).toMatchObject({ invariant: "reads-are-linearizable" });
});

test("ClientChecker finds at the end that an acknowledged write does not show", () => {
  const running = (value: boolean): ClusterView => {
    const vm = { kind: "Vm", spec: { running: value } } as Vm;
    return { applied: 2, fingerprint: "", level: 1, get: () => vm, list: () => [vm], coordination };
  };
  const { at, checker } = clients([START, STOP]);
  checker.onOutcome("web", START, done(1));
  checker.checkEnd(running(true));
  // A later write about the same VM may have undone it.
  expect(at.failure).toBeNull();
  checker.onOutcome("web", STOP, done(2));
  checker.checkEnd(running(false));
  expect(at.failure).toBeNull();
  checker.checkEnd(running(true));
  expect(at.failure).toMatchObject({ invariant: "acknowledged-is-kept" });
});

test("ClientChecker finds a proposal that acts again where the log repeats it", () => {
  const at = timeline();
  const committed = new CommittedLog(at);
  const payload = jsonCodec.encode({ session: "s", sequence: 1, after: 0, atMs: 0, command: START });
  for (const index of [1, 2]) committed.add({ index, term: 1, type: "command", payload }, { node: 0, term: 1 });
  const changedAt = (version: number): ClusterView => {
    const vm = { kind: "Vm", metadata: { version } } as Vm;
    return { applied: 2, fingerprint: "", level: 1, get: () => vm, list: () => [vm], coordination };
  };
  const checker = new ClientChecker(at, committed, jsonCodec);
  checker.check(changedAt(1));
  expect(at.failure).toBeNull();
  const again = new ClientChecker(at, committed, jsonCodec);
  again.check(changedAt(2));
  expect(at.failure).toMatchObject({ invariant: "acts-at-most-once" });
});

function copy(node: number, fence: number, clock: { valid: boolean } = { valid: true }): Copy {
  return { key: "ledger", node, fence, isValid: () => clock.valid };
}

test("TenureChecker finds a second holder, and lets the next begin when the first is over, ended or gone", () => {
  for (const over of ["its tenure", "itself", "its process", "nothing"] as const) {
    const at = timeline();
    const checker = new TenureChecker(at);
    const clock = { valid: true };
    const first = copy(0, 5, clock);
    checker.onBegin(first);
    checker.onAct(first);
    if (over === "its tenure") clock.valid = false;
    if (over === "itself") checker.onEnd(first);
    if (over === "its process") checker.onNodeEnd(0);
    checker.onBegin(copy(1, 9));
    if (over === "nothing") expect(at.failure).toMatchObject({ invariant: "one-holder-acts" });
    else expect(at.failure, over).toBeNull();
  }
});

test("TenureChecker finds a holder that acts after one with a larger fence has", () => {
  const at = timeline();
  const checker = new TenureChecker(at);
  const [first, second] = [copy(0, 5, { valid: false }), copy(1, 9)];
  for (const one of [first, second]) {
    checker.onBegin(one);
    checker.onAct(one);
  }
  expect(at.failure).toBeNull();
  checker.onEnd(second);
  checker.onAct(first);
  expect(at.failure).toMatchObject({ invariant: "acts-in-order-of-fences" });
});

test("ReliableChecker finds what is doubled, out of order, passed over or missing", () => {
  const seen = (
    ...numbers: readonly number[]
  ): { readonly invariant: string | undefined; readonly missing: string | null } => {
    const at = timeline();
    const checker = new ReliableChecker(at);
    for (const number of [1, 2, 3]) checker.onTaken({ producer: 0, number });
    for (const number of numbers) checker.onRecorded({ producer: 0, number });
    return { invariant: at.failure?.invariant, missing: checker.missing() };
  };
  expect(seen(1, 2, 3)).toEqual({ invariant: undefined, missing: null });
  expect(seen(1, 2).missing).toContain("message 3 of node 0");
  expect(seen(1, 1).invariant).toBe("reliable-once");
  expect(seen(1, 3).invariant).toBe("reliable-never-lost");
  expect(seen(1, 2, 3, 0).invariant).toBe("reliable-in-order");
});
