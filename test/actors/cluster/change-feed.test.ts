/** What a watch can be resumed from. */
import { expect, test } from "vitest";
import { ChangeFeed, type Change } from "../../../actors/index.ts";
import { SampleMap } from "./sample-map.ts";

const vm = new SampleMap().create("web");

function changes(count: number): readonly Change[] {
  return Array.from({ length: count }, () => ({ type: "put", resource: vm }));
}

function versions(feed: ChangeFeed, since: number): readonly number[] | null {
  return feed.since(since)?.map(({ version }) => version) ?? null;
}

test("since() gives what came after a version", () => {
  const feed = new ChangeFeed();
  for (const version of [2, 3, 7]) feed.push({ version, changes: changes(1) });
  expect(versions(feed, 0)).toEqual([2, 3, 7]);
  expect(versions(feed, 2)).toEqual([3, 7]);
  expect(versions(feed, 5)).toEqual([7]);
  expect(versions(feed, 7)).toEqual([]);
  expect(versions(feed, 9)).toEqual([]);
});

test("since() of a version before what is remembered is null", () => {
  const feed = new ChangeFeed(5);
  for (let version = 1; version <= 100; version++) feed.push({ version, changes: changes(version % 2) });
  expect(feed.oldest).toBe(89);
  expect(versions(feed, 88)).toBeNull();
  expect(versions(feed, 89)).toEqual([91, 93, 95, 97, 99]);
});

test("push() remembers no more changes than its limit, however many one index has", () => {
  const feed = new ChangeFeed(4);
  feed.push({ version: 1, changes: changes(3) });
  feed.push({ version: 2, changes: changes(3) });
  expect(versions(feed, 0)).toBeNull();
  expect(versions(feed, 1)).toEqual([2]);
  feed.push({ version: 3, changes: changes(9) });
  expect(feed.oldest).toBe(3);
  expect(versions(feed, 3)).toEqual([]);
});
