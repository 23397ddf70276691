/**
 * The faults found in real Raft systems, by their number in the list of this project; each test puts a member in the
 * situation of that fault. Others have a test beside what they concern: 7, 8 in quorum.test.ts; 10, 20, 27 in
 * raft-log.test.ts; 5, 22 in the log store's tests; 35 to 44 in test/sim/liveness/. `RaftCluster` checks the invariants after every step.
 */
import { describe, expect, test } from "vitest";
import { createConfiguration } from "../../../actors/raft/core/configuration.ts";
import { RaftInvariantError } from "../../../actors/raft/core/invariant.ts";
import { brokenRules } from "../../../actors/raft/core/planted-faults.ts";
import { RaftCore } from "../../../actors/raft/core/raft-core.ts";
import { createRandom, EMPTY_LOG, type HardState, type LogEntry } from "../../../runtime/index.ts";
import { RaftCluster } from "./raft-cluster.ts";

/** Three members, `a` leads term 1, all have its no-op. */
function cluster(...names: readonly string[]): RaftCluster {
  const made = new RaftCluster(names.length === 0 ? ["a", "b", "c"] : names);
  made.timeout(made.nodes.keys().next().value ?? "a");
  made.deliver();
  return made;
}

/** A core by itself, with a log of `terms` on disk. */
function core(hardState: Partial<HardState>, ...terms: readonly number[]): RaftCore {
  const entries = terms.map((term, at): LogEntry => ({
    index: at + 1,
    term,
    type: "command",
    payload: new Uint8Array(0),
  }));
  const hard = { term: terms.at(-1) ?? 0, vote: null, commit: 0, ...hardState };
  const loaded = { ...EMPTY_LOG, hardState: hard, entries };
  const configuration = createConfiguration(["a", "b", "c"]);
  return new RaftCore({ self: "a", configuration, loaded, random: createRandom(1), nowMs: 0 });
}

/** The types of messages that leave now. */
function sent(of: RaftCore): readonly string[] {
  return of.takeReady(0).messages.map(({ message }) => message.type);
}

