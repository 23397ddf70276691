/** What a leader sends, to whom, how much, and when it counts as committed; and what becomes of it. Three members on a table. */
import { describe, expect, test } from "vitest";
import type { RaftMessage } from "../../../../actors/raft/core/messages.ts";
import type { RaftLimits } from "../../../../actors/raft/core/raft-options.ts";
import type { PeerStatus } from "../../../../actors/raft/core/ready.ts";
import { RaftCluster, type InFlight } from "../raft-cluster.ts";

/** `a` leads term 1, all have its no-op. */
function led(limits: Partial<RaftLimits> = {}): RaftCluster {
  const made = new RaftCluster(["a", "b", "c"], { limits });
  made.timeout("a");
  made.deliver();
  return made;
}

const peer = (made: RaftCluster, node: string): PeerStatus => {
  const found = made
    .core("a")
    .status()
    .peers.find((of) => of.node === node);
  if (!found) throw new Error(`a does not replicate to ${node}`);
  return found;
};
const appendsTo = (made: RaftCluster, node: string): readonly Extract<RaftMessage, { type: "append" }>[] =>
  made.messages.flatMap(({ to, message }) => (to === node && message.type === "append" ? [message] : []));
const is =
  (type: RaftMessage["type"]) =>
  ({ message }: InFlight): boolean =>
    message.type === type;
const texts = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from + 1 }, (_, at) => `${from + at}`);

describe("appends", () => {
  test("carry all that waits, up to the limits of a message and of the window", () => {
    const made = led({ entriesPerMessageMax: 3, appendsInFlightMax: 2 });
    made.propose("a", ...texts(1, 10));
    expect(appendsTo(made, "b").map(({ entries }) => entries.length)).toEqual([3, 3]);
    expect(peer(made, "b")).toMatchObject({ state: "replicate", next: 8, match: 1 });
    made.deliver();
    expect(made.appliedTexts("b")).toEqual(texts(1, 10));
  });

  test("are as large as the window in bytes allows, and one always goes", () => {
    const made = led({ bytesPerMessageMax: 10, bytesInFlightMax: 20, payloadBytesMax: 100 });
    made.propose("a", ..."vwxyz".split("").map((text) => text.repeat(10)));
    expect(appendsTo(made, "b")).toHaveLength(2);
    made.deliver();
    made.propose("a", "x".repeat(100), "y");
    expect(appendsTo(made, "b").map(({ entries }) => entries.length)).toEqual([1]);
    made.deliver();
    expect(made.appliedTexts("c")).toHaveLength(7);
  });

  test("that are sent again carry what has come since", () => {
    const made = new RaftCluster(["a", "b"], { limits: { appendsInFlightMax: 1 } });
    made.timeout("a");
    made.deliver();
    made.propose("a", "x");
    made.drop(({ to }) => to === "b");
    made.propose("a", "y");
    expect(appendsTo(made, "b")).toEqual([]);
    made.nowMs += 300;
    made.timeout("a");
    made.deliver(({ message }) => message.type !== "append");
    expect(appendsTo(made, "b").map(({ entries }) => entries.length)).toEqual([2]);
  });

  test("of one batch are the same for both followers, cut once", () => {
    const made = led();
    made.propose("a", "x", "y");
    const [toB] = appendsTo(made, "b");
    const [toC] = appendsTo(made, "c");
    expect(toB?.entries).toBe(toC?.entries);
  });

  test("to a follower that is silent fill its window; the others do not notice", () => {
    const made = led({ entriesPerMessageMax: 1, appendsInFlightMax: 4 });
    made.partition(["a", "b"]);
    for (const text of texts(1, 20)) {
      made.propose("a", text);
      made.deliver(({ to }) => to !== "c");
    }
    expect(made.appliedTexts("b")).toEqual(texts(1, 20));
    expect(appendsTo(made, "c")).toHaveLength(4);
    made.run(3000);
    expect(appendsTo(made, "c")).toHaveLength(0);
    made.heal();
    made.run(700);
    expect(made.appliedTexts("c")).toEqual(texts(1, 20));
  });

  test("that are lost are sent again one by one until the follower answers, and none while it answers nothing", () => {
    const made = led({ entriesPerMessageMax: 1 });
    made.propose("a", ...texts(1, 5));
    made.drop(({ to }) => to === "c");
    made.deliver();
    let sent = 0;
    for (let beat = 0; beat < 9; beat++) {
      made.timeout("a");
      made.deliver(({ message }) => message.type !== "append" && message.type !== "append-response");
      sent += made.drop(({ to, message }) => to === "c" && message.type === "append").length;
    }
    expect(sent).toBe(3);
    made.run(1000);
    expect(made.appliedTexts("c")).toEqual(texts(1, 5));
  });

  test("to a member whose disk hangs are sent once a retry interval, though it answers heartbeats", () => {
    const made = led({ entriesPerMessageMax: 1 });
    made.node("c").holdsWrites = true;
    made.propose("a", ...texts(1, 5));
    made.deliver();
    const before = made.trace.length;
    made.run(3000);
    const sent = made.trace.slice(before).filter((line) => line.startsWith("a -> c append "));
    expect(sent.length).toBeLessThanOrEqual(10);
    made.node("c").holdsWrites = false;
    made.persist("c");
    made.run(1000);
    expect(made.appliedTexts("c")).toEqual(texts(1, 5));
  });

  test("that are acknowledged together come as one answer from a follower that writes meanwhile", () => {
    const made = led({ entriesPerMessageMax: 1 });
    made.node("b").holdsWrites = true;
    made.propose("a", ...texts(1, 5));
    made.deliver(({ to }) => to === "b");
    made.persist("b");
    expect(made.messages.filter(({ from }) => from === "b")).toMatchObject([{ message: { ok: true, match: 2 } }]);
    made.persist("b");
    expect(made.messages.filter(({ from }) => from === "b").at(1)).toMatchObject({ message: { ok: true, match: 6 } });
  });
});

