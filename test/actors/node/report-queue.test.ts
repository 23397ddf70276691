/** What a node has yet to say of its instances. */
import { expect, test } from "vitest";
import { ReportQueue } from "../../../actors/node/report-queue.ts";

const LEASE = { node: "n1", epoch: 3 };

const RUNNING = { phase: "Running", health: "unknown", addresses: [], restarts: 0, message: "" } as const;

test("an observation that the map shows is kept until it shows something else, or until there is a newer one", () => {
  let shown = "Running";
  const queue = new ReportQueue((_vm, _instance, { phase }) => phase !== shown);
  queue.put("web", "web-7", { type: "observe", observation: RUNNING });
  expect(queue.next("web-7", LEASE)).toBeNull();
  shown = "Starting";
  expect(queue.next("web-7", LEASE)).toMatchObject({ type: "observe", observation: RUNNING });
  // Carried out, though nobody knows: then the map shows it, and it is not said again.
  shown = "Running";
  queue.failed("web-7");
  expect(queue.next("web-7", LEASE)).toBeNull();
  queue.put("web", "web-7", { type: "release", phase: "Stopped", message: "" });
  expect(queue.next("web-7", LEASE)).toMatchObject({ type: "release" });
  queue.answered("web-7");
  expect(queue.waiting()).toEqual([]);
});

test("what was under way when an instance left is not said of its next time here, though nobody has answered", () => {
  const queue = new ReportQueue(() => true);
  const left = { type: "vm-released", instance: "web-7", phase: "Stopped", message: "", silent: true } as const;
  const observed = { type: "observe", observation: RUNNING } as const;
  queue.put("web", "web-7", observed);
  queue.next("web-7", LEASE);
  queue.hear("web", left);
  queue.failed("web-7");
  expect(queue.waiting()).toEqual([]);
  // It may be back before the answer: what it says then is kept.
  queue.put("web", "web-7", observed);
  queue.next("web-7", LEASE);
  queue.hear("web", left);
  queue.put("web", "web-7", { type: "observe", observation: { ...RUNNING, restarts: 1 } });
  queue.failed("web-7");
  expect(queue.next("web-7", LEASE)).toMatchObject({ observation: { restarts: 1 } });
});

test("what a cluster with older members does not understand is said as a release", () => {
  const queue = new ReportQueue(() => true);
  queue.put("web", "web-7", { type: "give-back", message: "no image" });
  expect(queue.next("web-7", LEASE)).toMatchObject({ type: "give-back", vm: "web", epoch: 3 });
  queue.answered("web-7", false);
  expect(queue.next("web-7", LEASE)).toMatchObject({ type: "release", phase: "Stopped", message: "no image" });
  queue.answered("web-7");
  expect(queue.waiting()).toEqual([]);
});

test("giving back is the last word, and is said until there is an answer", () => {
  const queue = new ReportQueue(() => true);
  queue.put("web", "web-7", { type: "give-back", message: "no image" });
  queue.next("web-7", LEASE);
  queue.put("web", "web-7", { type: "release", phase: "Stopped", message: "" });
  queue.failed("web-7");
  expect(queue.next("web-7", LEASE)).toMatchObject({ type: "give-back" });
});
