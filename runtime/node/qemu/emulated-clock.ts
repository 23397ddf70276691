/**
 * The clock that emulated guests tell the time by: the counter of the host's processors, which QEMU hands them as it is (`cpu_get_ticks`, QEMU 7.2).
 *
 * A guest cannot find out its rate: calibration hangs about one boot in ten. Left alone with it, its kernel compares the counter with its own ticks, of which a
 * busy host loses some, calls it unstable within seconds, and goes on by 250 ticks a second: 4 % of a processor for a guest that does nothing, and no sleep
 * shorter than 4 ms. So it is told the rate, and to rely on it. The host's kernel knows the rate: `bogomips` of x86 is twice it, where it is constant.
 * Guests are therefore moved and restored only between hosts of one rate (`guest-needs.ts`).
 *
 * Source: Linux, arch/x86/kernel/tsc.c (`lpj_fine`, `tsc=reliable`), init/calibrate.c.
 */
import { closeSync, openSync, readSync } from "node:fs";

/** What is said where the rate is not known: any value keeps the guest from calibrating, and it does not rely on it. */
const SOME_KHZ = 2_600_000;
/** More than the kernel says of one processor. */
const ONE_PROCESSOR_BYTES = 8192;

/** The host's rate in kHz; undefined where it changes, is not known, or counts something else than guests of x86 expect. */
export function counterRate(cpuinfo: string = firstProcessor()): number | undefined {
  const [, bogomips] = /^bogomips\s*: (\d+\.\d+)$/m.exec(cpuinfo) ?? [];
  if (bogomips === undefined || !/^flags\s*:.* constant_tsc .*nonstop_tsc( |$)/m.test(cpuinfo)) return undefined;
  return Math.round(Number(bogomips) * 500);
}

/** For the kernel of a guest whose processors are emulated on a host of that rate. */
export function clockParameters(rateKhz: number | undefined): readonly string[] {
  return rateKhz === undefined ? [`tsc_early_khz=${SOME_KHZ}`] : [`tsc_early_khz=${rateKhz}`, "tsc=reliable"];
}

/**
 * Names hosts whose counters are taken for alike, in steps of 10 MHz: a kernel that measures the rate finds another one at each of its starts, by some 0.05 %.
 * Steps end where no maker's rates are (2,595 and 2,650 are such rates, 2,597 is none).
 */
export function rateClass(rateKhz: number | undefined): string {
  return rateKhz === undefined ? "of a rate that is not known" : `of ${Math.floor((rateKhz + 3000) / 10_000) * 10} MHz`;
}

/** All of them would be asked for their frequency, one by one. */
function firstProcessor(): string {
  try {
    const file = openSync("/proc/cpuinfo", "r");
    try {
      const bytes = Buffer.alloc(ONE_PROCESSOR_BYTES);
      return bytes.toString("latin1", 0, readSync(file, bytes));
    } finally {
      closeSync(file);
    }
  } catch {
    return "";
  }
}
