/**
 * A reporter whose one line, `N passed, N failed[, N skipped]`, is the last word on a run: `.ci/run` ends with it.
 *
 * It counts what a sum over tests would miss: a file that does not load, a failed `beforeAll` and an error outside of any
 * test are one failure each, and so is a test that was collected and never finished.
 */
import type { Reporter, SerializedError, TestModule } from "vitest/node";

interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const line = formatTally(tallyRun(modules, unhandled));
    // The default reporter prints the errors after this; only at exit is a line sure to be the last.
    process.once("exit", () => process.stdout.write(`${line}\n`));
  }
}

function formatTally(tally: Tally): string {
  const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : "";
  return `${tally.passed} passed, ${tally.failed} failed${skipped}`;
}

function tallyRun(modules: readonly TestModule[], unhandled: readonly SerializedError[]): Tally {
  let passed = 0;
  let failed = unhandled.length;
  let skipped = 0;
  for (const module of modules) {
    failed += failuresOutsideTests(module);
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === "passed") passed += 1;
      else if (state === "skipped") skipped += 1;
      else failed += 1;
    }
  }
  return { passed, failed, skipped };
}

/** A module or suite that has errors of its own counts once, however many it has. */
function failuresOutsideTests(module: TestModule): number {
  let failures = module.errors().length > 0 ? 1 : 0;
  for (const suite of module.children.allSuites()) if (suite.errors().length > 0) failures += 1;
  return failures;
}
