/** `spec.health` of each kind, and what names other VMs: what is filled in, what is refused, and in which words. */
import { expect, test } from "vitest";
import { parseVmManifest, type VmHealth } from "../../../actors/index.ts";

function parse(spec: unknown): VmHealth | readonly string[] | undefined {
  const parsed = parseVmManifest({ apiVersion: "blixard.dev/v1", kind: "Vm", metadata: { name: "web" }, spec });
  return parsed.ok ? parsed.manifest.spec.health : parsed.problems.map(({ message }) => message);
}

const PORTS = [{ name: "http", guest: 80 }];

test("each kind of health check has its own fields and defaults; tcp is the one that need not be named", () => {
  const tcp = { type: "tcp", port: 80, path: "/", intervalMs: 1000, timeoutMs: 1000, failuresMax: 3, startMs: 60_000 };
  expect(parse({ ports: PORTS, health: { port: 80 } })).toEqual(tcp);
  expect(parse({ ports: PORTS, health: { type: "http", port: 80, path: "/up" } })).toEqual({
    ...tcp,
    type: "http",
    path: "/up",
  });
  expect(parse({ health: { type: "exec", command: ["/bin/check", "-q"] } })).toEqual({
    ...{ type: "exec", command: ["/bin/check", "-q"], intervalMs: 5000, timeoutMs: 2000 },
    ...{ failuresMax: 3, startMs: 60_000 },
  });
  expect(parse({ health: { type: "heartbeat", failuresMax: 2 } })).toEqual({
    ...{ type: "heartbeat", intervalMs: 3000, failuresMax: 2, startMs: 60_000 },
  });
});

test("a health check is refused by the fields of the kind that was meant", () => {
  const refused: readonly [unknown, readonly string[]][] = [
    [{ type: "exec" }, ["spec.health.command: missing; expected a list of 1 to 64 entries"]],
    [{ type: "exec", command: [] }, ["spec.health.command: expected a list of 1 to 64 entries, got none"]],
    [
      { type: "exec", command: ["x"], port: 80 },
      ['unknown field "port" in spec.health; known here: type, command, intervalMs, timeoutMs, failuresMax, startMs'],
    ],
    [
      { type: "exec", command: ["a\0b"] },
      ['spec.health.command[0]: expected text without NUL characters, got "a\\u0000b"'],
    ],
    [
      { type: "heartbeat", intervalMs: 500 },
      ["spec.health.intervalMs: expected an integer from 2000 to 3600000, got 500"],
    ],
    [
      { type: "heartbeet" },
      [
        'spec.health.type: expected "http" or "tcp" or "exec" or "heartbeat", got "heartbeet"; did you mean "heartbeat"?',
      ],
    ],
    [{ type: 7 }, ['spec.health.type: expected "http" or "tcp" or "exec" or "heartbeat", got 7']],
    [{}, ["spec.health.port: missing; expected an integer from 1 to 65535"]],
    [{ port: 22 }, ["spec.health.port: expected a guest port that spec.ports forwards: 80, got 22"]],
    ["tcp", ['spec.health: expected an object, got "tcp"']],
  ];
  for (const [health, messages] of refused) expect(parse({ ports: PORTS, health })).toEqual(messages);
});

test("names of other VMs are refused where they repeat or are the VM's own", () => {
  expect(parse({ after: ["db", "cache"], requires: ["db"] })).toBeUndefined();
  expect(parse({ after: ["web"], requires: ["db", "db", "No!"] })).toHaveLength(1);
  expect(parse({ after: ["web"], requires: ["db", "db"] })).toEqual([
    'spec.after[0]: expected the name of another VM, got "web", which is this one',
    'spec.requires[1]: expected another than spec.requires[0] has, got "db"',
  ]);
});
