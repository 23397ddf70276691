/** The machine layer without actors: what is repeated acts once, over snapshots and expiry, the same at every member. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeCommands, encodeTime } from "../../../../actors/raft/machine/machine-entry.ts";
import type { MachineCommand } from "../../../../actors/raft/machine/machine-protocol.ts";
import type { Chunk } from "../../../../actors/raft/machine/record-stream.ts";
import { ReplicatedMachine } from "../../../../actors/raft/machine/replicated-machine.ts";
import type { LogEntry } from "../../../../runtime/index.ts";
import { ascii, Lists, textOf } from "./sample-machine.ts";

const LIMITS = { max: 3, expiryMs: 50 };
const ALL = () => true;

function entry(index: number, payload: Uint8Array): LogEntry {
  return { index, term: 1, type: "command", payload };
}

function block(commands: readonly MachineCommand[]): Uint8Array {
  return encodeCommands({ life: 1, number: 1 }, commands);
}

function chunksOf(machine: ReplicatedMachine): readonly Chunk[] {
  const source = machine.snapshot();
  const chunks: Chunk[] = [];
  do chunks.push(source.next());
  while (chunks.at(-1)?.last === false);
  return chunks;
}

function restored(chunks: readonly Chunk[], index: number): { lists: Lists; machine: ReplicatedMachine } {
  const lists = new Lists();
  const machine = new ReplicatedMachine(lists, LIMITS);
  for (const [number, chunk] of chunks.entries()) machine.restore({ index, number, ...chunk });
  return { lists, machine };
}

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant("block" as const),
      requests: fc.array(
        fc.record({
          session: fc.option(fc.constantFrom("a", "b", "c", "d", "e")),
          back: fc.option(fc.nat(12)),
          lag: fc.nat(2),
        }),
        { minLength: 1, maxLength: 4 },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("time" as const), byMs: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("snapshot" as const), later: fc.nat(3) }) },
);

test("apply() carries out each (session, sequence) at most once, also across snapshots and expiry", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.array(step, { minLength: 30, maxLength: 60, size: "max" }), (steps) => {
      // One member has seen every entry; the other one is made from a snapshot now and then.
      const whole = { lists: new Lists(), machine: new ReplicatedMachine(new Lists(), LIMITS) };
      whole.machine = new ReplicatedMachine(whole.lists, LIMITS);
      let other = { lists: new Lists(), machine: new ReplicatedMachine(new Lists(), LIMITS) };
      other.machine = new ReplicatedMachine(other.lists, LIMITS);
      const log: LogEntry[] = [];
      const sequences = new Map<string, number>();
      const made: MachineCommand[] = [];
      let [timeMs, ids] = [0, 0];
      for (const each of steps) {
        if (each.type === "snapshot") {
          // The member behind takes a snapshot of an earlier index and applies what comes after it.
          const { applied } = whole.machine;
          const at = Math.max(0, applied - each.later);
          const from = new ReplicatedMachine(new Lists(), LIMITS);
          for (const one of log.slice(0, at)) from.apply(one, ALL);
          if (at > 0) other = restored(chunksOf(from), at);
          else {
            const lists = new Lists();
            other = { lists, machine: new ReplicatedMachine(lists, LIMITS) };
          }
          for (const one of log.slice(at)) other.machine.apply(one, ALL);
          expect([...other.lists.lists]).toEqual([...whole.lists.lists]);
          continue;
        }
        const index = log.length + 1;
        if (each.type === "time") {
          timeMs += each.byMs;
          log.push(entry(index, encodeTime(timeMs)));
        } else {
          const commands = each.requests.map(({ session: name, back, lag }) => {
            const retried = back === null ? undefined : made.at(-1 - back);
            if (retried !== undefined) return retried;
            const id = ++ids;
            const bytes = ascii(`${name ?? "none"}=${id}`);
            if (name === null) return { id, bytes };
            const sequence = (sequences.get(name) ?? 0) + 1;
            sequences.set(name, sequence);
            const command = { id, bytes, session: { session: name, sequence, after: Math.max(0, index - 1 - lag) } };
            made.push(command);
            return command;
          });
          log.push(entry(index, block(commands)));
        }
        const [a, b] = [whole, other].map(({ machine }) => machine.apply(log[index - 1] as LogEntry, ALL));
        expect(a).toEqual(b);
        expect(other.machine.fingerprint).toBe(whole.machine.fingerprint);
        expect(whole.machine.timeMs).toBe(timeMs);
        for (const result of a?.results ?? [])
          seen.add(result.ok ? (result.index < index ? "repeated" : "acted") : result.code);
      }
      for (const list of whole.lists.lists.values()) expect(new Set(list).size).toBe(list.length);
    }),
    { numRuns: 150, seed: 21 },
  );
  expect([...seen].toSorted()).toEqual(["acted", "repeated", "session-expired", "session-moved-on"]);
});

test("apply() tells each command its place, unique though they share an entry", () => {
  const lists = new Lists();
  const machine = new ReplicatedMachine(lists);
  machine.apply({ index: 1, term: 1, type: "noop", payload: new Uint8Array(0) }, ALL);
  machine.apply(entry(2, encodeTime(7)), ALL);
  machine.apply(
    entry(
      3,
      block([
        { id: 1, bytes: ascii("a=1") },
        { id: 2, bytes: ascii("a=2") },
      ]),
    ),
    ALL,
  );
  expect(lists.applied).toEqual([
    { index: 3, position: 0, timeMs: 7 },
    { index: 3, position: 1, timeMs: 7 },
  ]);
  expect(() => machine.apply(entry(5, encodeTime(8)), ALL)).toThrow("Cannot apply entry 5 behind entry 3");
});

test("apply() gives results only to whom wants them, and time never goes back", () => {
  const machine = new ReplicatedMachine(new Lists());
  const asked: number[][] = [];
  const { results } = machine.apply(entry(1, encodeCommands({ life: 8, number: 4 }, [])), (...of) => {
    asked.push(of);
    return false;
  });
  expect([asked, results]).toEqual([[[8, 4]], null]);
  machine.apply(entry(2, encodeTime(50)), ALL);
  machine.apply(entry(3, encodeTime(20)), ALL);
  expect(machine.timeMs).toBe(50);
});

test("snapshot() stands still while the machine goes on, and holds what sessions remember", () => {
  const lists = new Lists();
  const machine = new ReplicatedMachine(lists, LIMITS);
  const session = { session: "s", sequence: 1, after: 0 };
  machine.apply(entry(1, block([{ id: 1, bytes: ascii("a=1"), session }])), ALL);
  const source = machine.snapshot();
  machine.apply(entry(2, block([{ id: 2, bytes: ascii("a=2") }])), ALL);
  const chunk = source.next();
  expect(chunk.last).toBe(true);
  const copy = restored([chunk], 1);
  expect(textOf(copy.machine.query(ascii("a")))).toBe("1");
  expect(copy.machine.recall(session)).toEqual({ ok: true, index: 1, bytes: ascii("1") });
  expect(copy.machine.recall({ ...session, sequence: 2 })).toBeNull();
});

test("restore() replaces nothing before the last chunk, begins anew at the first, and refuses what it does not know", () => {
  const from = new ReplicatedMachine(new Lists());
  from.apply(entry(1, block([{ id: 1, bytes: ascii("a=new") }])), ALL);
  const [chunk] = chunksOf(from) as [Chunk];
  const halves = [chunk.bytes.subarray(0, 7), chunk.bytes.subarray(7)] as const;
  const lists = new Lists();
  const machine = new ReplicatedMachine(lists);
  machine.restore({ index: 1, number: 0, bytes: halves[0], last: false });
  machine.restore({ index: 1, number: 0, bytes: halves[0], last: false });
  expect([machine.applied, lists.lists.size]).toEqual([0, 0]);
  machine.restore({ index: 1, number: 1, bytes: halves[1], last: true });
  expect([machine.applied, textOf(machine.query(ascii("a")))]).toEqual([1, "new"]);

  const other = chunk.bytes.slice();
  other[4] = 2;
  expect(() => new ReplicatedMachine(new Lists()).restore({ index: 1, number: 0, bytes: other, last: true })).toThrow(
    "Cannot restore the machine: its snapshot has format 2, this version knows 1",
  );
  expect(() => new ReplicatedMachine(new Lists()).restore({ index: 9, number: 0, ...chunk })).toThrow(
    "it holds the state as of 1, wanted 9",
  );
  expect(() =>
    new ReplicatedMachine(new Lists()).restore({ index: 1, number: 0, bytes: halves[0], last: true }),
  ).toThrow("its snapshot is not whole: it ends inside a record, after 0 sessions");
});
