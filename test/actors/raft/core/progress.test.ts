/** What a leader knows of a follower, against a follower that is a number: how far its log equals the leader's. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Progress, type LogMarks } from "../../../../actors/raft/core/progress.ts";

const LIMITS = { appendsInFlightMax: 4, bytesInFlightMax: 1000 };
const RETRY_MS = 300;

/** Appends of one entry each, of 10 bytes. */
function send(peer: Progress, lastIndex: number, nowMs = 0): readonly number[] {
  const sent: number[] = [];
  while (peer.maySend(LIMITS) && peer.next <= lastIndex) {
    sequence += 1;
    peer.sent(sequence, peer.next, 10, nowMs);
    sent.push(sequence);
  }
  return sent;
}
let sequence = 0;

/** In `replicate`, with everything up to `match` acknowledged. */
function replicating(match: number, nowMs = 0): Progress {
  const peer = new Progress("b", match, nowMs);
  send(peer, match, nowMs);
  peer.acknowledge(match, nowMs);
  expect([peer.state, peer.match, peer.next]).toEqual(["replicate", match, match + 1]);
  return peer;
}

interface Append {
  readonly sequence: number;
  readonly previousIndex: number;
  readonly lastIndex: number;
}
type Answer =
  | { readonly sequence: number; readonly match: number }
  | { readonly sequence: number; readonly hint: number };

test("over a network that loses, repeats and reorders, nothing unsent is believed, windows hold, and it catches up", () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.constant({ do: "grow" as const }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constantFrom("append" as const, "answer" as const),
        at: fc.nat(),
        fate: fc.nat({ max: 9 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.nat({ max: 400 }) }) },
    { weight: 1, arbitrary: fc.constant({ do: "restart" as const }) },
  );
  fc.assert(
    fc.property(fc.nat({ max: 6 }), fc.nat({ max: 6 }), fc.array(step, { maxLength: 150 }), (first, has, steps) => {
      let nowMs = 0;
      let number = 0;
      let last = first + 1;
      /** Entries of the follower that equal the leader's. It has `has` at the beginning, and never loses one. */
      let follower = Math.min(has, first);
      const peer = new Progress("b", last, nowMs);
      const appends: Append[] = [];
      const answers: Answer[] = [];
      const flush = (): number => {
        let sent = 0;
        while (peer.maySend(LIMITS) && (peer.next <= last || peer.owesProof)) {
          const previousIndex = peer.next - 1;
          const lastIndex = Math.min(last, previousIndex + 2);
          number += 1;
          sent += 1;
          peer.sent(number, lastIndex, (lastIndex - previousIndex) * 300, nowMs);
          appends.push({ sequence: number, previousIndex, lastIndex });
        }
        return sent;
      };
      const onAppend = (append: Append): void => {
        if (append.previousIndex > follower) answers.push({ sequence: append.sequence, hint: follower });
        else {
          follower = Math.max(follower, append.lastIndex);
          answers.push({ sequence: append.sequence, match: append.lastIndex });
        }
      };
      const onAnswer = (answer: Answer): void => {
        if ("match" in answer) peer.acknowledge(answer.match, nowMs);
        else if (peer.refused(answer.sequence) === "conflict") {
          // A follower that loses nothing gives no reason to go behind what it acknowledged.
          expect(answer.hint).toBeGreaterThanOrEqual(peer.match);
          peer.backOffTo(answer.hint);
        }
      };
      const take = <Message>(from: Message[], at: number, fate: number): Message | undefined => {
        const place = at % Math.max(1, from.length);
        return fate === 0 ? from[place] : from.splice(place, 1)[0];
      };
      const check = (): void => {
        expect(peer.match).toBeLessThanOrEqual(follower);
        expect(peer.next).toBeGreaterThan(peer.match);
        expect(peer.inFlight.size).toBeLessThanOrEqual(peer.state === "probe" ? 1 : LIMITS.appendsInFlightMax);
        // The last one in may pass the limit, one in the window at a time.
        expect(peer.inFlight.bytes).toBeLessThan(LIMITS.bytesInFlightMax + 600);
      };
      flush();
      for (const action of steps) {
        if (action.do === "grow") last += 1;
        else if (action.do === "pass") {
          nowMs += action.ms;
          peer.retryIfLost(RETRY_MS, nowMs);
        } else if (action.do === "restart") peer.showAgain(0);
        else {
          const append = action.do === "append" ? take(appends, action.at, action.fate) : undefined;
          const answer = action.do === "answer" ? take(answers, action.at, action.fate) : undefined;
          // A fate of 1 loses it, 0 repeats it.
          if (append && action.fate !== 1) onAppend(append);
          if (answer && action.fate !== 1) onAnswer(answer);
        }
        flush();
        check();
      }
      // The network is well again: nothing is lost or late, and what was on its way may arrive or not.
      appends.length = 0;
      let sent = 0;
      for (let round = 0; round < 50 && peer.match < last; round++) {
        nowMs += RETRY_MS;
        peer.retryIfLost(RETRY_MS, nowMs);
        sent += flush();
        for (const append of appends.splice(0)) onAppend(append);
        for (const answer of answers.splice(0)) onAnswer(answer);
        check();
      }
      expect([peer.match, follower]).toEqual([last, last]);
      // One probe, what is missing, and what was sent behind something that was missing.
      expect(sent).toBeLessThanOrEqual(10 + last);
    }),
    { numRuns: 1000 },
  );
});

