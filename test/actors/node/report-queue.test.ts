/** What a node has yet to say of its instances. */
import { expect, test } from "vitest";
import { ReportQueue } from "../../../actors/node/report-queue.ts";

const LEASE = { node: "n1", epoch: 3 };

test("what a cluster with older members does not understand is said as a release", () => {
  const queue = new ReportQueue();
  queue.put("web", "web-7", { type: "give-back", message: "no image" });
  expect(queue.next("web-7", LEASE)).toMatchObject({ type: "give-back", vm: "web", epoch: 3 });
  queue.answered("web-7", false);
  expect(queue.next("web-7", LEASE)).toMatchObject({ type: "release", phase: "Stopped", message: "no image" });
  queue.answered("web-7");
  expect(queue.waiting()).toEqual([]);
});

test("giving back is the last word, and is said until there is an answer", () => {
  const queue = new ReportQueue();
  queue.put("web", "web-7", { type: "give-back", message: "no image" });
  queue.next("web-7", LEASE);
  queue.put("web", "web-7", { type: "release", phase: "Stopped", message: "" });
  queue.failed("web-7");
  expect(queue.next("web-7", LEASE)).toMatchObject({ type: "give-back" });
});
