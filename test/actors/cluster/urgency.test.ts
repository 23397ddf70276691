/** What a leader takes while it refuses all else. */
import { expect, test } from "vitest";
import { urgencyOf } from "../../../actors/cluster/urgency.ts";

test("urgencyOf() calls vital what a guest stands still for, and not what anybody may ask for in any number", () => {
  const ofMove = { vm: "web", migration: "m1", node: "n1", epoch: 1 };
  expect(urgencyOf({ type: "take-over", ...ofMove, addresses: [] })).toBe("vital");
  expect(urgencyOf({ type: "migration-progress", ...ofMove, stillMs: 1 })).toBe("ordinary");
  expect(urgencyOf({ type: "cancel-migration", name: "web", migration: null, message: "" })).toBe("ordinary");
});