describe("commits", () => {
  test("need a quorum of disks, the leader's own among them or not (dissertation §10.2.1)", () => {
    const made = led();
    made.node("a").holdsWrites = true;
    made.propose("a", "x");
    made.deliver(({ from, to }) => from !== "c" && to !== "c");
    expect(made.core("a").status()).toMatchObject({ commit: 1, durable: 1, lastIndex: 2 });
    made.deliver();
    expect(made.core("a").status()).toMatchObject({ commit: 2, durable: 1, applied: 2 });
    // It forgets what it applied, and is given it again.
    made.crash("a");
    made.node("a").holdsWrites = false;
    made.restart("a");
    made.run(3000);
    expect(made.appliedTexts("a")).toEqual(["x"]);
  });

  test("are written as a hint only as far as the entries are on disk", () => {
    const made = led();
    made.node("a").holdsWrites = true;
    made.propose("a", "x");
    made.deliver();
    made.propose("a", "y");
    made.deliver();
    expect(made.core("a").status().commit).toBe(3);
    made.persist("a");
    expect(made.node("a").write?.write).toMatchObject({ hardState: { commit: 2 }, entries: [{ index: 3 }] });
  });

  test("alone cause no write", () => {
    const made = led();
    made.propose("a", "x");
    made.deliver();
    const before = made.trace.length;
    made.run(1000);
    expect(made.trace.slice(before).filter((line) => line.includes(" write "))).toEqual([]);
    expect(made.node("b").disk.hardState.commit).toBe(1);
  });

  test("count what came in one batch once: several acknowledgements are one commit, one round of appends", () => {
    const made = led({ entriesPerMessageMax: 1, appendsInFlightMax: 2 });
    const core = made.core("a");
    core.propose(
      ["x", "y", "z"].map((text) => new TextEncoder().encode(text)),
      0,
    );
    const { write } = core.takeReady(0);
    for (const [sequence, match] of [
      [3, 2],
      [4, 3],
    ] as const) {
      core.step(
        { type: "message", from: "b", message: { type: "append-response", term: 1, sequence, ok: true, match } },
        0,
      );
    }
    core.step({ type: "persisted", token: write?.token ?? 0 }, 0);
    const { committed, messages } = core.takeReady(0);
    expect(committed.map(({ index }) => index)).toEqual([2, 3]);
    expect(messages.map(({ to, message }) => `${to} ${message.type}`)).toEqual(["b append"]);
  });
});

describe("a follower that lost what it acknowledged (fault 31)", () => {
  test("is told once, gets it again, and nobody goes in circles", () => {
    const made = led({ entriesPerMessageMax: 2 });
    made.propose("a", ...texts(1, 9));
    made.deliver();
    made.crash("b");
    const { disk } = made.node("b");
    disk.entries = disk.entries.slice(0, 3);
    disk.hardState = { ...disk.hardState, commit: 1 };
    made.restart("b");
    const before = made.trace.length;
    made.propose("a", "x");
    made.deliver();
    made.run(1000);
    expect(made.appliedTexts("b")).toEqual([...texts(1, 9), "x"]);
    expect(made.node("a").alarms).toEqual([{ type: "peer-lost-entries", peer: "b", acknowledged: 10, present: 3 }]);
    expect(made.trace.slice(before).filter((line) => line.startsWith("a -> b append ")).length).toBeLessThan(8);
  });
});

