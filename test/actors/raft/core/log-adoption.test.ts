/** What a member takes of a log that does not lead: only what it has asked for, and nothing in place of what a leader counts on. */
import { expect, test } from "vitest";
import type { LogPart } from "../../../../actors/raft/core/messages.ts";
import { RaftCluster } from "../raft-cluster.ts";

/** `b` has three entries of term 1, and is told by `a` in term 4 that they are the leader's, too. Then it hears nobody. */
function followed(): RaftCluster {
  const cluster = new RaftCluster(["a", "b", "c"]);
  cluster.restartWith("b", [1, 1, 1], 3);
  const append = { sequence: 1, previousIndex: 3, previousTerm: 1, entries: [], commit: 0 } as const;
  cluster.inject("a", "b", { type: "append", term: 4, ...append });
  expect(cluster.drop(() => true)).toMatchObject([
    { to: "a", message: { type: "append-response", ok: true, match: 3 } },
  ]);
  return cluster;
}

/** It polls again and again, in vain. */
function alone(cluster: RaftCluster): RaftCluster {
  cluster.partition(["b"]);
  cluster.run(6000);
  cluster.drop(() => true);
  expect(cluster.core("b").status()).toMatchObject({ role: "pre-candidate", term: 4 });
  return cluster;
}

/** Behind `previous`, entries of these terms; all of the sender's log unless more is said. */
function part(previous: readonly [number, number], terms: readonly number[], more: Partial<LogPart> = {}): LogPart {
  const [previousIndex, previousTerm] = previous;
  const entries = terms.map((term, at) => {
    return { index: previousIndex + 1 + at, term, type: "command", payload: new Uint8Array(0) } as const;
  });
  const end = { lastIndex: previousIndex + terms.length, lastTerm: terms.at(-1) ?? previousTerm };
  return { type: "log-part", term: 4, ...end, previousIndex, previousTerm, entries, ...more };
}

const termsOf = (cluster: RaftCluster): readonly number[] =>
  cluster
    .core("b")
    .entries(1, 99)
    .map(({ term }) => term);
const asked = (cluster: RaftCluster): readonly unknown[] =>
  cluster.drop(({ message }) => message.type === "log-request").map(({ message }) => message);

test("adoptLog() takes what goes on where the own log ends, asks for the rest, and polls when it has all", () => {
  const cluster = alone(followed());
  cluster.inject("c", "b", part([3, 1], [4], { lastIndex: 5, lastTerm: 4 }));
  expect(termsOf(cluster)).toEqual([1, 1, 1, 4]);
  expect(asked(cluster)).toMatchObject([{ lastIndex: 4, lastTerm: 4, previousIndex: 4, previousTerm: 4 }]);
  cluster.inject("c", "b", part([4, 4], [4]));
  const poll = { type: "pre-vote-request", term: 5, lastIndex: 5, lastTerm: 4 };
  expect(cluster.messages.map(({ message }) => message)).toEqual([poll, poll]);
  // Nothing of it is acknowledged, committed or voted for.
  expect(cluster.core("b").status()).toMatchObject({ term: 4, vote: null, commit: 0, durable: 5 });
});

test("adoptLog() replaces nothing that it may have acknowledged to a leader of this term", () => {
  const cluster = alone(followed());
  cluster.inject("c", "b", part([1, 1], [2, 2]));
  expect([termsOf(cluster), asked(cluster)]).toEqual([[1, 1, 1], []]);
});

test("adoptLog() replaces what conflicts with a better log, where it knows of no leader of this term", () => {
  const cluster = followed();
  cluster.crash("b");
  cluster.restart("b");
  alone(cluster);
  cluster.inject("c", "b", part([1, 1], [2]));
  expect(termsOf(cluster)).toEqual([1, 2]);
  // A log that is not better is not taken, whoever sends it.
  cluster.inject("c", "b", part([1, 1], [1, 1, 1, 1]));
  expect(termsOf(cluster)).toEqual([1, 2]);
});

test("adoptLog() asks further back where the logs differ, and each time further than before", () => {
  const cluster = new RaftCluster(["a", "b", "c"]);
  cluster.restartWith("b", [1, 1, 3], 4);
  alone(cluster);
  cluster.inject("c", "b", part([3, 2], [4]));
  expect(asked(cluster)).toMatchObject([{ previousIndex: 2, previousTerm: 1 }]);
  cluster.inject("c", "b", part([2, 2], [2, 4]));
  expect(asked(cluster)).toMatchObject([{ previousIndex: 1, previousTerm: 1 }]);
  expect(termsOf(cluster)).toEqual([1, 1, 3]);
  cluster.inject("c", "b", part([1, 1], [2, 2, 4]));
  expect(termsOf(cluster)).toEqual([1, 2, 2, 4]);
});

