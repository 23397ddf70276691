/** What no leader sends. */
import { expect, test } from "vitest";
import { appendFault } from "../../../../actors/raft/core/append-check.ts";
import type { AppendRequest } from "../../../../actors/raft/core/messages.ts";
import { DEFAULT_RAFT_LIMITS } from "../../../../actors/raft/core/raft-options.ts";

type Place = readonly [index: number, term: number, sizeBytes?: number];

function append(previous: readonly [number, number], places: readonly Place[], term = 5): AppendRequest {
  const entries = places.map(([index, of, sizeBytes = 0]) => ({
    index,
    term: of,
    type: "command" as const,
    payload: new Uint8Array(sizeBytes),
  }));
  return {
    type: "append",
    term,
    sequence: 1,
    previousIndex: previous[0],
    previousTerm: previous[1],
    entries,
    commit: 0,
  };
}
const limits = { ...DEFAULT_RAFT_LIMITS, entriesPerMessageMax: 2, bytesPerMessageMax: 100, payloadBytesMax: 50 };

test.each([
  [
    "entries that follow each other",
    append(
      [3, 2],
      [
        [4, 2],
        [5, 5],
      ],
    ),
    null,
  ],
  ["the first entries of all", append([0, 0], [[1, 1]]), null],
  ["none, to show that the logs are equal", append([3, 2], []), null],
  ["as much as four times the limits", append([3, 2], [[4, 5, 400]]), null],
  ["a gap before them", append([3, 2], [[5, 2]]), "entries-out-of-order"],
  [
    "a gap among them",
    append(
      [3, 2],
      [
        [4, 2],
        [6, 2],
      ],
    ),
    "entries-out-of-order",
  ],
  [
    "one index twice",
    append(
      [3, 2],
      [
        [4, 2],
        [4, 2],
      ],
    ),
    "entries-out-of-order",
  ],
  ["terms that fall", append([3, 3], [[4, 2]]), "entries-out-of-order"],
  ["a term above the leader's", append([3, 2], [[4, 6]]), "entries-out-of-order"],
  ["a previous term above the leader's", append([3, 6], []), "entries-out-of-order"],
  ["a term at index 0", append([0, 1], [[1, 1]]), "entries-out-of-order"],
  ["no term at an index", append([3, 0], [[4, 1]]), "entries-out-of-order"],
  ["an index below 0", append([-1, 0], [[0, 1]]), "entries-out-of-order"],
  ["an index that is no whole number", append([3.5, 2], [[4.5, 2]]), "entries-out-of-order"],
  ["an index past all numbers", append([2 ** 53, 2], []), "entries-out-of-order"],
  ["a term that is no number", append([3, 2], [[4, Number.NaN]]), "entries-out-of-order"],
  [
    "many times the entries",
    append(
      [0, 0],
      Array.from({ length: 9 }, (_, at) => [at + 1, 1] as const),
    ),
    "append-too-large",
  ],
  ["many times the bytes", append([3, 2], [[4, 2, 401]]), "append-too-large"],
] as const)("appendFault() of %s", (_, message, fault) => {
  expect(appendFault(message, limits)).toBe(fault);
});
