/** Moments in words, and words in lines. */
import { expect, test } from "vitest";
import { clockTime, count, length } from "../../../sim/report/figures.ts";
import { fill, whoIsMeant, wordsOf, wrap } from "../../../sim/report/words.ts";
import { makeMessage, makeMoments, makeRecord, said } from "./make-record.ts";

const RECORD = makeRecord({});

test("wordsOf() tells what came, what became of it, and once what went to several", () => {
  const came = makeMessage({ from: 2, to: 0, sentIn: 0, arrivals: [{ atUs: 250_000, moment: 1 }] });
  const sent = [1, 2].map((to) => makeMessage({ from: 0, to, sentIn: 1, kind: "vote", fields: "yes" }));
  const lost = makeMessage({ from: 0, to: 1, sentIn: 1, kind: "bye", fields: "", lost: { atUs: 1, why: "cut" } });
  const [moment] = makeMoments([
    {
      lane: 0,
      facts: [
        ...[...sent, lost].map((message) => ({ type: "send", message }) as const),
        { type: "role", role: "leader", term: 4 },
        said("writes"),
        said("writes"),
        { type: "receive", message: came },
      ],
    },
  ]);
  expect(moment === undefined ? [] : wordsOf(moment, RECORD)).toEqual([
    "← n3: append term 2 (250 ms under way)",
    "writes (2 times)",
    "leads term 4",
    "→ n2, n3: vote yes (not arrived by the end)",
    "→ n2: bye  (lost: cut)",
  ]);
});

test("wrap() breaks at blanks, and words that are longer than a line anywhere", () => {
  expect(wrap("one two three four", 10)).toEqual(["one two", "  three", "  four"]);
  expect(wrap("x".repeat(25), 10)).toEqual(["x".repeat(10), `  ${"x".repeat(8)}`, `  ${"x".repeat(7)}`]);
  expect(wrap("", 10)).toEqual([""]);
});

test("fill() puts short words beside each other, and each arrow on a line of its own", () => {
  expect(fill(["← a: b", "one", "two", "three four", "→ c: d", "→ e: f"], 12)).toEqual([
    ...["← a: b", "one · two", "three four", "→ c: d", "→ e: f"],
  ]);
});

test("whoIsMeant() gives names to numbers that a message has", () => {
  expect(whoIsMeant("Term 2 has two leaders, node 0 and node 2", RECORD)).toBe("node 0 is n1, node 2 is n3");
  expect(whoIsMeant("node 7 and nobody", RECORD)).toBeNull();
  expect(whoIsMeant("n1 leads", RECORD)).toBeNull();
});

test("figures are told in the unit that fits, to the digit that counts", () => {
  expect([0, 999, 1500, 14_840, 2_130_000, 119_000_000, 150_000_000, 8e9].map((us) => length(us))).toEqual([
    ...["0 µs", "999 µs", "1.5 ms", "14.8 ms", "2.13 s", "119 s", "2.5 min", "2.22 h"],
  ]);
  expect([0, 4_932_341, 61_000_000.4].map((us) => clockTime(us))).toEqual(["0.000 000", "4.932 341", "61.000 000"]);
  expect([7, 1234, 1_234_567].map((value) => count(value))).toEqual(["7", "1,234", "1,234,567"]);
});
