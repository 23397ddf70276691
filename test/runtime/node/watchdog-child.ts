/** A process of its own for `watchdog.test.ts`: two actors, of which one is as `process.argv[2]` says. */
import { existsSync, readSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { ActorSystem, createRandom, stateless } from "../../../runtime/index.ts";
import { createNodeDispatcher, createWatchdog, nodeClock } from "../../../runtime/node/index.ts";
import { CELL } from "../../../runtime/node/turn-meter.ts";

type How = "endless" | "slow" | "long" | "asleep";
const how = process.argv[2] as How;
/** A file whose coming ends the handler of "long". */
const end = process.argv[3] ?? "";
let heard = false;

function busyFor(durationMs: number): void {
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs);
}

const watchdog = createWatchdog({
  slowMs: 40,
  stuckMs: how === "slow" ? 60_000 : 200,
  ...(how === "slow" && {
    onSlow: ({ actor, tookMs }) => {
      heard = tookMs >= 40;
      console.log(`slow: ${actor}`);
    },
  }),
  onStuck: ({ actor }) => {
    heard = true;
    console.log(`heard of ${actor}`);
  },
});
const system = ActorSystem.create({
  node: "n1",
  world: { clock: nodeClock, random: createRandom(1), dispatcher: createNodeDispatcher(watchdog) },
});

const worker = stateless<How>("worker", (as) => {
  if (as === "slow") busyFor(500);
  if (as === "long") while (!existsSync(end));
  if (as === "asleep") readSync(0, new Uint8Array(1));
  while (as === "endless");
});

const boss = stateless<How>("boss", (as, ctx) => {
  ctx.tell(ctx.spawn(worker, { name: "teller" }), as);
});

while (watchdog.meter.shared[CELL.ticks] === 0) await delay(10);
system.tell(system.spawn(boss, { name: "bank" }), how);
// On a busy machine the watchdog's word may take a while after the turn.
while (!heard) await delay(10);
if (how === "slow") await watchdog.close();
