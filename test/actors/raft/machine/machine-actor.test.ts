/** The machine actor's promises to those who ask, whatever Raft does. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { StoreError } from "../../../../runtime/index.ts";
import { unpackCommands } from "../../../../actors/raft/machine/command-batch.ts";
import { FakeLog } from "./fake-log.ts";
import { ascii, textOf } from "./sample-machine.ts";

let log: FakeLog;

beforeEach(() => {
  log = new FakeLog();
});

afterEach(() => log.system.stop());

const text = (reply: { readonly ok: boolean; readonly bytes?: Uint8Array } | undefined): string =>
  textOf(reply?.bytes ?? new Uint8Array(0));

function payload(at: number): Uint8Array {
  const message = log.proposals.at(at);
  if (message === undefined) throw new Error(`There is no proposal ${at}`);
  return message.payload;
}

test("execute answers once the command is applied here", () => {
  log.lead();
  log.mode = "takes";
  const replies = log.execute(["a=1", "a=2"]);
  expect(replies).toEqual([]);
  log.commit(payload(0));
  expect(replies).toMatchObject([
    { id: 0, ok: true, index: 1 },
    { id: 1, ok: true, index: 1 },
  ]);
  expect(replies.map(text)).toEqual(["1", "2"]);
});

test("execute of many in a turn is one entry, and one message of replies a receiver", () => {
  log.lead();
  const [first, second] = [log.collect(), log.collect()];
  for (let i = 0; i < 10; i++) log.tellExecute(i % 2 === 0 ? first.replyTo : second.replyTo, [`a=${i}`, `b=${i}`]);
  log.world.settle();
  expect(log.proposals).toHaveLength(1);
  expect([first.batches.length, second.batches.length]).toEqual([1, 1]);
  expect([first.replies.length, second.replies.length]).toEqual([10, 10]);
  expect(log.lists.lists.get("a")).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
});

test("execute cuts what waits into entries of a limited size, and a large command goes alone", () => {
  log.system.stop();
  log = new FakeLog({ blockBytes: 10 });
  log.lead();
  const replies = log.execute(["a=1", "a=2", "a=3", "a=4", "big=0123456789", "a=5"]);
  expect(log.proposals.map((_, at) => unpackCommands(payload(at)).length - 1)).toEqual([3, 1, 1, 1]);
  expect(replies.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(log.lists.lists.get("a")).toEqual(["1", "2", "3", "4", "5"]);
});

test("execute gathers while a block is on its way, until that is applied or the time is over", () => {
  log.lead();
  log.mode = "takes";
  log.execute(["a=1"]);
  for (const value of ["a=2", "a=3"]) log.execute([value]);
  expect(log.proposals).toHaveLength(1);
  log.commit(payload(0));
  expect(log.proposals).toHaveLength(2);
  log.execute(["a=4"]);
  expect(log.proposals).toHaveLength(2);
  log.world.advance(5);
  expect(log.proposals).toHaveLength(3);
  for (const at of [1, 2]) log.commit(payload(at));
  expect(log.lists.lists.get("a")).toEqual(["1", "2", "3", "4"]);
  log.execute(["a=5"]);
  expect(log.proposals).toHaveLength(4);
});

test("execute waits for those that a block of many has answered, until nearly all are back or a millisecond is over", () => {
  log.lead();
  log.mode = "takes";
  const many = (name: string, count: number): string[] => Array.from({ length: count }, (_, at) => `${name}=${at}`);
  log.execute(many("a", 10));
  log.execute(many("b", 10));
  log.commit(payload(0));
  expect(log.proposals).toHaveLength(1);
  log.execute(many("c", 8));
  expect(log.proposals).toHaveLength(1);
  // 19 of the 20 that were there.
  log.execute(["d=1"]);
  expect(log.proposals).toHaveLength(2);
  log.execute(["e=1"]);
  log.commit(payload(1));
  expect(log.proposals).toHaveLength(2);
  log.world.advance(1);
  expect(log.proposals).toHaveLength(3);
  // Nobody gathers behind it: nobody is waited for.
  log.commit(payload(2));
  log.execute(["f=1"]);
  expect(log.proposals).toHaveLength(4);
});

test("execute at a node that does not lead is refused with the leader's name, or taken there", () => {
  log.lead("n2");
  log.mode = "takes";
  expect(log.execute(["a=1"])).toEqual([{ id: 0, ok: false, code: "not-leader", leader: "n2", index: 0 }]);
  expect(log.proposals).toEqual([]);
  const replies = log.execute(["a=1"], { elsewhere: "forward" });
  expect(replies).toEqual([]);
  log.commit(payload(0));
  expect(replies).toMatchObject([{ id: 0, ok: true, index: 1 }]);
});

test("execute to be forwarded waits for a leader, and says so when there is none in time", () => {
  const late = log.execute(["a=1"], { elsewhere: "forward", timeoutMs: 5000 });
  const gone = log.execute(["a=2"], { elsewhere: "forward", timeoutMs: 300 });
  expect(log.proposals).toEqual([]);
  log.world.advance(400);
  expect(gone).toMatchObject([{ ok: false, code: "not-leader", leader: null }]);
  log.lead("n2");
  expect(late).toMatchObject([{ id: 0, ok: true }]);
  expect(log.lists.lists.get("a")).toEqual(["1"]);
});

test("execute that is refused is made again only if it may go elsewhere, until its time is over", () => {
  log.lead();
  log.mode = "refuses";
  const stays = log.execute(["a=1"]);
  const forwarded = log.execute(["a=2"], { elsewhere: "forward", timeoutMs: 1000 });
  expect(stays).toMatchObject([{ ok: false, code: "not-leader" }]);
  log.world.advance(350);
  expect(log.proposals.length).toBeGreaterThan(3);
  log.mode = "commits";
  log.world.advance(100);
  expect(forwarded).toMatchObject([{ ok: true, index: 1 }]);
  log.mode = "refuses";
  log.refusal = "read-only";
  const full = log.execute(["a=3"], { elsewhere: "forward", timeoutMs: 250 });
  log.world.advance(400);
  expect(full).toMatchObject([{ ok: false, code: "read-only" }]);
  expect(log.lists.lists.get("a")).toEqual(["2"]);
});

test("execute says overloaded and too-large as Raft does; of many only the large one is too large", () => {
  log.lead();
  log.mode = "refuses";
  log.refusal = "overloaded";
  expect(log.execute(["a=1"], { elsewhere: "forward" })).toMatchObject([{ ok: false, code: "overloaded" }]);
  log.refusal = "too-large";
  const before = log.proposals.length;
  expect(log.execute(["a=1", "a=2"])).toMatchObject([
    { id: 0, ok: false, code: "too-large" },
    { id: 1, ok: false, code: "too-large" },
  ]);
  // Together, then each by itself.
  expect(log.proposals.length - before).toBe(3);
});

test("execute without an answer is unknown at its deadline, and what comes later is nobody's", () => {
  log.lead();
  log.mode = "silent";
  const replies = log.execute(["a=1"], { timeoutMs: 500 });
  log.world.advance(600);
  expect(replies).toMatchObject([{ id: 0, ok: false, code: "unknown", leader: "n1" }]);
  log.commit(payload(0));
  expect(replies).toHaveLength(1);
  expect(log.lists.lists.get("a")).toEqual(["1"]);
});

test("execute that Raft does not answer is never made again by itself", () => {
  log.lead();
  log.mode = "silent";
  const replies = log.execute(["a=1"], { elsewhere: "forward", timeoutMs: 20_000 });
  log.world.advance(9000);
  log.lead("n2");
  log.world.advance(5000);
  expect([log.proposals.length, replies.length]).toEqual([1, 0]);
  log.commit(payload(0));
  expect(replies).toMatchObject([{ ok: true, index: 1 }]);
});

test("execute with sessions is made again under the next leader, and answered once, whichever comes first", () => {
  log.lead("n2");
  log.mode = "silent";
  const session = { session: "s", sequence: 1, after: 0 };
  const replies = log.execute([{ bytes: ascii("a=1"), session }], { elsewhere: "forward", timeoutMs: 20_000 });
  const mixed = log.execute([{ bytes: ascii("b=1"), session: { ...session, session: "t" } }, "b=2"], {
    elsewhere: "forward",
    timeoutMs: 20_000,
  });
  log.world.advance(5);
  expect(log.proposals).toHaveLength(2);
  log.lead("n3");
  expect(log.proposals).toHaveLength(3);
  log.commit(payload(0));
  expect([replies, mixed]).toEqual([[], []]);
  log.commit(payload(2));
  expect(replies).toMatchObject([{ ok: true, index: 1 }]);
  log.commit(payload(0));
  expect([replies.length, log.lists.lists.get("a")]).toEqual([1, ["1"]]);
  // Silence is no better than another leader.
  const late = log.execute([{ bytes: ascii("a=2"), session: { ...session, sequence: 2 } }], { elsewhere: "forward" });
  const before = log.proposals.length;
  log.world.advance(10);
  log.commit(payload(-1));
  expect([log.proposals.length - before, late]).toMatchObject([1, [{ ok: true }]]);
  log.world.advance(30_000);
  expect(mixed).toMatchObject([
    { id: 0, ok: false, code: "unknown" },
    { id: 1, ok: false, code: "unknown" },
  ]);
});

test("execute that waits to be made again is unknown and not refused: the attempt before may have been carried out", () => {
  log.lead("n2");
  log.mode = "silent";
  const session = { session: "s", sequence: 1, after: 0 };
  const replies = log.execute([{ bytes: ascii("a=1"), session }], { elsewhere: "forward", timeoutMs: 3000 });
  log.mode = "refuses";
  log.lead("n3");
  log.lead(null);
  expect(replies).toEqual([]);
  log.world.advance(4000);
  expect(replies).toMatchObject([{ id: 0, ok: false, code: "unknown" }]);
  log.commit(payload(0));
  expect(log.lists.lists.get("a")).toEqual(["1"]);
});

test("execute whose place another entry took is certainly not carried out", () => {
  log.lead();
  log.mode = "takes";
  const stays = log.execute(["a=1"]);
  const lost = payload(0);
  const forwarded = log.execute(["a=2"], { elsewhere: "forward" });
  expect([stays, forwarded]).toEqual([[], []]);
  // Another leader's entry stands at index 1.
  log.entries.push({ index: 1, term: 2, type: "noop", payload: new Uint8Array(0) });
  log.mode = "commits";
  log.emit({ type: "committed", entries: log.entries.slice(-1) });
  expect(stays).toMatchObject([{ ok: false, code: "not-leader" }]);
  log.world.advance(100);
  expect(forwarded).toMatchObject([{ ok: true, index: 2 }]);
  expect(log.proposals.map(({ payload: bytes }) => bytes)).not.toContain(lost.slice());
  expect(log.lists.lists.get("a")).toEqual(["2"]);
});

test("execute with a session acts once, is refused behind a later one, and by name when it is malformed", () => {
  log.lead();
  const session = { session: "s", sequence: 1, after: 0 };
  const bytes = ascii("a=1");
  const [first] = log.execute([{ bytes, session }]);
  expect(log.execute([{ bytes, session }])).toEqual([first]);
  expect(log.execute([{ bytes, session: { ...session, sequence: 0 } }])).toMatchObject([{ code: "session-moved-on" }]);
  expect(log.execute([{ bytes, session: { ...session, session: "" } }, "b=1"])).toMatchObject([
    { id: 0, ok: false, code: "invalid-session" },
    { id: 1, ok: true },
  ]);
  expect(log.lists.lists.get("a")).toEqual(["1"]);
});

test("sessions expire by replicated time, which the leader proposes only while something happens", () => {
  log.system.stop();
  log = new FakeLog({ sessions: { expiryMs: 15_000 } });
  log.lead();
  const request = { bytes: ascii("a=1"), session: { session: "s", sequence: 1, after: 0 } };
  log.execute([request]);
  log.world.advance(10_000);
  expect([log.proposals.length, log.view?.timeMs]).toEqual([2, 10_000]);
  log.world.advance(50_000);
  expect(log.proposals).toHaveLength(2);
  log.execute(["b=1"]);
  log.world.advance(10_000);
  expect([log.view?.timeMs, log.view?.sessions]).toEqual([70_000, 0]);
  expect(log.execute([request])).toMatchObject([{ ok: false, code: "session-expired", index: 5 }]);
  expect(log.execute([{ ...request, session: { session: "s", sequence: 2, after: 5 } }])).toMatchObject([{ ok: true }]);
  log.lead("n2");
  const { length } = log.proposals;
  log.world.advance(60_000);
  expect(log.proposals).toHaveLength(length);
});

test("query linearizable waits for the read index to be applied, stale does not", () => {
  log.lead();
  log.mode = "takes";
  log.answersReads = false;
  log.execute(["a=1"]);
  const replies = log.query(["a", "b"]);
  expect(log.query(["a"], "stale").map(text)).toEqual([""]);
  log.emit({ type: "read-ready", id: log.reads[0] ?? "", index: 1 });
  expect(replies).toEqual([]);
  log.commit(payload(0));
  expect(replies.map(text)).toEqual(["1", ""]);
});

test("query linearizable asks Raft once for all that wait, again after a failure, and ends at its deadline", () => {
  log.lead();
  log.answersReads = false;
  const first = log.query(["a"]);
  const later = [log.query(["a"]), log.query(["b"])];
  expect(log.reads).toHaveLength(1);
  log.emit({ type: "read-ready", id: log.reads[0] ?? "", index: 0 });
  expect([first.length, later.flat().length, log.reads.length]).toEqual([1, 0, 2]);
  log.emit({ type: "read-failed", id: log.reads[1] ?? "", code: "no-leader" });
  log.world.advance(100);
  expect(log.reads).toHaveLength(3);
  log.world.advance(1000);
  expect(later.flat()).toMatchObject([
    { ok: false, code: "unavailable" },
    { ok: false, code: "unavailable" },
  ]);
});

test("entries that were lost on the way are asked for again, and repeated ones skipped", () => {
  log.system.stop();
  log = new FakeLog({ gatherMs: 0 });
  log.lead();
  log.mode = "takes";
  for (const value of ["a=1", "a=2", "a=3"]) {
    log.execute([value]);
    log.append(payload(-1));
  }
  log.emit({ type: "committed", entries: log.entries.slice(2) });
  expect(log.said.at(-1)).toEqual({ type: "replay", fromIndex: 1 });
  log.emit({ type: "committed", entries: log.entries });
  log.emit({ type: "committed", entries: log.entries });
  expect(log.lists.lists.get("a")).toEqual(["1", "2", "3"]);
});

/** The chunks of a snapshot that is taken now, while `meanwhile` goes on. */
function snapshot(
  from: FakeLog,
  meanwhile?: () => void,
): readonly { readonly bytes: Uint8Array; readonly last: boolean }[] {
  from.emit({ type: "take-snapshot", request: 7 });
  expect(from.said.at(-1)).toEqual({ type: "snapshot-taken", request: 7, index: from.view?.applied });
  meanwhile?.();
  const chunks: { readonly bytes: Uint8Array; readonly last: boolean }[] = [];
  for (let number = 0; chunks.at(-1)?.last !== true; number++) {
    from.emit({ type: "next-chunk", request: 7, number });
    const said = from.said.at(-1);
    if (said?.type !== "snapshot-chunk") throw new Error(`There is no chunk ${number}`);
    expect(said).toMatchObject({ request: 7, number });
    chunks.push(said);
  }
  return chunks;
}

