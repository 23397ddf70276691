/** A process of its own for `watchdog.test.ts`: two actors, of which one is as `process.argv[2]` says. */
import { readSync } from "node:fs";
import { ActorSystem, createRandom, stateless } from "../../../runtime/index.ts";
import { createNodeDispatcher, createWatchdog, nodeClock } from "../../../runtime/node/index.ts";

function busyFor(durationMs: number): void {
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs);
}

const watchdog = createWatchdog({ slowMs: 40, stuckMs: 200, onStuck: ({ actor }) => console.log(`heard of ${actor}`) });
const system = ActorSystem.create({
  node: "n1",
  world: { clock: nodeClock, random: createRandom(1), dispatcher: createNodeDispatcher(watchdog) },
});

type How = "endless" | "slow" | "long" | "asleep";

const worker = stateless<How>("worker", (how) => {
  if (how === "slow") busyFor(90);
  if (how === "long") busyFor(800);
  if (how === "asleep") readSync(0, new Uint8Array(1));
  while (how === "endless");
});

const boss = stateless<How>("boss", (how, ctx) => {
  ctx.tell(ctx.spawn(worker, { name: "teller" }), how);
});

const how = process.argv[2] as How;
// The watchdog's thread needs a moment to start.
setTimeout(() => system.tell(system.spawn(boss, { name: "bank" }), how), 300);
setTimeout(() => {
  console.log("ends by itself");
  if (how === "slow") void watchdog.close();
}, 1_600);
