/** The inspection stream tells what happens, in the order in which it happens. */
import { expect, test } from "vitest";
import { ActorSystem, stateless, type InspectionEvent } from "../../runtime/index.ts";
import { createManualWorld } from "./manual-world.ts";

function describe(event: InspectionEvent): string {
  switch (event.type) {
    case "spawned":
      return `spawned ${event.ref.path} (${event.behavior})`;
    case "message":
      return `message ${String(event.message)} from ${event.sender?.path ?? "outside"} to ${event.ref.path}`;
    case "crashed":
      return `crashed ${event.ref.path}: ${(event.error as Error).message}: ${event.directive}`;
    case "restarted":
    case "stopped":
      return `${event.type} ${event.ref.path}`;
    case "dead-letter":
      return `dead letter ${String(event.letter.message)} to ${event.letter.to.path}: ${event.letter.reason}`;
    default:
      return event satisfies never;
  }
}

test("inspection tells of spawns, messages, crashes, restarts, dead letters and ends, in order, then completes", () => {
  const world = createManualWorld();
  const system = ActorSystem.create({ node: "n1", world });
  const told: string[] = [];
  system.inspection.subscribe({ next: (event) => told.push(describe(event)), complete: () => told.push("complete") });
  const worker = stateless<string>("worker", (message) => {
    if (message === "bad") throw new Error("cannot");
  });
  const boss = system.spawn(
    stateless<string>("boss", (message, ctx) => {
      const child =
        ctx.child<string>("worker") ?? ctx.spawn(worker, { name: "worker", supervision: { onCrash: "restart" } });
      ctx.tell(child, message);
    }),
    { name: "boss" },
  );
  for (const message of ["good", "bad"]) system.tell(boss, message);
  world.settle();
  system.stopActor(boss);
  system.tell(boss, "late");
  system.stop();
  expect(told).toEqual([
    "spawned boss (boss)",
    "message good from outside to boss",
    "spawned boss/worker (worker)",
    "message bad from outside to boss",
    "message good from boss to boss/worker",
    "message bad from boss to boss/worker",
    "dead letter bad to boss/worker: crashed",
    "crashed boss/worker: cannot: restart",
    "restarted boss/worker",
    "stopped boss/worker",
    "stopped boss",
    "dead letter late to boss: no-recipient",
    "complete",
  ]);
});