test("snapshotChunkBytes cuts a snapshot into chunks of that size", () => {
  log.system.stop();
  log = new FakeLog({ snapshotChunkBytes: 16 });
  log.lead();
  log.execute(["a=1", "b=a-longer-value-than-that"]);
  const sizes = snapshot(log).map(({ bytes }) => bytes.length);
  expect(sizes.length).toBeGreaterThan(2);
  expect(new Set(sizes.slice(0, -1))).toEqual(new Set([16]));
});

test("a snapshot is as of when it was taken, and restores all of it elsewhere", () => {
  log.lead();
  log.execute(["a=1", { bytes: ascii("a=2"), session: { session: "s", sequence: 1, after: 0 } }]);
  const chunks = snapshot(log, () => log.execute(["a=3"]));
  const said = log.said.length;
  log.emit({ type: "next-chunk", request: 7, number: 1 });
  log.emit({ type: "take-snapshot", request: 8 });
  log.emit({ type: "drop-snapshot", request: 8 });
  log.emit({ type: "next-chunk", request: 8, number: 0 });
  expect(log.said).toHaveLength(said + 1);

  const other = new FakeLog({ node: "n9" });
  for (const [number, { bytes, last }] of chunks.entries())
    other.emit({ type: "restore", index: 1, number, bytes, last });
  expect([other.view?.applied, other.lists.lists.get("a")]).toEqual([1, ["1", "2"]]);
  // Older than what it has: nothing comes of it.
  other.emit({ type: "restore", index: 1, number: 0, bytes: new Uint8Array(3), last: true });
  expect(other.view?.applied).toBe(1);
  other.system.stop();
});