test("probe: one append at a time, until one is accepted", () => {
  const peer = new Progress("b", 5, 0);
  expect(send(peer, 9)).toHaveLength(1);
  expect(peer.maySend(LIMITS)).toBe(false);
  peer.acknowledge(5, 0);
  expect(peer.state).toBe("replicate");
  expect(send(peer, 20)).toHaveLength(4);
});

test("replicate: a follower that does not answer fills its window and gets no more", () => {
  const peer = replicating(10);
  expect(send(peer, 100)).toHaveLength(LIMITS.appendsInFlightMax);
  expect(send(peer, 100)).toHaveLength(0);
  peer.acknowledge(12, 0);
  expect(send(peer, 100)).toHaveLength(2);
});

test("replicate: the window is full in bytes too, but one append always goes", () => {
  const peer = replicating(10);
  peer.sent(1000, 11, 5000, 0);
  expect(peer.maySend(LIMITS)).toBe(false);
  peer.acknowledge(11, 0);
  expect(peer.maySend(LIMITS)).toBe(true);
});

test("a refusal of the only append under way is a conflict; a late one of before is not", () => {
  const peer = new Progress("b", 9, 0);
  const [first = 0] = send(peer, 9);
  expect(peer.refused(first)).toBe("conflict");
  peer.backOffTo(4);
  expect([peer.state, peer.next]).toEqual(["probe", 5]);
  send(peer, 5);
  expect(peer.refused(first)).toBe("stale");
  expect(peer.next).toBe(6);
});

test("a refusal behind one that is late moves nothing back until that one is acknowledged", () => {
  const peer = replicating(10);
  const [, second = 0, third = 0] = send(peer, 13);
  expect(peer.refused(second)).toBe("explained");
  expect(peer.refused(third)).toBe("explained");
  expect(peer.next).toBe(14);
  peer.acknowledge(11, 0);
  expect([peer.state, peer.next, peer.inFlight.size]).toEqual(["replicate", 12, 0]);
});

test("three refusals behind a lost append send all again at once, and later ones nothing", () => {
  const peer = replicating(10);
  const [, second = 0, third = 0, fourth = 0] = send(peer, 14);
  for (const refused of [second, third, fourth]) peer.refused(refused);
  expect([peer.state, peer.next]).toEqual(["replicate", 11]);
  send(peer, 14);
  expect(peer.refused(fourth)).toBe("stale");
  expect(peer.next).toBe(15);
});

