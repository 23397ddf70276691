import { expect, test } from "vitest";
import { replayCommand, runSeed } from "../../../sim/index.ts";

test("a run with --vms creates all of them at once", () => {
  const lines: string[] = [];
  const options = { seed: 1, nodes: 3, durationMs: 20_000, profile: "calm", vms: 40 } as const;
  const result = runSeed({ ...options, onLine: (line) => void lines.push(line) });

  const asked = lines.flatMap((line) => /^(\d+) ask \d apply-vm (vm\d+)$/.exec(line)?.slice(1, 3) ?? []);
  const at = asked[asked.indexOf("vm0") - 1];
  expect(asked.filter((word) => word === at)).toHaveLength(40);
  expect(result).toMatchObject({ ok: true, vms: 40 });
  expect(result.marks["guests started"]).toBeGreaterThan(30);
  expect(replayCommand(options)).toBe("blixard sim --seed 1 --nodes 3 --vms 40 --duration 20s --profile calm");
});

test("profiles without VMs refuse to be given any", () => {
  const run = { seed: 1, durationMs: 1000, vms: 3 };
  expect(() => runSeed({ ...run, profile: "disk" })).toThrow('Cannot simulate 3 VMs in profile "disk": it has none');
  expect(() => runSeed({ ...run, vms: 0 })).toThrow("Cannot simulate 0 VMs: wanted 1 to 1000");
});
