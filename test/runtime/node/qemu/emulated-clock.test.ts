import { expect, test } from "vitest";
import { clockParameters, counterRate, rateClass } from "../../../../runtime/node/qemu/emulated-clock.ts";

const FLAGS = "flags\t\t: fpu vme tsc msr constant_tsc rep_good nopl nonstop_tsc cpuid";
const BOGOMIPS = "bogomips\t: 5192.27";

test("counterRate() is half of bogomips where the counter is constant, in kHz", () => {
  expect(counterRate(`processor\t: 0\n${FLAGS}\n${BOGOMIPS}\nprocessor\t: 1\n`)).toBe(2_596_135);
});

test.each([
  ["a counter that changes its rate", `${FLAGS.replace("constant_tsc ", "")}\n${BOGOMIPS}\n`],
  ["a counter that stops", `${FLAGS.replace("nonstop_tsc ", "")}\n${BOGOMIPS}\n`],
  ["another processor", "BogoMIPS\t: 50.00\nFeatures\t: fp asimd\n"],
  ["no word of it", ""],
])("counterRate() is not known of %s, and a guest is not told to rely on it", (_, cpuinfo) => {
  expect(counterRate(cpuinfo)).toBeUndefined();
  expect(clockParameters(counterRate(cpuinfo)).join(" ")).toMatch(/^tsc_early_khz=\d+$/);
});

test("clockParameters() tells a guest to rely on a rate that is known", () => {
  expect(clockParameters(2_596_135)).toEqual(["tsc_early_khz=2596135", "tsc=reliable"]);
});

test("rateClass() is one for what kernels measure of one rate, and another for others", () => {
  for (const rate of [2_650_000, 2_595_000, 2_100_000, 2_095_000, 2_994_400]) {
    expect(rateClass(rate * 1.0005)).toBe(rateClass(rate));
    expect(rateClass(rate * 0.9995)).toBe(rateClass(rate));
  }
  expect(rateClass(2_595_000)).not.toBe(rateClass(2_650_000));
  expect(rateClass(undefined)).not.toBe(rateClass(2_650_000));
});

test("counterRate() of this host, if it is known, is one of a processor", () => {
  const rate = counterRate() ?? 1_000_000;
  expect(rate).toBeGreaterThan(500_000);
  expect(rate).toBeLessThan(10_000_000);
});