test("adoptLog() asks for nothing behind a part that is a repetition: another request is under way", () => {
  const cluster = alone(followed());
  const first = part([3, 1], [4], { lastIndex: 5, lastTerm: 4 });
  cluster.inject("c", "b", first);
  cluster.inject("a", "b", first);
  expect(asked(cluster)).toHaveLength(1);
});

/** Of five, `b` alone hears a quorum. `c` and `d` have better logs, which differ by more than a message holds. */
function torn(): RaftCluster {
  const cluster = new RaftCluster(["a", "b", "c", "d", "e"], { limits: { entriesPerMessageMax: 1 } });
  cluster.restartWith("b", [1], 7);
  cluster.restartWith("c", [1, 5, 5, 5], 7);
  cluster.restartWith("d", [1, 3, 3, 3, 7], 7);
  for (const name of ["a", "e"]) cluster.crash(name);
  cluster.cut("c", "d");
  cluster.cut("d", "c");
  return cluster;
}

test("adoptLog() takes the best of two logs that differ, which else would replace each other without an end", () => {
  const cluster = torn();
  cluster.run(8000);
  expect(cluster.core("b").status()).toMatchObject({ role: "leader", commit: 6 });
  expect(termsOf(cluster).slice(0, 5)).toEqual([1, 3, 3, 3, 7]);
});

test("adoptLog() takes a worse log again when nothing of the better one was taken for an attempt", () => {
  const cluster = followed();
  cluster.crash("b");
  cluster.restart("b");
  alone(cluster);
  const worse = part([1, 1], [1, 1, 1], { lastIndex: 9, lastTerm: 2 });
  cluster.inject("c", "b", part([1, 1], [2], { lastIndex: 9, lastTerm: 3 }));
  for (let attempt = 0; attempt < 2; attempt++) {
    cluster.inject("a", "b", worse);
    expect(termsOf(cluster)).toEqual([1, 2]);
    cluster.timeout("b");
  }
  cluster.inject("a", "b", worse);
  expect(termsOf(cluster)).toEqual([1, 1, 1, 1]);
});

test("a part that was not asked for, has gaps, or comes from a stranger changes nothing", () => {
  const early = followed();
  early.inject("c", "b", part([3, 1], [4]));
  expect(termsOf(early)).toEqual([1, 1, 1]);
  const cluster = alone(followed());
  cluster.inject("z", "b", part([3, 1], [4]));
  const [entry] = part([6, 1], [4]).entries;
  if (entry) cluster.inject("c", "b", { ...part([3, 1], [4]), entries: [entry] });
  cluster.inject("c", "b", part([3, 1], [9], { lastTerm: 4 }));
  cluster.inject("c", "b", part([3, 1], [4], { lastTerm: 9 }));
  expect(termsOf(cluster)).toEqual([1, 1, 1]);
  expect(cluster.core("b").status().refusals).toMatchObject({ "entries-out-of-order": 2, malformed: 1 });
});

test("answerLogRequest() sends nothing to a log as good as its own, nor what is compacted away", () => {
  const cluster = new RaftCluster(["a", "b", "c"], { limits: { trailingEntries: 0 } });
  cluster.timeout("a");
  cluster.deliver();
  for (const text of ["x", "y", "z"]) cluster.propose("a", text);
  cluster.deliver();
  cluster.snapshot("c");
  cluster.run(2000);
  cluster.partition(["c"]);
  cluster.run(3000);
  cluster.drop(() => true);
  const { lastIndex, lastTerm, base, term } = cluster.core("c").status();
  const ask = (index: number, last: number): readonly unknown[] => {
    const request = { lastIndex: last, lastTerm, previousIndex: index, previousTerm: lastTerm };
    cluster.inject("b", "c", { type: "log-request", term, ...request });
    return cluster.drop(({ message }) => message.type === "log-part");
  };
  expect([base, lastIndex]).toEqual([4, 4]);
  expect(ask(4, 4)).toEqual([]);
  expect(ask(3, 3)).toEqual([]);
});