describe("safety", () => {
  test("1: an entry of an earlier term is not committed by counting (figure 8)", () => {
    const made = new RaftCluster(["a", "b", "c", "d", "e"], { limits: { entriesPerMessageMax: 1 } });
    expect(figure8(made)).toBe("replaced");
  });

  test("1, canary: with the rule broken the same steps commit it, and it is replaced", () => {
    const rules = brokenRules([1]);
    const made = new RaftCluster(["a", "b", "c", "d", "e"], { limits: { entriesPerMessageMax: 1 }, rules });
    expect(() => figure8(made)).toThrow(/safety|committed|on \d disks/);
  });

  test("3: a vote whose write failed is never answered", () => {
    const made = cluster();
    made.node("b").holdsWrites = true;
    made.nowMs += 5000;
    made.inject("c", "b", { type: "vote-request", term: 2, lastIndex: 1, lastTerm: 1, transfer: false });
    expect(made.node("b").write?.write.hardState).toEqual({ term: 2, vote: "c", commit: 1 });
    made.run(3000);
    expect(made.messages.filter(({ from, message }) => from === "b" && message.type === "vote-response")).toEqual([]);
  });

  test("4: no request for a vote leaves before the own vote is durable", () => {
    const made = cluster();
    made.node("b").holdsWrites = true;
    made.nowMs += 5000;
    made.timeout("b");
    made.deliver();
    expect(made.core("b").status()).toMatchObject({ role: "candidate", term: 2 });
    expect(made.messages.concat(made.drop(() => true))).toEqual([]);
    made.persist("b");
    expect(made.messages.map(({ message }) => message.type)).toEqual(["vote-request", "vote-request"]);
  });

  test("5: term, vote and entries go in one write", () => {
    const made = cluster();
    made.nowMs += 5000;
    made.node("b").holdsWrites = true;
    made.inject("c", "b", { type: "vote-request", term: 7, lastIndex: 1, lastTerm: 1, transfer: false });
    expect(made.node("b").write?.write).toEqual({ hardState: { term: 7, vote: "c", commit: 1 }, entries: [] });
  });

  test("6: a later term that arrives while the leader writes leaves no entry in a term it does not lead", () => {
    const made = cluster();
    made.node("a").holdsWrites = true;
    made.propose("a", "x");
    made.inject("b", "a", { type: "heartbeat", term: 2, commit: 1, round: 0 });
    expect(made.propose("a", "y")).toEqual({ ok: false, code: "not-leader", leader: "b" });
    made.node("a").holdsWrites = false;
    made.persist("a");
    expect(
      made
        .core("a")
        .entries(1, 9)
        .map(({ term }) => term),
    ).toEqual([1, 1]);
    expect(made.core("a").status()).toMatchObject({ term: 2, role: "follower", commit: 1 });
  });

  test("8: who is no voter neither elects nor commits", () => {
    const made = cluster();
    made.propose("a", "x");
    for (let sequence = 1; sequence < 9; sequence++) {
      made.inject("learner", "a", { type: "append-response", term: 1, sequence, ok: true, match: 2 });
    }
    expect(made.core("a").status().commit).toBe(1);
    made.nowMs += 5000;
    made.timeout("b");
    for (const voter of ["x", "y", "z"]) {
      made.inject(voter, "b", { type: "pre-vote-response", term: 2, granted: true });
    }
    expect(made.core("b").status().role).toBe("pre-candidate");
  });

  test("9: logs are compared by the last term first", () => {
    const granted = (lastIndex: number, lastTerm: number): boolean | undefined => {
      const voter = core({ term: 5 }, 1, 3, 3);
      voter.step(
        { type: "message", from: "b", message: { type: "pre-vote-request", term: 6, lastIndex, lastTerm } },
        0,
      );
      const [answer] = voter.takeReady(0).messages;
      return answer?.message.type === "pre-vote-response" ? answer.message.granted : undefined;
    };
    expect([granted(1, 4), granted(3, 3), granted(4, 3)]).toEqual([true, true, true]);
    expect([granted(99, 2), granted(2, 3)]).toEqual([false, false]);
  });

  test("10: a delayed append deletes nothing", () => {
    const made = cluster();
    made.propose("a", "x");
    const early = made.messages.find(({ to }) => to === "b");
    made.deliver();
    made.propose("a", "y", "z");
    made.deliver();
    if (early) made.inject("a", "b", early.message);
    expect(made.core("b").status()).toMatchObject({ lastIndex: 4, commit: 4 });
  });

  test("12: a new leader answers no read before it has committed in its own term", () => {
    const made = cluster();
    made.crash("a");
    made.nowMs += 5000;
    made.timeout("b");
    made.deliver(({ message }) => !message.type.startsWith("append"));
    made.read("b", "r1");
    made.deliver(({ message }) => !message.type.startsWith("append"));
    expect(made.core("b").status()).toMatchObject({ role: "leader", commit: 1 });
    expect(made.node("b").reads).toEqual([]);
    made.deliver();
    expect(made.node("b").reads).toEqual([{ id: "r1", ok: true, index: 2 }]);
  });

  test("13: an acknowledgement of an earlier round confirms no later read", () => {
    const made = cluster();
    made.read("a", "r1");
    const early = made.drop(({ to }) => to === "b");
    made.deliver();
    expect(made.node("a").reads).toHaveLength(1);
    made.read("a", "r2");
    made.drop(() => true);
    for (const { message } of early) made.inject("a", "b", message);
    made.deliver();
    expect(made.node("a").reads).toHaveLength(1);
  });

  test("13: a follower takes no answer to a question of before its restart", () => {
    const made = cluster();
    made.read("c", "r1");
    made.deliver(({ message }) => message.type !== "read-response");
    const answers = made.drop(({ message }) => message.type === "read-response");
    expect(answers).toHaveLength(1);
    made.crash("c");
    made.restart("c");
    made.run(100);
    made.read("c", "r2");
    made.drop(() => true);
    for (const { message } of answers) made.inject("a", "c", message);
    expect(made.node("c").reads).toEqual([]);
  });

  test("14: after a restart no read is answered from the commit index that was on disk", () => {
    const made = cluster();
    made.propose("a", "x");
    made.deliver();
    for (const name of ["a", "b", "c"]) made.crash(name);
    for (const name of ["a", "b", "c"]) made.restart(name);
    expect(made.core("b").status().commit).toBe(1);
    made.timeout("b");
    made.deliver();
    made.read("b", "r1");
    made.deliver();
    expect(made.node("b").reads).toEqual([{ id: "r1", ok: true, index: 3 }]);
  });

  test("15: a leader that is cut off answers no read, and refuses it when it steps down", () => {
    const made = cluster();
    made.partition(["a"], ["b", "c"]);
    made.read("a", "r1");
    made.run(3000);
    expect(made.node("a").reads).toEqual([{ id: "r1", ok: false, code: "leader-changed" }]);
    expect(made.leader()).not.toBe("a");
  });

  test("17: a second leader of a term is an error, not a leader to follow", () => {
    const made = cluster();
    const message = { type: "heartbeat", term: 1, commit: 1, round: 0 } as const;
    expect(() => made.core("b").step({ type: "message", from: "c", message }, 0)).toThrow(RaftInvariantError);
    expect(() => made.core("a").step({ type: "message", from: "c", message }, 0)).toThrow("two leaders");
  });

  test("18: a leader that was replaced gives up what it had not committed", () => {
    const made = cluster();
    made.partition(["a"], ["b", "c"]);
    made.propose("a", "lost");
    made.run(3000);
    made.propose(made.leader() ?? "", "kept");
    made.deliver();
    made.heal();
    made.run(1000);
    expect(made.appliedTexts("a")).toEqual(["kept"]);
  });

  test("19: a cluster of one commits nothing before it is durable", () => {
    const made = new RaftCluster(["a"]);
    made.node("a").holdsWrites = true;
    made.propose("a", "x");
    expect(made.core("a").status()).toMatchObject({ role: "leader", commit: 1, lastIndex: 2 });
    made.persist("a");
    expect(made.appliedTexts("a")).toEqual(["x"]);
  });

  test("19: a candidate alone becomes leader only when its vote is durable", () => {
    const loaded = { ...EMPTY_LOG, hardState: { term: 3, vote: null, commit: 0 } };
    const configuration = createConfiguration(["a"]);
    const alone = new RaftCore({ self: "a", configuration, loaded, random: createRandom(1), nowMs: 0 });
    const { write } = alone.takeReady(0);
    expect(alone.status().role).toBe("candidate");
    alone.step({ type: "persisted", token: write?.token ?? 0 }, 1);
    expect(alone.status().role).toBe("leader");
  });

  test("21: what was applied anywhere survives the loss of power at all nodes", () => {
    const made = cluster();
    made.node("b").holdsWrites = true;
    made.propose("a", "x");
    made.deliver();
    expect(made.appliedTexts("a")).toEqual(["x"]);
    for (const name of ["a", "b", "c"]) made.crash(name);
    made.node("b").holdsWrites = false;
    for (const name of ["a", "b", "c"]) made.restart(name);
    made.run(3000);
    for (const name of ["a", "b", "c"]) expect(made.appliedTexts(name)).toEqual(["x"]);
  });

  test("21: a follower acknowledges nothing that it still writes", () => {
    const made = cluster();
    made.node("b").holdsWrites = true;
    made.propose("a", "x");
    made.deliver(({ to }) => to === "b");
    expect(made.messages.filter(({ from }) => from === "b")).toEqual([]);
  });

  test("27: an acknowledgement that waits for a write is dropped when the term moves on", () => {
    const made = cluster();
    made.node("b").holdsWrites = true;
    made.propose("a", "x");
    made.deliver(({ to }) => to === "b");
    made.inject("c", "b", { type: "heartbeat", term: 2, commit: 1, round: 0 });
    made.node("b").holdsWrites = false;
    made.persist("b");
    expect(made.messages.filter(({ from, to }) => from === "b" && to === "a")).toEqual([]);
  });

  test("30: a heartbeat's commit index moves nobody beyond what the leader's appends have shown", () => {
    const follower = core({ term: 2, commit: 1 }, 1, 1, 1);
    follower.step({ type: "message", from: "b", message: { type: "heartbeat", term: 2, commit: 3, round: 0 } }, 0);
    expect(follower.status().commit).toBe(1);
  });

  test("31: a commit index beyond the log does no harm, and the lost entries are sent again", () => {
    const made = cluster();
    made.propose("a", "x", "y");
    made.deliver();
    made.crash("b");
    const { disk } = made.node("b");
    disk.entries = disk.entries.slice(0, 1);
    disk.hardState = { ...disk.hardState, commit: 1 };
    made.restart("b");
    made.propose("a", "z");
    made.deliver();
    made.run(500);
    expect(made.appliedTexts("b")).toEqual(["x", "y", "z"]);
    expect(made.node("a").alarms).toEqual([{ type: "peer-lost-entries", peer: "b", acknowledged: 3, present: 1 }]);
  });

  test("31: a log shorter than its own commit index is refused at the start", () => {
    expect(() => core({ commit: 3 }, 1, 1)).toThrow("Commit 3 is beyond the log, which ends at 2");
  });

  test("34: a candidate outside the own configuration can be voted for, and followed", () => {
    const voter = core({ term: 1 }, 1);
    voter.step(
      {
        type: "message",
        from: "new",
        message: { type: "vote-request", term: 2, lastIndex: 1, lastTerm: 1, transfer: false },
      },
      0,
    );
    const { write } = voter.takeReady(0);
    expect(write?.write.hardState).toMatchObject({ term: 2, vote: "new" });
    voter.step({ type: "persisted", token: write?.token ?? 0 }, 0);
    expect(sent(voter)).toEqual(["vote-response"]);
    voter.step({ type: "message", from: "new", message: { type: "heartbeat", term: 2, commit: 0, round: 0 } }, 0);
    expect(voter.status().leader).toBe("new");
  });
});

