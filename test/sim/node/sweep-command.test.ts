/** `blixard sim` over threads of production; here, since each of them loads the simulator. */
import { expect, test } from "vitest";
import { runCommandLine } from "../../cli/run-command-line.ts";

const SHORT = ["sim", "--nodes", "3", "--duration", "5s"];

test("sim runs seeds and sums them up", async () => {
  const { exitCode, out, err } = await runCommandLine([...SHORT, "--seed", "7", "--seeds", "2"]);
  expect([exitCode, out]).toEqual([0, expect.stringMatching(/^2 seeds: all clean\n.* simulated seconds a second\n/)]);
  expect(err).toContain("Seeds 7 to 8: 2 of 2 clean");
});

test("sim --every-fault --keep-going goes through all seeds, and says what a sweep has never reached", async () => {
  const args = [...SHORT, "--profile", "membership", "--seed", "7", "--seeds", "2", "--every-fault", "--keep-going"];
  const { exitCode, out } = await runCommandLine(args);
  expect([exitCode, out]).toEqual([0, expect.stringMatching(/^2 seeds: all clean\n(?:.*\n)*never .*members replaced/)]);
});

test("sim --workers gives the same results in the same order, however many threads there are", async () => {
  const args = [...SHORT, "--seed", "7", "--seeds", "2", "--json", "--workers"];
  const [one, two] = [await runCommandLine([...args, "1"]), await runCommandLine([...args, "2"])];
  const seeds = one.out
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { readonly seed: number }).seed);
  expect(seeds).toEqual([7, 8]);
  expect(two.out).toBe(one.out);
});

test("sim ends with the seed that has no result, and what was done before it", async () => {
  const args = [...SHORT, "--seed", "7", "--seeds", "2", "--hung-after", "1ms"];
  const { exitCode, out, err } = await runCommandLine(args);
  expect([exitCode, out]).toEqual([1, ""]);
  expect(err).toContain("Cannot finish the sweep: seed 7 has no result, it had none after 1 ms");
  expect(err).toContain("Run it by itself: blixard sim --seed 7 --nodes 3 --duration 5s");
});

test("sim that is interrupted ends with what was done", async () => {
  const interrupt = new AbortController();
  const ran = runCommandLine([...SHORT, "--seed", "7", "--seeds", "100000"], { interrupt: interrupt.signal });
  setTimeout(() => interrupt.abort(), 50);
  const { exitCode, out, err } = await ran;
  expect([exitCode, out]).toEqual([130, expect.stringMatching(/^(?:\d+ seeds?: all clean|$)/)]);
  expect(err).toMatch(/Interrupted after \d+ seeds?\./);
});

test("sim --verify runs each seed in two threads, and gives what it gives without", async () => {
  const args = [...SHORT, "--seed", "7", "--seeds", "2", "--json"];
  const [plain, verified] = [await runCommandLine(args), await runCommandLine([...args, "--verify"])];
  expect(verified.exitCode).toBe(0);
  expect(verified.out).toBe(plain.out);
});
