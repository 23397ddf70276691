/** The `process` driver under the contract of the hypervisor port, and what is its own. */
import { guardedHarness } from "../../../contract/guarded-harness.ts";
import { hypervisorContract } from "../../../contract/hypervisor.ts";

hypervisorContract(
  () => guardedHarness("process", { imagesDir: "/nonexistent", bootMs: 2_000, shortLeaseMs: 800 }),
  "process",
);
