/** The watchdog names who keeps the event loop, in a real process whose event loop stands still. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { TurnMeter } from "../../../runtime/node/turn-meter.ts";

/** A real process, and a thread in it, that wait for a core as everybody does. */
const TEST_MS = 30_000;

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

interface Outcome {
  readonly output: string;
  /** Null while it runs. */
  readonly exitCode: number | null;
}

/** Runs the child until its output holds `until`, or to its end. `onOutput` is told of all of it so far. */
async function run(
  how: string,
  { until, end = "", onOutput }: { readonly until?: string; readonly end?: string; onOutput?(output: string): void },
): Promise<Outcome> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "watchdog-child.ts"), how, end]);
  children.push(child);
  let output = "";
  return await new Promise<Outcome>((resolve) => {
    const take = (chunk: Buffer): void => {
      output += chunk.toString();
      onOutput?.(output);
      if (until !== undefined && output.includes(until)) resolve({ output, exitCode: child.exitCode });
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.once("close", (exitCode) => resolve({ output, exitCode }));
  });
}

const STOOD_STILL = "Nothing else has run";

test(
  "a watchdog names a handler that never returns, and where it is, while the event loop stands still",
  async () => {
    const { output } = await run("endless", { until: STOOD_STILL });
    const named =
      /Actor "bank\/teller" has not returned its turn: it is in .*watchdog-child\.ts:\d+\)\. Nothing else has run/;
    expect(output).toMatch(named);
    expect(output).not.toContain("heard of");
  },
  TEST_MS,
);

test(
  "a watchdog says that an actor waits in a synchronous call, where no name can be had",
  async () => {
    const { output } = await run("asleep", { until: STOOD_STILL });
    expect(output).toContain("it waits in a synchronous call");
  },
  TEST_MS,
);

test(
  "a watchdog tells the process of a stuck turn that came back after all, and keeps no process alive",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "blixard-watchdog-"));
    const end = join(folder, "end");
    const onOutput = (output: string): void => {
      if (output.includes(STOOD_STILL)) writeFileSync(end, "");
    };
    const { output, exitCode } = await run("long", { end, onOutput });
    rmSync(folder, { recursive: true });
    expect(output).toMatch(/"bank\/teller" has not returned.*heard of bank\/teller/s);
    expect(exitCode).toBe(0);
  },
  TEST_MS,
);

test(
  "a watchdog names a slow turn when it has returned",
  async () => {
    expect(await run("slow", {})).toEqual({ output: "slow: bank/teller\n", exitCode: 0 });
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