describe("snapshots", () => {
  /** `c` hears nothing while `a` and `b` commit and `a` compacts. */
  function behind(limits: Partial<RaftLimits> = {}): RaftCluster {
    const made = led({ trailingEntries: 0, ...limits });
    made.partition(["a", "b"]);
    made.propose("a", ...texts(1, 9));
    made.deliver();
    made.snapshot("a");
    made.run(500);
    return made;
  }

  test("are wanted once, of a follower that is heard and needs what is compacted", () => {
    const made = behind();
    expect(made.core("a").status().base).toBe(10);
    expect(made.trace.filter((line) => line.includes("snapshot 10 for c"))).toEqual([]);
    made.heal();
    for (let beat = 0; beat < 5; beat++) {
      made.timeout("a");
      made.deliver(({ message }) => message.type !== "snapshot-offer");
    }
    expect(made.messages.filter(is("snapshot-offer"))).toHaveLength(1);
    expect(peer(made, "c")).toMatchObject({ state: "snapshot" });
    made.run(200);
    expect(peer(made, "c")).toMatchObject({ match: 10 });
    expect(made.appliedTexts("c")).toEqual(texts(1, 9));
  });

  test("under way hold up nobody else, and end when they do not move (fault 42)", () => {
    const made = behind();
    made.heal();
    made.timeout("a");
    made.deliver(({ message }) => message.type !== "snapshot-offer");
    made.drop(is("snapshot-offer"));
    expect(peer(made, "c").state).toBe("snapshot");
    made.partition(["a", "b"]);
    made.propose("a", "x");
    made.deliver();
    expect(made.appliedTexts("b")).toEqual([...texts(1, 9), "x"]);
    made.run(9000);
    expect(peer(made, "c").state).toBe("snapshot");
    made.run(2000);
    // Given up, and not begun again while it is not heard.
    expect(peer(made, "c").state).toBe("probe");
    made.heal();
    made.run(1000);
    expect(made.appliedTexts("c")).toEqual([...texts(1, 9), "x"]);
  });

  test("that move are not given up, however long they take", () => {
    const made = behind();
    made.heal();
    made.timeout("a");
    made.deliver(({ message }) => message.type !== "snapshot-offer");
    made.drop(is("snapshot-offer"));
    for (let second = 0; second < 30; second++) {
      made.run(1000);
      const report: RaftMessage = { type: "snapshot-report", term: 1, id: "none", next: second, state: "receiving" };
      made.core("a").step({ type: "message", from: "c", message: report }, made.nowMs);
      made.core("a").takeReady(made.nowMs);
    }
    expect(peer(made, "c").state).toBe("snapshot");
  });

  test("that failed are wanted again when the follower still needs one", () => {
    const made = behind();
    made.heal();
    made.timeout("a");
    made.deliver(({ message }) => message.type !== "snapshot-offer");
    made.drop(is("snapshot-offer"));
    made.step("a", { type: "snapshot-failed", member: "c" });
    expect(made.messages.filter(is("snapshot-offer"))).toHaveLength(1);
    made.deliver();
    expect(made.appliedTexts("c")).toEqual(texts(1, 9));
  });

  test("keep the entries behind them from being compacted while they are under way", () => {
    const made = behind();
    made.heal();
    made.timeout("a");
    made.deliver(({ message }) => message.type !== "snapshot-offer");
    made.propose("a", ...texts(10, 19));
    made.deliver(({ to }) => to !== "c");
    made.snapshot("a");
    expect(made.core("a").status().base).toBe(10);
    made.deliver();
    expect(made.core("a").status().base).toBe(20);
    made.run(100);
    expect(made.appliedTexts("c")).toEqual(texts(1, 19));
    expect(made.installs).toBe(1);
  });

  test("that are installed keep what the follower takes behind them, until nothing waits for it", () => {
    const made = behind();
    made.heal();
    made.timeout("a");
    made.deliver(({ message }) => message.type !== "snapshot-offer");
    made.propose("a", ...texts(10, 19));
    made.deliver(({ to, message }) => to !== "c" || message.type === "snapshot-offer");
    expect(peer(made, "c")).toMatchObject({ match: 10, state: "probe" });
    made.snapshot("a");
    expect(made.core("a").status().base).toBe(10);
    made.deliver();
    expect(made.core("a").status().base).toBe(20);
    expect([made.appliedTexts("c"), made.installs]).toEqual([texts(1, 19), 1]);
  });

  test("under way keep no more than four trailing windows and twice the snapshot", () => {
    const made = behind({ trailingBytesMax: 500 });
    made.heal();
    made.timeout("a");
    made.deliver(({ message }) => message.type !== "snapshot-offer");
    // An entry counts 128 bytes and its payload.
    made.propose("a", ...texts(10, 23));
    made.deliver(({ to }) => to !== "c");
    made.snapshot("a");
    expect(made.core("a").status().base).toBe(10);
    made.propose("a", ...texts(24, 30));
    made.deliver(({ to }) => to !== "c");
    made.snapshot("a");
    expect(made.core("a").status().base).toBe(31);
    made.step("a", { type: "snapshot-failed", member: "c" });
    made.run(1000);
    expect(made.appliedTexts("c")).toEqual(texts(1, 30));
  });

  test("whose entries the log has already are reported as installed, and change nothing (stale)", () => {
    const made = behind();
    made.heal();
    made.timeout("a");
    made.deliver(({ message }) => message.type !== "snapshot-offer");
    const offer = made.messages.find(is("snapshot-offer"));
    made.deliver();
    made.run(200);
    if (!offer) throw new Error("a offers no snapshot");
    const { core } = made.node("c");
    core?.step({ type: "message", from: "a", message: offer.message }, made.nowMs);
    expect(core?.takeReady(made.nowMs)).toMatchObject({
      snapshotTraffic: [],
      messages: [{ to: "a", message: { type: "snapshot-report", state: "installed" } }],
    });
    made.inject("a", "c", offer.message);
    expect(made.messages).toMatchObject([
      { from: "c", to: "a", message: { type: "snapshot-report", state: "installed" } },
    ]);
    expect([made.installs, made.core("c").status().applied]).toEqual([1, 10]);
  });

  test("are acknowledged by nothing before the log begins behind them on disk", () => {
    const made = behind();
    made.heal();
    made.timeout("a");
    made.node("c").holdsWrites = true;
    made.deliver();
    expect(made.node("c").write?.write).toMatchObject({ reset: { index: 10, term: 1 }, entries: [] });
    expect(made.trace.some((line) => line.startsWith("c -> a snapshot-report"))).toBe(false);
    // A crash here: the snapshot is durable, the log still ends before it (fault 24).
    made.crash("c");
    made.node("c").holdsWrites = false;
    made.restart("c");
    expect(made.core("c").status()).toMatchObject({ base: 10, commit: 10, applied: 10 });
    made.propose("a", "x");
    made.run(1500);
    expect(made.appliedTexts("c")).toEqual([...texts(1, 9), "x"]);
  });

  test("are wanted after one refusal of a log that conflicts with all that is left (fault 25)", () => {
    const made = new RaftCluster(["a", "b", "c"], { limits: { trailingEntries: 0 } });
    for (const name of ["a", "b"]) made.restartWith(name, [1, 3], 3);
    made.restartWith("c", [1, ...Array.from({ length: 30 }, () => 2)], 2);
    made.partition(["a", "b"]);
    made.timeout("a");
    made.deliver();
    made.propose("a", ...texts(1, 9));
    made.deliver();
    made.run(200);
    for (const name of ["a", "b"]) made.snapshot(name);
    made.propose("a", ...texts(10, 14));
    made.deliver();
    made.crash("a");
    made.heal();
    made.run(5000);
    expect(made.leader()).toBe("b");
    expect(made.core("c").status()).toMatchObject({ commit: made.core("b").status().commit });
    const sent = made.trace.filter((line) => line.startsWith("b -> c append ") || line.startsWith("b snapshot "));
    expect(sent.map((line) => line.split(" ").at(line.includes("->") ? 3 : 1))).toEqual([
      "append",
      "snapshot",
      "append",
    ]);
  });

  test("that replace more than they cover take back what was known to be equal", () => {
    const made = behind();
    made.heal();
    made.node("c").holdsWrites = true;
    made.timeout("a");
    made.deliver(({ message }) => message.type !== "snapshot-offer");
    made.propose("a", ...texts(10, 14));
    const entries = [...made.node("b").applied.slice(1), ...made.core("a").entries(11, 15)];
    made.inject("a", "c", {
      type: "append",
      term: 1,
      sequence: 2,
      previousIndex: 1,
      previousTerm: 1,
      entries,
      commit: 1,
    });
    expect(made.core("c").status().lastIndex).toBe(15);
    made.deliver(is("snapshot-offer"));
    expect(made.core("c").status()).toMatchObject({ lastIndex: 10, commit: 10 });
    made.inject("a", "c", { type: "heartbeat", term: 1, commit: 10, round: 0 });
    expect(made.messages.findLast(is("heartbeat-response"))?.message).toMatchObject({ matched: 10 });
    made.node("c").holdsWrites = false;
    made.persist("c");
    made.run(500);
    expect(made.appliedTexts("c")).toEqual(texts(1, 14));
  });

  test("end a campaign: votes were asked for with a log that they replace", () => {
    const made = behind();
    made.run(3000);
    expect(made.core("c").status().role).toBe("pre-candidate");
    const { snapshot } = made.node("a").disk;
    if (!snapshot) throw new Error("a has no snapshot");
    const { configuration } = made.core("c").status().configuration;
    made.core("c").step({ type: "snapshot-received", snapshot, configuration }, made.nowMs);
    expect(made.core("c").status()).toMatchObject({ role: "follower", commit: 10, lastIndex: 10 });
  });

  test("drop the promises of what they replace: an acknowledgement that waited for it is never sent", () => {
    const made = behind();
    made.heal();
    made.node("c").holdsWrites = true;
    made.timeout("a");
    made.deliver(({ message }) => message.type !== "snapshot-offer");
    // An append of before the partition, late: c takes it, and would acknowledge it when it is written.
    const late = { index: 2, term: 1, type: "command" as const, payload: new TextEncoder().encode("1") };
    made.inject("a", "c", {
      type: "append",
      term: 1,
      sequence: 2,
      previousIndex: 1,
      previousTerm: 1,
      entries: [late],
      commit: 1,
    });
    made.deliver();
    made.node("c").holdsWrites = false;
    made.persist("c");
    expect(made.messages.filter(({ from, message }) => from === "c" && message.type === "append-response")).toEqual([]);
    made.run(500);
    expect(made.appliedTexts("c")).toEqual(texts(1, 9));
  });
});

