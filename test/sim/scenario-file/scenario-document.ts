/** Documents of scenarios for tests: a small one that is right, changed where a test wants it otherwise. */
import { compileScenario } from "../../../sim/scenario-file/compile.ts";
import type { Platform } from "../../../sim/scenario-file/document.ts";
import type { ScenarioPlan } from "../../../sim/scenario-file/scenario-plan.ts";

/** Three nodes in two zones, two VMs of one application and one alone. */
export function documentWith(spec: Readonly<Record<string, unknown>> = {}): unknown {
  return {
    apiVersion: "blixard.dev/v1",
    kind: "Scenario",
    metadata: { name: "tested" },
    spec: {
      duration: "2m",
      cluster: {
        nodes: [
          { name: "n1", zone: "a" },
          { name: "n2", zone: "b" },
          { name: "n3", zone: "b" },
        ],
      },
      workload: {
        vms: [
          { name: "web", replicas: 2 },
          { name: "db", spec: { memoryMiB: 1024 } },
        ],
      },
      ...spec,
    },
  };
}

export function planOf(spec: Readonly<Record<string, unknown>> = {}, platform: Platform | null = null): ScenarioPlan {
  const compiled = compileScenario(documentWith(spec), platform);
  if (compiled.ok) return compiled.plan;
  throw new Error(compiled.problems.map(({ message }) => message).join("\n"));
}

/** What is told of it, line by line; empty: it is right. */
export function problemsOf(
  spec: Readonly<Record<string, unknown>>,
  platform: Platform | null = null,
): readonly string[] {
  const compiled = compileScenario(documentWith(spec), platform);
  return compiled.ok ? [] : compiled.problems.map(({ message }) => message);
}
