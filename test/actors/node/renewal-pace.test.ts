/** When nodes renew: by themselves as often as they must, with others at the same time. */
import { expect, test } from "vitest";
import type { Node } from "../../../actors/index.ts";
import { isRenewal, RenewalPace } from "../../../actors/node/renewal-pace.ts";
import { createRandom } from "../../../runtime/index.ts";

const RENEW_MS = 2000;

test("a renewal is due a pause after the last was asked for, and a little sooner once one has been seen", () => {
  const pace = new RenewalPace(RENEW_MS);
  pace.asked(10_000);
  expect(pace.dueMs).toBe(12_000);
  expect(pace.seen(10_020)).toBe(false);
  expect(pace.dueMs).toBe(11_920);
  // Seen late, it is due when it would be without the others.
  pace.seen(10_500);
  expect(pace.dueMs).toBe(12_000);
});

test("whose own renewal is half a pause old joins others, and no sooner", () => {
  const pace = new RenewalPace(RENEW_MS);
  pace.asked(10_000);
  expect(pace.seen(10_999)).toBe(false);
  expect(pace.seen(11_000)).toBe(true);
  pace.asking();
  expect(pace.seen(11_500)).toBe(false);
});

interface Life {
  readonly pace: RenewalPace;
  readonly offsetMs: number;
  readonly asked: number[];
  dueMs: number;
}

test("nodes that began at any time renew together after a while, never later than a pause after their last", () => {
  const random = createRandom(7);
  const lives: readonly Life[] = Array.from({ length: 9 }, () => {
    const dueMs = random.next() * RENEW_MS;
    return { pace: new RenewalPace(RENEW_MS), offsetMs: random.next() * 1e6, asked: [], dueMs };
  });
  /** What has been proposed and is applied then, at each node a little later. */
  const applied: { readonly life: Life; readonly atMs: number }[] = [];
  const ask = (life: Life, nowMs: number): void => {
    life.pace.asked(nowMs + life.offsetMs);
    life.asked.push(nowMs);
    life.dueMs = Infinity;
    const commitMs = nowMs + 5 + random.next() * 30;
    for (const other of lives) applied.push({ life: other, atMs: commitMs + random.next() * 10 });
  };
  for (let nowMs = 0; nowMs < 20_000; nowMs++) {
    for (const life of lives) if (life.dueMs <= nowMs) ask(life, nowMs);
    for (const { life } of applied.filter(({ atMs }) => Math.ceil(atMs) === nowMs)) {
      const joins = life.pace.seen(nowMs + life.offsetMs);
      if (life.asked.length === 0) continue;
      if (joins) ask(life, nowMs);
      else life.dueMs = life.pace.dueMs - life.offsetMs;
    }
  }
  const pauses = lives.flatMap(({ asked }) => asked.slice(1).map((atMs, nth) => atMs - (asked[nth] as number)));
  expect(Math.max(...pauses)).toBeLessThanOrEqual(RENEW_MS);
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(RENEW_MS / 2);
  const last = lives.map(({ asked }) => asked.at(-1) as number);
  expect(Math.max(...last) - Math.min(...last)).toBeLessThan(50);
});

test("isRenewal() tells a renewal and a registration from all else that changes of a node", () => {
  const status = { phase: "Ready", epoch: 5, renewedAt: 9, sinceMs: 0 } as const;
  const at = (version: number, of: Partial<Node["status"]> = {}): Node => {
    const metadata = { name: "n1", uid: "node-5", version, generation: 1, createdAtMs: 0, labels: {} };
    return { kind: "Node", metadata, status: { ...status, ...of } } as Node;
  };
  expect(isRenewal({ type: "put", resource: at(9) })).toBe(true);
  expect(isRenewal({ type: "put", resource: at(10) })).toBe(false);
  expect(isRenewal({ type: "put", resource: at(9, { phase: "Lost" }) })).toBe(false);
  expect(isRenewal({ type: "delete", resource: at(9) })).toBe(false);
});