describe("limits", () => {
  test("propose() refuses what is too large, and too much that waits for commit", () => {
    const made = new RaftCluster(["a", "b", "c"], { limits: { payloadBytesMax: 10, uncommittedBytesMax: 25 } });
    made.timeout("a");
    made.deliver();
    expect(made.propose("a", "x".repeat(11))).toEqual({
      ok: false,
      code: "too-large",
      sizeBytes: 11,
      sizeBytesMax: 10,
    });
    for (let count = 0; count < 2; count++) expect(made.propose("a", "x".repeat(10)).ok).toBe(true);
    expect(made.propose("a", "x".repeat(6))).toEqual({ ok: false, code: "overloaded" });
    expect(made.propose("a", "x".repeat(5)).ok).toBe(true);
    made.deliver();
    // Nothing is under way: more than the quota at once is taken, or it never could be.
    expect(made.propose("a", ..."xyz".split("").map((text) => text.repeat(10))).ok).toBe(true);
    expect(made.propose("a", "x")).toEqual({ ok: false, code: "overloaded" });
  });

  test("a read beyond the limit is refused, and one that is never answered fails by time", () => {
    const made = new RaftCluster(["a", "b", "c"], { limits: { pendingReadsMax: 2 } });
    made.timeout("a");
    made.deliver();
    for (const id of ["r1", "r2", "r3"]) made.read("c", id);
    expect(made.node("c").reads).toEqual([{ id: "r3", ok: false, code: "overloaded" }]);
    made.drop(() => true);
    // Heartbeats keep c with its leader; the questions are lost.
    made.run(1250);
    expect(made.node("c").reads.slice(1)).toEqual([
      { id: "r1", ok: false, code: "timeout" },
      { id: "r2", ok: false, code: "timeout" },
    ]);
  });
});

