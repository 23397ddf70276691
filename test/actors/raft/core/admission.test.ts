/** What a leader refuses because it would wait too long, alone and in a cluster that commits one entry a round trip. */
import { describe, expect, test } from "vitest";
import { Admission, type Urgency } from "../../../../actors/raft/core/admission.ts";
import { DEFAULT_RAFT_LIMITS } from "../../../../actors/raft/core/raft-options.ts";
import { RaftCluster } from "../raft-cluster.ts";

const ENTRY = new Uint8Array(1);

/** A queue that is appended to and committed by hand. */
class Queue {
  readonly admission: Admission;
  commit = 0;
  lastIndex = 0;
  nowMs = 0;

  constructor(uncommittedMsMax = 1000) {
    this.admission = new Admission({ ...DEFAULT_RAFT_LIMITS, uncommittedMsMax });
  }

  get uncommittedBytes(): number {
    return this.lastIndex - this.commit;
  }

  /** Undefined: they may come. */
  refusal(count = 1, urgency: Urgency = "ordinary"): number | null | undefined {
    const payloads = Array.from({ length: count }, () => ENTRY);
    const refusal = this.admission.refuse(payloads, urgency, this, this.nowMs);
    return refusal?.code === "overloaded" ? (refusal.retryAfterMs ?? null) : undefined;
  }

  append(count: number): void {
    this.lastIndex += count;
    this.admission.appended(this, this.nowMs);
  }

  /** One entry each `everyMs`, for `ms`. */
  drain(ms: number, everyMs: number): void {
    for (let passedMs = everyMs; passedMs <= ms; passedMs += everyMs) {
      this.nowMs += everyMs;
      this.commit = Math.min(this.lastIndex, this.commit + 1);
      this.admission.committed(this.commit);
    }
  }
}

describe("Admission", () => {
  test("takes any burst where the oldest entry is young", () => {
    const queue = new Queue();
    queue.append(5000);
    queue.nowMs = 199;
    expect(queue.refusal(5000)).toBeUndefined();
  });

  test("refuses behind what the cluster commits in a second, as soon as it is seen how many that are", () => {
    const queue = new Queue();
    queue.append(100);
    queue.drain(190, 10);
    expect(queue.refusal()).toBeUndefined();
    queue.drain(10, 10);
    // 20 in 200 ms: a hundred a second, and 80 wait.
    expect(queue.refusal(20)).toBeUndefined();
    expect(queue.refusal(21)).toBe(100);
    queue.append(220);
    // 320 would wait for 3 s.
    expect(queue.refusal()).toBe(2000);
    queue.drain(2200, 10);
    expect(queue.refusal()).toBeUndefined();
  });

  test("takes what is vital for four times as long", () => {
    const queue = new Queue();
    queue.append(399 + 20);
    queue.drain(200, 10);
    expect([queue.refusal(1), queue.refusal(1, "vital"), queue.refusal(2, "vital")]).toEqual([2000, undefined, 100]);
  });

  test("judges by age where nothing commits", () => {
    const queue = new Queue();
    queue.append(1);
    queue.nowMs = 1000;
    expect(queue.refusal()).toBeUndefined();
    queue.nowMs = 1001;
    expect([queue.refusal(), queue.refusal(1, "vital")]).toEqual([100, undefined]);
    queue.nowMs = 4500;
    expect([queue.refusal(), queue.refusal(1, "vital")]).toEqual([2000, 500]);
  });

  test("takes anything where nothing waits, and everything without a bound", () => {
    const queue = new Queue();
    queue.append(1);
    queue.drain(5000, 5000);
    expect(queue.refusal(10_000)).toBeUndefined();
    const unbounded = new Queue(Infinity);
    unbounded.append(10_000);
    unbounded.nowMs = 60_000;
    expect(unbounded.refusal()).toBeUndefined();
    expect(unbounded.admission.essence(60_000)).toEqual([]);
  });

  test("never refuses a cluster that keeps up, however much is under way at once", () => {
    const queue = new Queue();
    // A thousand clients, each with one proposal; a write of 300 ms in between.
    for (let round = 0; round < 50; round++) {
      expect(queue.refusal(1000)).toBeUndefined();
      queue.append(1000);
      queue.nowMs += round === 25 ? 300 : 20;
      expect(queue.refusal(100)).toBeUndefined();
      queue.append(100);
      queue.commit = queue.lastIndex;
      queue.admission.committed(queue.commit);
    }
  });

  test("keeps no more of what was committed than half of what it holds", () => {
    const queue = new Queue();
    for (let at = 0; at < 1000; at++) {
      queue.append(1);
      queue.nowMs += 2;
      queue.commit = Math.max(0, queue.lastIndex - 10);
      queue.admission.committed(queue.commit);
    }
    expect(queue.admission.essence(queue.nowMs)).toHaveLength(10);
  });
});

describe("a leader whose cluster commits one entry a round trip", () => {
  /** Proposes `texts` a round trip, for so many round trips of 30 ms. */
  function flood(texts: number, roundTrips: number): { readonly made: RaftCluster; readonly refused: number } {
    const limits = { entriesPerMessageMax: 1, appendsInFlightMax: 1 };
    const made = new RaftCluster(["a", "b", "c"], { limits });
    made.timeout("a");
    made.deliver();
    let refused = 0;
    for (let trip = 0; trip < roundTrips; trip++) {
      for (let at = 0; at < texts; at++) if (!made.propose("a", `${trip}-${at}`).ok) refused += 1;
      const under = new Set(made.messages);
      made.deliver((message) => under.has(message));
      made.nowMs += 30;
      const answers = new Set(made.messages);
      made.deliver((message) => answers.has(message));
    }
    return { made, refused };
  }

  test("has never more waiting than it commits in about a second, and still takes what is vital", () => {
    const { made, refused } = flood(5, 100);
    const { commit, lastIndex } = made.core("a").status();
    expect(refused).toBeGreaterThan(300);
    expect(commit).toBeGreaterThan(90);
    expect(lastIndex - commit).toBeLessThan(40);
    while (made.propose("a", "more").ok);
    expect(made.propose("a", "ordinary")).toEqual({ ok: false, code: "overloaded", retryAfterMs: 100 });
    expect(made.proposeAs("vital", "a", "lease")).toMatchObject({ ok: true });
  });

  test("takes all that comes no faster than it commits", () => {
    expect(flood(1, 100).refused).toBe(0);
  });
});
