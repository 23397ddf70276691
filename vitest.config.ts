/**
 * The test projects, by path: `unit` mirrors the source folders, `sim` runs seeds, `arch` guards the repository itself,
 * `integration` starts real nodes and guests, and `alone` what must be the only one. One of them: `npm test -- --project unit`.
 */
import type { TestProjectInlineConfiguration, ViteUserConfig } from "vitest/config";

const SECOND_MS = 1000;

/** As many as the smallest machine has cores; more would make timeouts of real processes a matter of luck. */
const WORKERS_MAX = 2;

const ELSEWHERE = ["sim", "arch", "integration"];

/** They use the package manager, the ports of the README, the one guest image; or they time what nobody may disturb. */
const ALONE = "test/integration/{guest-image,migration,package,readme}.test.ts";

const PREPARED = { globalSetup: ["./test/integration/prepare-host.ts"] };

const config: ViteUserConfig = {
  test: {
    maxWorkers: WORKERS_MAX,
    reporters: [["default", { summary: false }], "./test/tally-reporter.ts"],
    projects: [
      { test: { name: "unit", ...beside("test/**/*.test.ts", 10), exclude: ELSEWHERE.map((at) => `test/${at}/**`) } },
      { test: { name: "sim", ...beside("test/sim/**/*.test.ts", 120) } },
      { test: { name: "arch", ...beside("test/arch/**/*.test.ts", 60) } },
      {
        test: {
          name: "integration",
          ...beside("test/integration/**/*.test.ts", 300),
          ...PREPARED,
          exclude: [ALONE],
          sequence: { groupOrder: 1 },
        },
      },
      { test: { name: "alone", ...alone(ALONE, 300), ...PREPARED } },
    ],
  },
};

export default config;

type ProjectOptions = NonNullable<TestProjectInlineConfiguration["test"]>;

/** Files run beside each other, in folders and on ports of their own; in the first group where nothing else is said. */
function beside(include: string, timeoutSeconds: number): ProjectOptions {
  return { include: [include], ...timeouts(timeoutSeconds), sequence: { groupOrder: 0 } };
}

/** Files run one at a time, after all others. */
function alone(include: string, timeoutSeconds: number): ProjectOptions {
  return { include: [include], ...timeouts(timeoutSeconds), fileParallelism: false, sequence: { groupOrder: 2 } };
}

function timeouts(seconds: number): ProjectOptions {
  return { testTimeout: seconds * SECOND_MS, hookTimeout: seconds * SECOND_MS };
}