test("retryIfLost() waits for the interval, and not while the follower makes progress", () => {
  const peer = replicating(10);
  send(peer, 13, 1000);
  peer.retryIfLost(RETRY_MS, 1299);
  expect(peer.state).toBe("replicate");
  peer.acknowledge(11, 1290);
  peer.retryIfLost(RETRY_MS, 1589);
  expect(peer.state).toBe("replicate");
  peer.retryIfLost(RETRY_MS, 1590);
  expect([peer.state, peer.next]).toEqual(["probe", 12]);
  // Without flooding: one at a time.
  expect(send(peer, 13, 1590)).toHaveLength(1);
});

test("retryIfLost() probes where it probed before, not from the beginning", () => {
  const peer = new Progress("b", 50, 0);
  send(peer, 50);
  peer.retryIfLost(RETRY_MS, RETRY_MS);
  expect(peer.next).toBe(50);
});

test("showAgain() owes an append to a follower that restarted, even when there is nothing to add", () => {
  const peer = replicating(10);
  peer.showAgain(10);
  expect(peer.owesProof).toBe(false);
  peer.showAgain(3);
  expect([peer.owesProof, peer.next, peer.match]).toEqual([true, 11, 10]);
  peer.sent(99, 10, 0, 0);
  expect(peer.owesProof).toBe(false);
  peer.acknowledge(10, 0);
  expect([peer.state, peer.inFlight.size]).toEqual(["replicate", 0]);
});

test("snapshot: nothing is appended until it is installed, has failed, or is not needed any more", () => {
  const peer = replicating(10);
  peer.beginSnapshot(40, 0);
  expect([peer.state, peer.maySend(LIMITS), peer.snapshotIndex]).toEqual(["snapshot", false, 40]);
  peer.showAgain(0);
  peer.retryIfLost(RETRY_MS, 1e6);
  expect(peer.state).toBe("snapshot");
  peer.endSnapshot(40, 5);
  expect([peer.state, peer.match, peer.next, peer.snapshotStillSinceMs]).toEqual(["probe", 40, 41, Infinity]);
  peer.beginSnapshot(90, 10);
  peer.noteSnapshotProgress(20);
  expect(peer.snapshotStillSinceMs).toBe(20);
  peer.failSnapshot();
  expect([peer.state, peer.next]).toEqual(["probe", 41]);
});

test("keepFrom() keeps what follows a snapshot under way, then what is taken of it, until nothing waits or nothing moves", () => {
  const marks = (lastIndex: number): LogMarks => ({ lastIndex, snapshot: { index: 62 } });
  const peer = replicating(10);
  expect(peer.keepFrom(marks(50), 10_000, 0)).toBe(Infinity);
  peer.beginSnapshot(40, 0);
  expect(peer.keepFrom(marks(50), 10_000, 60_000)).toBe(41);
  peer.endSnapshot(40, 60_000);
  expect(peer.keepFrom(marks(50), 10_000, 60_000)).toBe(41);
  peer.acknowledge(45, 65_000);
  expect(peer.keepFrom(marks(50), 10_000, 74_999)).toBe(46);
  expect(peer.keepFrom(marks(50), 10_000, 75_000)).toBe(Infinity);
  peer.beginSnapshot(60, 80_000);
  peer.endSnapshot(60, 80_000);
  send(peer, 62);
  peer.acknowledge(62, 80_000);
  expect(peer.keepFrom(marks(62), 10_000, 80_000)).toBe(Infinity);
  // What failed leaves nothing to take.
  peer.beginSnapshot(90, 80_000);
  peer.failSnapshot();
  expect(peer.keepFrom(marks(99), 10_000, 80_000)).toBe(Infinity);
});

test("backOffTo() below what was acknowledged takes that back: the follower has lost it (fault 31)", () => {
  const peer = replicating(10);
  const [first = 0] = send(peer, 11);
  expect(peer.refused(first)).toBe("conflict");
  peer.backOffTo(3);
  expect([peer.match, peer.next]).toEqual([3, 4]);
});