describe("what no leader sends", () => {
  test("is refused by name, counted, and changes nothing", () => {
    const made = led();
    made.propose("a", "x", "y");
    made.deliver();
    const before = made.core("b").status();
    const entry = { index: 9, term: 1, type: "command" as const, payload: new Uint8Array(0) };
    const append = {
      type: "append",
      term: 1,
      sequence: 9,
      previousIndex: 3,
      previousTerm: 1,
      entries: [entry],
      commit: 9,
    };
    made.inject("a", "b", append as RaftMessage);
    made.inject("a", "b", { ...append, entries: [{ ...entry, index: 4, term: 2 }] } as RaftMessage);
    made.inject("a", "b", { ...append, previousIndex: -5 } as RaftMessage);
    const large = Array.from({ length: 5000 }, (_, at) => ({ ...entry, index: 4 + at }));
    made.inject("a", "b", { ...append, entries: large } as RaftMessage);
    const { refusals, ...after } = made.core("b").status();
    expect(refusals).toMatchObject({ "entries-out-of-order": 3, "append-too-large": 1 });
    expect({ ...after, refusals: before.refusals }).toEqual(before);
    expect(made.messages).toEqual([]);
    made.propose("a", "z");
    made.deliver();
    made.run(300);
    expect(made.appliedTexts("b")).toEqual(["x", "y", "z"]);
  });

  test("nor a follower: an acknowledgement of entries that the leader has not counts for nothing", () => {
    const made = led();
    made.node("a").holdsWrites = true;
    made.propose("a", "x");
    made.inject("b", "a", { type: "append-response", term: 1, sequence: 3, ok: true, match: 99 });
    made.inject("b", "a", { type: "heartbeat-response", term: 1, round: 0, matched: 99 });
    expect(made.core("a").status()).toMatchObject({ commit: 1, refusals: { "acknowledged-beyond-log": 2 } });
    expect(peer(made, "b")).toMatchObject({ match: 1, next: 3 });
  });

  test("an append behind what is compacted here is no conflict (fault 11)", () => {
    const made = led({ trailingEntries: 0 });
    made.propose("a", ...texts(1, 5));
    made.deliver();
    made.snapshot("b");
    expect(made.core("b").status().base).toBe(6);
    const entries = made.core("a").entries(3, 6);
    const old = {
      type: "append",
      term: 1,
      sequence: 1,
      previousIndex: 2,
      previousTerm: 1,
      entries,
      commit: 3,
    } as const;
    made.inject("a", "b", old);
    expect(made.messages).toMatchObject([{ message: { type: "append-response", ok: true, match: 6 } }]);
  });
});
