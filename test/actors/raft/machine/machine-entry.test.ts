/** What the machine layer writes into the log, it reads back. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { packCommands } from "../../../../actors/raft/machine/command-batch.ts";
import { decodeEntry, encodeCommands, encodeTime, isSession } from "../../../../actors/raft/machine/machine-entry.ts";
import { UINT48_MAX } from "../../../../actors/raft/machine/uint48.ts";

const uint48 = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: UINT48_MAX }), fc.constant(UINT48_MAX));
const name = fc.string({
  minLength: 1,
  maxLength: 64,
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((c) => String.fromCharCode(c)),
});
const use = fc.record({ session: name, sequence: uint48, after: uint48 });

test("decodeEntry() gives back the commands of a block and the sessions of those that have one", () => {
  const command = fc.record({ bytes: fc.uint8Array({ maxLength: 300 }), session: fc.option(use, { nil: undefined }) });
  fc.assert(
    fc.property(uint48, uint48, fc.array(command, { maxLength: 10 }), (life, number, given) => {
      const commands = given.map(({ bytes, session }, id) => (session ? { id, bytes, session } : { id, bytes }));
      for (const { session } of given) if (session) expect(isSession(session)).toBe(true);
      const entry = decodeEntry(encodeCommands({ life, number }, commands));
      const sessions = given.flatMap(({ session }, at) => (session ? [[at, session] as const] : []));
      expect(entry).toMatchObject({ type: "commands", life, number });
      if (entry.type !== "commands") throw new Error("unreachable");
      expect(entry.commands.map((bytes) => [...bytes])).toEqual(given.map(({ bytes }) => [...bytes]));
      expect([...(entry.sessions ?? [])]).toEqual(sessions);
    }),
    { numRuns: 200, seed: 9 },
  );
});

test("decodeEntry() gives back replicated time, and refuses what it does not know by name", () => {
  expect(decodeEntry(encodeTime(UINT48_MAX))).toEqual({ type: "time", toMs: UINT48_MAX });
  expect(() => decodeEntry(packCommands([new Uint8Array([9, 1])]))).toThrow("its kind 9 is unknown to this version");
  expect(() => decodeEntry(new Uint8Array(0))).toThrow("its kind undefined is unknown");
});

test("isSession() refuses names and numbers that cannot be written down", () => {
  const good = { session: "client-1", sequence: 1, after: 0 };
  expect(isSession(good)).toBe(true);
  for (const session of ["", "x".repeat(65), "ü", "a\n"]) expect(isSession({ ...good, session })).toBe(false);
  for (const sequence of [-1, 0.5, Number.NaN, 2 ** 48]) expect(isSession({ ...good, sequence })).toBe(false);
  expect(isSession({ ...good, after: -1 })).toBe(false);
});
