/** The watchdog names who keeps the event loop, in a real process whose event loop stands still. */
import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { TurnMeter } from "../../../runtime/node/turn-meter.ts";

/** A real process, and a thread in it, that wait for a core as everybody does. */
const TEST_MS = 30_000;

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** Runs the child until its output holds `until`, and returns all of it. */
async function outputOf(how: string, until: string): Promise<string> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "watchdog-child.ts"), how]);
  children.push(child);
  let output = "";
  await new Promise<void>((resolve, reject) => {
    const take = (chunk: Buffer): void => {
      output += chunk.toString();
      if (output.includes(until)) resolve();
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.once("exit", () => reject(new Error(`The child ended: ${output}`)));
  });
  return output;
}

test(
  "a watchdog names a handler that never returns, and where it is, while the event loop stands still",
  async () => {
    const output = await outputOf("endless", "Nothing else has run");
    expect(output).toMatch(
      /Actor "bank\/teller" has not returned its turn: it is in .*watchdog-child\.ts:\d+\)\. Nothing else has run for \d+ ms/,
    );
    expect(output).not.toContain("heard of");
  },
  TEST_MS,
);

test(
  "a watchdog says that an actor waits in a synchronous call, where no name can be had",
  async () => {
    expect(await outputOf("asleep", "Nothing else has run")).toContain("it waits in a synchronous call");
  },
  TEST_MS,
);

test(
  "a watchdog tells the process of a stuck turn that came back after all, and keeps no process alive",
  async () => {
    const child = outputOf("long", "\n\n");
    await expect(child).rejects.toThrow(/in busyFor .*heard of bank\/teller/s);
  },
  TEST_MS,
);

test(
  "a watchdog names a slow turn when it has returned",
  async () => {
    await expect(outputOf("slow", "\n\n")).rejects.toThrow(/Actor "bank\/teller" took \d+ ms for one turn/);
  },
  TEST_MS,
);

test("measure() tells of a turn during which the limit of ticks went by, and of no shorter one", () => {
  const slow: [string | undefined, number][] = [];
  const meter = new TurnMeter(3, (turn, ticks) => void slow.push([turn.describe?.(), ticks]));
  for (const ticks of [0, 2, 3, 7]) {
    meter.measure({
      run: () => {
        expect(meter.shared[1]).toBeGreaterThan(0);
        meter.shared[0] = (meter.shared[0] ?? 0) + ticks;
      },
      describe: () => `turn of ${ticks}`,
    });
    expect(meter.shared[1]).toBe(0);
  }
  expect(slow).toEqual([
    ["turn of 3", 3],
    ["turn of 7", 7],
  ]);
});

test("a watched turn that throws leaves no turn running", () => {
  const meter = new TurnMeter(3, () => {});
  const failing = {
    run: () => {
      throw new Error("a listener failed");
    },
  };
  expect(() => meter.measure(failing)).toThrow("a listener failed");
  expect(meter.shared[1]).toBe(0);
});