test("a restore that jumps over what waits is answered by its session, or is unknown", () => {
  const other = new FakeLog({ node: "n9" });
  other.lead("n2");
  other.mode = "silent";
  const session = { session: "s", sequence: 1, after: 0 };
  const replies = other.execute([{ bytes: ascii("a=1"), session }, "a=2"], { elsewhere: "forward" });
  other.answersReads = false;
  const read = other.query(["a"]);
  other.emit({ type: "read-ready", id: other.reads[0] ?? "", index: 1 });
  log.lead();
  log.commit(other.proposals[0]?.payload ?? new Uint8Array(0));
  for (const [number, { bytes, last }] of snapshot(log).entries()) {
    other.emit({ type: "restore", index: 1, number, bytes, last });
  }
  expect(replies).toMatchObject([
    { id: 0, ok: true, index: 1, bytes: ascii("1") },
    { id: 1, ok: false, code: "unknown" },
  ]);
  expect(read.map(text)).toEqual(["1,2"]);
  other.system.stop();
});

test("a failed store leaves what may be in the log unknown, and refuses the rest by name", () => {
  const queued = log.execute(["a=1"], { elsewhere: "forward" });
  const waiting = log.query(["a"]);
  log.answersReads = false;
  const asked = log.query(["a"]);
  expect(waiting).toHaveLength(1);
  const error = new StoreError("store-full", { message: "no space left", path: "/data/log", hint: "free some space" });
  const other = new FakeLog({ node: "n9" });
  other.lead();
  other.mode = "takes";
  const pending = other.execute(["a=1"]);
  for (const each of [log, other]) each.emit({ type: "store-failed", error });
  expect(queued).toMatchObject([{ ok: false, code: "store-failed" }]);
  expect(asked).toMatchObject([{ ok: false, code: "store-failed" }]);
  expect(pending).toMatchObject([{ ok: false, code: "unknown" }]);
  expect(log.execute(["a=1"])).toMatchObject([{ ok: false, code: "store-failed" }]);
  expect(log.query(["a"])).toMatchObject([{ ok: false, code: "store-failed" }]);
  expect(log.query(["a"], "stale")).toMatchObject([{ ok: true }]);
  expect(log.events).toEqual([{ type: "store-failed", error }]);
  other.system.stop();
});

test("a snapshot that this version does not know takes the machine out of service, by name", () => {
  log.lead();
  log.execute(["a=1"]);
  const chunks = snapshot(log).map(({ bytes, last }) => ({ bytes: bytes.with(4, 9), last }));
  const other = new FakeLog({ node: "n9" });
  for (const [number, { bytes, last }] of chunks.entries()) {
    other.emit({ type: "restore", index: 1, number, bytes, last });
  }
  expect(other.events).toMatchObject([{ type: "store-failed", error: { code: "store-version" } }]);
  other.lead();
  expect(other.execute(["a=2"])).toMatchObject([{ ok: false, code: "store-failed" }]);
  other.emit({ type: "committed", entries: [{ index: 2, term: 1, type: "noop", payload: new Uint8Array(0) }] });
  expect(other.said).toEqual([]);
  other.system.stop();
});
