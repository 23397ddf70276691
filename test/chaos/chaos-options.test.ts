import { expect, test, vi } from "vitest";
import { parseChaosOptions } from "../../chaos/chaos-options.ts";

const SEED = { seed: 4711 };

test("parseChaosOptions() has defaults: ten minutes, three nodes, a drawn seed, every fault", () => {
  expect(parseChaosOptions([], SEED)).toEqual({
    minutes: 10,
    nodes: 3,
    seed: 4711,
    faults: ["kill", "pause", "disk-full", "partition", "restart-all"],
    leaseReads: false,
    keep: false,
    wantsAllFaults: false,
  });
});

test("parseChaosOptions() takes each option", () => {
  const args = ["--minutes", "0.5", "--nodes", "5", "--seed", "1", "--faults", "pause,kill", "--lease-reads", "--keep"];
  expect(parseChaosOptions(args, SEED)).toEqual({
    minutes: 0.5,
    nodes: 5,
    seed: 1,
    faults: ["kill", "pause"],
    leaseReads: true,
    keep: true,
    wantsAllFaults: true,
  });
});

test.each([
  [["--minutes", "0"], "'0' is invalid. Wanted a number above 0 and up to 1440."],
  [["--minutes", "ten"], "'ten' is invalid. Wanted a number above 0"],
  [["--minutes", "-1"], "Wanted a number above 0"],
  [["--minutes", "1441"], "Wanted a number above 0"],
  [["--nodes", "4"], "'4' is invalid. Allowed choices are 3, 5."],
  [["--seed", "-1"], "Wanted an integer from 0 to 4294967295."],
  [["--seed", "1.5"], "Wanted an integer from 0 to 4294967295."],
  [["--seed", "4294967296"], "Wanted an integer from 0 to 4294967295."],
  [["--faults", "kill,fire"], 'There is no fault "fire"; there are: kill, pause, disk-full, partition, restart-all.'],
  [["--faults", ""], 'There is no fault ""'],
  [["--plant", "kill"], "Allowed choices are forgetful-disks, stale-reads."],
  [["--speed", "2"], "unknown option '--speed'"],
  [["now"], "too many arguments"],
])("parseChaosOptions() refuses %j by name", (args, words) => {
  const said = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  try {
    expect(() => parseChaosOptions(args, SEED)).toThrow(words);
    expect(said).toHaveBeenCalledWith(expect.stringContaining(words));
  } finally {
    said.mockRestore();
  }
});