/** The steps of figure 8 of the paper; what became of the entry "old" at the end. */
function figure8(made: RaftCluster): "replaced" | "kept" {
  const between = (...names: readonly string[]) => {
    return ({ from, to }: { readonly from: string; readonly to: string }): boolean =>
      names.includes(from) && names.includes(to);
  };
  const elect = (name: string, ...voters: readonly string[]): void => {
    // Once to learn a later term from a refusal, once to win.
    for (let attempt = 0; attempt < 3 && made.core(name).status().role !== "leader"; attempt++) {
      made.nowMs += 5000;
      made.timeout(name);
      made.deliver((message) => between(name, ...voters)(message) && message.message.type.includes("vote"));
    }
    expect(made.core(name).status().role).toBe("leader");
  };
  made.timeout("a");
  made.deliver();
  made.propose("a", "old");
  made.deliver(between("a", "b"));
  made.drop(() => true);
  made.crash("a");
  elect("e", "c", "d");
  made.drop(() => true);
  made.crash("e");
  made.restart("a");
  elect("a", "b", "c", "d");
  // b gets all, so "old" is on a, b and c; the no-op of the new term, sent to c next since each has a message of its own, is
  // lost. A majority has "old", and only a minority the entry of the leader's own term.
  made.deliver(between("a", "b"));
  made.deliver(
    (message) => between("a", "c")(message) && !(made.core("c").status().lastIndex === 2 && message.to === "c"),
  );
  expect(made.core("c").entries(2, 2)[0]?.type).toBe("command");
  made.drop(() => true);
  made.crash("a");
  made.restart("e");
  elect("e", "c", "d");
  made.run(1000);
  return made.appliedTexts("e").includes("old") ? "kept" : "replaced";
}
