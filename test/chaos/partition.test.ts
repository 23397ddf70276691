import { expect, test } from "vitest";
import { linksToCut, type Link, type PartitionOptions } from "../../chaos/partition.ts";

const THREE: PartitionOptions = { names: ["n1", "n2", "n3"], leader: "n2", pick: 0.5 };

function written(links: readonly Link[]): readonly string[] {
  return links.map(({ from, to }) => `${from}>${to}`).toSorted();
}

test("linksToCut() cuts the leader off in both directions, or in one", () => {
  expect(written(linksToCut("leader-alone", THREE))).toEqual(["n1>n2", "n2>n1", "n2>n3", "n3>n2"]);
  expect(written(linksToCut("leader-mute", THREE))).toEqual(["n2>n1", "n2>n3"]);
  expect(written(linksToCut("leader-deaf", THREE))).toEqual(["n1>n2", "n3>n2"]);
});

test("linksToCut() sets two apart that all others still see", () => {
  expect(written(linksToCut("two-apart", { ...THREE, pick: 0 }))).toEqual(["n1>n2", "n2>n1"]);
  expect(written(linksToCut("two-apart", { ...THREE, pick: 0.9 }))).toEqual(["n2>n3", "n3>n2"]);
});

test("linksToCut() sets a minority of five apart, which is still whole in itself", () => {
  const names = ["n1", "n2", "n3", "n4", "n5"];
  const links = written(linksToCut("minority-apart", { names, leader: "n1", pick: 0.99 }));
  expect(links).toHaveLength(12);
  expect(links).toContain("n5>n2");
  expect(links).toContain("n2>n1");
  expect(links).not.toContain("n5>n1");
  expect(links).not.toContain("n2>n3");
});

test("linksToCut() takes one that the schedule picks where nobody leads", () => {
  expect(written(linksToCut("leader-mute", { ...THREE, leader: null, pick: 0.9 }))).toEqual(["n3>n1", "n3>n2"]);
});
