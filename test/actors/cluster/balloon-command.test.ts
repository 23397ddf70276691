/** What is wanted of a balloon, in the map. */
import { expect, test } from "vitest";
import type { Outcome } from "../../../actors/index.ts";
import { MOVER, SampleMap } from "./sample-map.ts";

function said(outcome: Outcome): string {
  return outcome.ok ? "ok" : `${outcome.code}: ${outcome.message}`;
}

function set(map: SampleMap, name: string, memoryMiB: number): string {
  return said(map.do({ type: "set-balloon", name, memoryMiB }));
}

test("set-balloon is a wish of the instance: no new generation, room stays taken, so already is fine", () => {
  const map = SampleMap.ofMovers("n1");
  map.run("web", "n1", { memoryMiB: 512, balloon: true });
  const before = map.vm("web");
  expect(set(map, "web", 128)).toBe("ok");
  const after = map.vm("web");
  expect(after.status.instance).toEqual({ ...before.status.instance, balloonMiB: 128 });
  expect(after.metadata.generation).toBe(before.metadata.generation);
  const told = map.events().length;
  expect(map.events().at(-1)?.spec.message).toContain("128 of its 512 MiB");
  expect(set(map, "web", 128)).toBe("ok");
  expect(map.events().length).toBe(told);
  expect(set(map, "web", 512)).toBe("ok");
  expect(map.vm("web").status.instance?.balloonMiB).toBe(512);
});

test("set-balloon refuses what has no balloon, bounds, and what does not run", () => {
  const map = SampleMap.ofMovers("n1", "n2");
  map.join("rigid", { address: "10.0.0.9", hypervisor: { ...MOVER, lacks: { balloon: "it is of one piece" } } });
  expect(set(map, "web", 128)).toBe('not-found: Cannot set the balloon of VM "web": there is none of that name');
  map.create("web", { memoryMiB: 512, balloon: true });
  expect(set(map, "web", 128)).toContain("conflict: ");
  expect(set(map, "web", 128)).toContain("it is Pending and runs nowhere");
  map.place("web", "n1");
  map.observe("web");
  for (const memoryMiB of [0, 31, 513, 64.5]) {
    expect(set(map, "web", memoryMiB)).toContain(`it can have 32 to 512 MiB, not ${memoryMiB}`);
  }
  map.migrate("web", "n2");
  expect(set(map, "web", 128)).toContain('it is on its way to node "n2"');
  map.run("plain", "n1");
  expect(set(map, "plain", 64)).toContain("it runs without one; set spec.balloon to true");
  map.run("other", "rigid", { balloon: true });
  expect(set(map, "other", 64)).toContain('of node "rigid" has none (it is of one piece)');
});
