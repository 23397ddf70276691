/**
 * What one child process of the `actors` bench does: `node --expose-gc child.ts SYSTEM MEASURE COUNT` warms up, measures, and
 * prints `ChildFigures`.
 */
import { MEASURES, type ChildFigures, type MeasuredSystem, type Measure } from "./measured-system.ts";

const WARM_UP = 0.2;

async function load(name: string): Promise<MeasuredSystem> {
  return name === "nact" ? (await import("./nact.ts")).nact : (await import("./kernel.ts")).kernel;
}

function runner(system: MeasuredSystem, measure: Exclude<Measure, "idle">): (count: number) => Promise<void> {
  switch (measure) {
    case "ping-pong":
      return system.pingPong;
    case "one-way":
      return system.oneWay;
    case "fan-out":
      return system.fanOut;
    case "spawn-stop":
      return system.spawnStop;
    case "ask":
      return system.ask;
    default:
      return measure satisfies never;
  }
}

async function rate(run: (count: number) => Promise<void>, count: number): Promise<ChildFigures> {
  // Twice, so that the optimizing compiler has seen more than one system.
  for (let i = 0; i < 2; i++) await run(Math.ceil((count * WARM_UP) / 1000) * 1000);
  const startMs = performance.now();
  const startCpu = process.cpuUsage();
  await run(count);
  const cpu = process.cpuUsage(startCpu);
  const value = count / ((performance.now() - startMs) / 1000);
  return { value, cpuNs: ((cpu.user + cpu.system) * 1000) / count };
}

function bytesEach(system: MeasuredSystem, count: number): ChildFigures {
  if (gc === undefined) throw new Error("Cannot measure memory: start with --expose-gc");
  gc();
  const before = process.memoryUsage().heapUsed;
  system.spawnIdle(count);
  gc();
  return { value: (process.memoryUsage().heapUsed - before) / count, cpuNs: 0 };
}

const [name = "", measureText, countText] = process.argv.slice(2);
const measure = MEASURES.find((known) => known === measureText);
const count = Number(countText);
if (measure === undefined || !Number.isSafeInteger(count)) throw new Error("Usage: child.ts SYSTEM MEASURE COUNT");
const system = await load(name);
const figures = measure === "idle" ? bytesEach(system, count) : await rate(runner(system, measure), count);
console.log(JSON.stringify(figures));
// nact keeps timers of what it has answered.
process.exit();
