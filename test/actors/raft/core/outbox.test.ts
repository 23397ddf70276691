/** What may leave when. */
import { expect, test } from "vitest";
import type { RaftMessage } from "../../../../actors/raft/core/messages.ts";
import { Outbox } from "../../../../actors/raft/core/outbox.ts";

const ack = (sequence: number, match: number): RaftMessage => ({
  type: "append-response",
  term: 1,
  sequence,
  ok: true,
  match,
});
const vote: RaftMessage = { type: "vote-response", term: 1, granted: true };
const said = (
  messages: readonly { readonly to: string; readonly message: RaftMessage }[] | undefined,
): readonly unknown[] => (messages ?? []).map(({ to, message }) => [to, message]);

test("a message that waits for nothing leaves at once, in order", () => {
  const outbox = new Outbox();
  outbox.send("b", vote);
  outbox.sendWhenDurable("b", ack(1, 5), false);
  expect(said(outbox.take())).toEqual([
    ["b", vote],
    ["b", ack(1, 5)],
  ]);
  expect(outbox.take()).toEqual([]);
});

test("a message waits for the write that holds what it promises, and for no earlier one", () => {
  const outbox = new Outbox();
  const first = outbox.beginWrite();
  outbox.sendWhenDurable("b", vote, false);
  outbox.sendWhenDurable("c", vote, true);
  expect(said(outbox.endWrite(first))).toEqual([["b", vote]]);
  const second = outbox.beginWrite();
  expect(outbox.endWrite(first)).toBeUndefined();
  expect(said(outbox.endWrite(second))).toEqual([["c", vote]]);
});

test("appends that wait for one write are acknowledged by one answer, with the highest index", () => {
  const outbox = new Outbox();
  outbox.sendWhenDurable("a", ack(1, 5), true);
  outbox.sendWhenDurable("a", ack(2, 9), true);
  // A repeated one, late.
  outbox.sendWhenDurable("a", ack(1, 5), true);
  outbox.sendWhenDurable("b", ack(3, 7), true);
  outbox.sendWhenDurable(
    "b",
    { type: "append-response", term: 1, sequence: 4, ok: false, hintIndex: 1, hintTerm: 1 },
    true,
  );
  const token = outbox.beginWrite();
  // This one promises what the next write holds.
  outbox.sendWhenDurable("b", ack(5, 8), true);
  expect(said(outbox.endWrite(token))).toEqual([
    ["a", ack(1, 9)],
    ["b", ack(3, 7)],
    ["b", { type: "append-response", term: 1, sequence: 4, ok: false, hintIndex: 1, hintTerm: 1 }],
  ]);
});

test("dropHeld() forgets what waits and nothing else", () => {
  const outbox = new Outbox();
  outbox.send("b", vote);
  outbox.sendWhenDurable("b", ack(1, 5), true);
  outbox.dropHeld();
  expect(outbox.endWrite(outbox.beginWrite())).toEqual([]);
  expect(said(outbox.take())).toEqual([["b", vote]]);
});

test("acknowledgements are one answer also when a vote was answered between them, so that repeated messages do not pile up", () => {
  const outbox = new Outbox();
  for (let round = 1; round <= 100; round++) {
    outbox.sendWhenDurable("a", ack(round, round), true);
    outbox.sendWhenDurable("b", ack(round, 1), true);
  }
  outbox.sendWhenDurable("a", vote, true);
  outbox.sendWhenDurable("a", ack(101, 7), true);
  expect(said(outbox.endWrite(outbox.beginWrite()))).toEqual([
    ["a", ack(101, 100)],
    ["b", ack(100, 1)],
    ["a", vote],
  ]);
});
