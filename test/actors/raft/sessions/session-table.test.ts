/** Each (session, sequence) acts at most once, whatever is repeated, forgotten, and carried over in a snapshot. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { SessionTable, type SessionUse } from "../../../../actors/raft/sessions/session-table.ts";

const MAX = 4;
const EXPIRY_MS = 100;

/** The same rules, slow and simple: everything that ever happened, and which sessions stand. */
class Model {
  readonly acted = new Map<string, number>();
  readonly #sessions = new Map<string, { sequence: number; usedAt: number; usedAtMs: number; first: number }>();
  #forgottenThrough = 0;

  judge({ session: id, sequence, after }: SessionUse): { type: string; first?: number } {
    const session = this.#sessions.get(id);
    if (session === undefined) return { type: after < this.#forgottenThrough ? "expired" : "act" };
    if (sequence === session.sequence) return { type: "repeat", first: session.first };
    return { type: sequence > session.sequence ? "act" : "superseded" };
  }

  remember({ session, sequence }: SessionUse, index: number, timeMs: number): void {
    this.#sessions.set(session, { sequence, usedAt: index, usedAtMs: timeMs, first: index });
    while (this.#sessions.size > MAX) this.#forget(this.#oldest());
  }

  expire(timeMs: number): void {
    for (const [id, { usedAtMs }] of [...this.#sessions]) if (timeMs - usedAtMs >= EXPIRY_MS) this.#forget(id);
  }

  #oldest(): string {
    return [...this.#sessions].toSorted(([, a], [, b]) => a.usedAt - b.usedAt)[0]?.[0] ?? "";
  }

  #forget(id: string): void {
    this.#forgottenThrough = Math.max(this.#forgottenThrough, this.#sessions.get(id)?.usedAt ?? 0);
    this.#sessions.delete(id);
  }
}

const session = fc.constantFrom("a", "b", "c", "d", "e", "f");
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("new" as const), session, lag: fc.nat(3) }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant("retry" as const), back: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("time" as const), byMs: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("restore" as const) }) },
);

test("judge() lets each (session, sequence) act at most once, as a model that keeps everything does", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.array(step, { minLength: 60, maxLength: 120, size: "max" }), (steps) => {
      let table = new SessionTable<number>({ max: MAX, expiryMs: EXPIRY_MS });
      const model = new Model();
      const sequences = new Map<string, number>();
      const made: SessionUse[] = [];
      const acted = new Set<string>();
      let [index, timeMs] = [0, 0];
      for (const each of steps) {
        if (each.type === "time") {
          timeMs += each.byMs;
          table.expire(timeMs);
          model.expire(timeMs);
          continue;
        }
        if (each.type === "restore") {
          const restored = new SessionTable<number>({ max: MAX, expiryMs: EXPIRY_MS });
          restored.restore(table.view());
          expect(restored.view()).toEqual(table.view());
          table = restored;
          continue;
        }
        const retried = each.type === "retry" ? made.at(-1 - each.back) : undefined;
        const name = each.type === "new" ? each.session : "a";
        const sequence = (sequences.get(name) ?? 0) + 1;
        const lag = each.type === "new" ? each.lag : 0;
        const use = retried ?? { session: name, sequence, after: Math.max(0, index - lag) };
        if (retried === undefined) {
          sequences.set(name, sequence);
          made.push(use);
        }
        index += 1;
        const verdict = table.judge(use);
        expect(verdict).toEqual(model.judge(use));
        seen.add(verdict.type);
        if (verdict.type !== "act") continue;
        const key = `${use.session}/${use.sequence}`;
        expect(acted).not.toContain(key);
        acted.add(key);
        table.remember(use, { index, timeMs, first: index });
        model.remember(use, index, timeMs);
      }
    }),
    { numRuns: 300, seed: 11 },
  );
  expect([...seen].toSorted()).toEqual(["act", "expired", "repeat", "superseded"]);
});

test("expire() forgets what was not used for so long, and its late repetition is told", () => {
  const table = new SessionTable<string>({ expiryMs: 1000 });
  table.remember({ session: "a", sequence: 1, after: 0 }, { index: 5, timeMs: 0, first: "a1" });
  table.remember({ session: "b", sequence: 1, after: 0 }, { index: 6, timeMs: 1, first: "b1" });
  table.expire(999);
  expect(table.size).toBe(2);
  table.expire(1000);
  expect(table.judge({ session: "b", sequence: 1, after: 0 })).toEqual({ type: "repeat", first: "b1" });
  expect(table.judge({ session: "a", sequence: 1, after: 4 })).toEqual({ type: "expired" });
  // Made after the last use of whatever is forgotten, so it cannot be a repetition.
  expect(table.judge({ session: "a", sequence: 2, after: 5 })).toEqual({ type: "act" });
});

test("view() stands still while the table goes on", () => {
  const table = new SessionTable<string>({ max: 1 });
  table.remember({ session: "a", sequence: 1, after: 0 }, { index: 1, timeMs: 0, first: "a1" });
  const view = table.view();
  table.remember({ session: "b", sequence: 1, after: 0 }, { index: 2, timeMs: 0, first: "b1" });
  expect(view).toMatchObject({ forgottenThrough: 0, sessions: [["a", { first: "a1" }]] });
  expect(table.view()).toMatchObject({ forgottenThrough: 1, sessions: [["b", { first: "b1" }]] });
});

test("restore() tells the listener what goes and what comes", () => {
  const told: string[] = [];
  const listener = { put: (id: string) => told.push(`+${id}`), remove: (id: string) => told.push(`-${id}`) };
  const table = new SessionTable<string>({ listener });
  const from = new SessionTable<string>();
  table.remember({ session: "a", sequence: 1, after: 0 }, { index: 1, timeMs: 0, first: "a1" });
  from.remember({ session: "b", sequence: 1, after: 0 }, { index: 1, timeMs: 0, first: "b1" });
  table.restore(from.view());
  expect(told).toEqual(["+a", "-a", "+b"]);
});
