/** The manager of a singleton alone: what it says to the coordinator when things cross on their way. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { CoordinatorRequest } from "../../../actors/coordination/coordinator-protocol.ts";
import { SessionTerm, Tenure } from "../../../actors/coordination/tenure.ts";
import { managerSpawnOptions, singletonManager } from "../../../actors/singleton/singleton-manager.ts";
import type { SingletonLeft, SingletonManagerMessage } from "../../../actors/singleton/singleton-protocol.ts";
import { ActorSystem, stateless, type Ref } from "../../../runtime/index.ts";
import { createManualWorld, createProbe, type ManualWorld, type Probe } from "../../../runtime/testkit/index.ts";

let world: ManualWorld;
let system: ActorSystem;
let coordinator: Probe<CoordinatorRequest>;
let manager: Ref<SingletonManagerMessage>;
let begun: number;

beforeEach(() => {
  world = createManualWorld();
  system = ActorSystem.create({ node: "n1", world });
  coordinator = createProbe<CoordinatorRequest>(system, world);
  begun = 0;
  const options = {
    name: "db",
    coordinator: coordinator.ref,
    make: () => {
      begun += 1;
      return stateless<unknown>("db", () => {});
    },
  };
  manager = system.spawn(singletonManager<unknown, unknown>(options), managerSpawnOptions("db"));
  coordinator.expectMessage(({ type }) => type === "claim-lease");
});
afterEach(() => system.stop());

test("a lease that is granted while the node leaves is not acted on, and not competed for again", () => {
  const left = createProbe<SingletonLeft>(system, world);
  const tenure = new Tenure(3, new SessionTerm(1, world.clock.monotonicMs() + 6000));
  system.tell(manager, { type: "leave", replyTo: left.ref });
  system.tell(manager, { type: "lease-granted", name: "db", tenure });
  world.settle();
  // The coordinator gives up what it has granted when it hears this.
  coordinator.expectMessage(({ type }) => type === "drop-claim");
  tenure.end();
  system.tell(manager, { type: "lease-dropped", name: "db" });
  left.expectMessage({ type: "left" });
  coordinator.expectNoMessage(5000);
  expect(begun).toBe(0);
});
