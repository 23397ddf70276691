/** Scenario files and platforms as they are read: documents, positions of mistakes, what `get` prints. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readAtMost } from "../../../cli/read-at-most.ts";
import { readPlatform } from "../../../cli/scenario/read-platform.ts";
import { readScenarios, type ReadScenario } from "../../../cli/scenario/read-scenarios.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scenarios-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  mkdirSync(join(folder, dirname(name)), { recursive: true });
  writeFileSync(join(folder, name), text);
  return name;
}

async function read(paths: readonly string[], platform: string | null = null): Promise<readonly ReadScenario[]> {
  return readScenarios(paths, { cwd: folder, readStdin: async () => "", platform });
}

async function refusal(paths: readonly string[], platform: string | null = null): Promise<string> {
  return read(paths, platform).then(
    () => "",
    (error: Error) => error.message,
  );
}

const SCENARIO = `
apiVersion: blixard.dev/v1
kind: Scenario
metadata: { name: one }
spec:
  duration: 1m
  workload: { vms: [{ name: web }] }
`;
const VM = `
apiVersion: blixard.dev/v1
kind: Vm
metadata: { name: db, labels: { app: db } }
spec: { memoryMiB: 512 }
`;
const NODES = `
apiVersion: blixard.dev/v1
kind: NodeList
version: 7
items:
  - apiVersion: blixard.dev/v1
    kind: Node
    metadata: { name: rack-1, uid: node-1, labels: {} }
    spec: { incarnation: x, address: 10.0.0.1, vcpus: 4, memoryMiB: 2048, labels: { zone: a } }
    status: { phase: Ready }
`;

test("readScenarios() reads each document of each file of a folder", async () => {
  write("all/a.yaml", `${SCENARIO}---${SCENARIO.replace("one", "two")}---\n`);
  write(
    "all/b.json",
    JSON.stringify({
      apiVersion: "blixard.dev/v1",
      kind: "Scenario",
      metadata: { name: "three" },
      spec: { duration: "1m" },
    }),
  );
  expect((await read(["all"])).map(({ file, plan }) => [file, plan.name])).toEqual([
    ["all/a.yaml", "one"],
    ["all/a.yaml", "two"],
    ["all/b.json", "three"],
  ]);
});

test("readScenarios() tells each mistake of all files with line and column, sorted", async () => {
  write("a.yaml", SCENARIO.replace("1m", "1 minute").replace("duration", "duraton"));
  write("b.yaml", `${SCENARIO}  faults:\n    - kill: n1\n      at: 5m\n    - { at: 3s, kil: n1 }\n`);
  expect(await refusal(["a.yaml", "b.yaml"])).toBe(
    [
      'Cannot simulate "a.yaml b.yaml": 4 mistakes.',
      "a.yaml:6:3: spec.duration: missing; expected a duration like 500ms, 30s, 2m or 1h30m",
      'a.yaml:6:3: unknown field "duraton" in spec; did you mean "duration"?',
      'b.yaml:10:11: spec.faults[0].at: expected a time before the scenario ends, at 1m, got "5m"',
      'b.yaml:11:17: unknown field "kil" in spec.faults[1]; did you mean "kill"?',
    ].join("\n"),
  );
});

test.each([
  ["missing.yaml", null, 'Cannot run "missing.yaml": there is no such file or folder.'],
  ["empty.yaml", "", 'Cannot simulate "empty.yaml": 1 mistake.\nempty.yaml:1:1: expected a scenario, found none'],
  ["broken.yaml", "a: [", /^Cannot simulate "broken\.yaml": \d mistakes?\.\nbroken\.yaml:1:\d: not YAML: /u],
  [
    "bomb.yaml",
    `a: &a [1,1]\n${"bcdefghijklmnop".replaceAll(/./gu, (x) => `${x}: &${x} [*${String.fromCharCode(x.charCodeAt(0) - 1)}, *${String.fromCharCode(x.charCodeAt(0) - 1)}]\n`)}`,
    /not YAML: |at most 20000 values/u,
  ],
])("readScenarios() refuses %s", async (name, text, message) => {
  if (text !== null) write(name, text);
  const told = await refusal([name]);
  if (typeof message === "string") expect(told).toBe(message);
  else expect(told).toMatch(message);
});

test("a platform is the manifests and nodes of a file or a folder, beside the scenario or named", async () => {
  write("platform/vms.yaml", VM);
  write("platform/nodes.yaml", NODES);
  write("own.yaml", SCENARIO.replace("vms: [{ name: web }]", "platform: ./platform"));
  write("one.yaml", SCENARIO);
  for (const [file, platform] of [
    ["own.yaml", null],
    ["one.yaml", "platform"],
  ] as const) {
    const [{ plan } = { plan: undefined }] = await read([file], platform);
    expect(plan?.vms.map(({ name, spec }) => [name, spec.memoryMiB])).toEqual([["db", 512]]);
    expect(plan?.nodes).toEqual([{ name: "rack-1", labels: { zone: "a" }, memoryMiB: 2048, vcpus: 4 }]);
  }
});

test("readPlatform() takes VMs as get prints them, alone and as a list", async () => {
  const printed = `${VM}status: { phase: Running }\n`.replace("metadata: { ", "metadata: { uid: vm-7, version: 9, ");
  const item = printed.trim().replaceAll("\n", "\n    ");
  write("one.yaml", printed);
  write("list.yaml", `apiVersion: blixard.dev/v1\nkind: VmList\nitems:\n  - ${item}\n`);
  for (const file of ["one.yaml", "list.yaml"]) {
    const { vms } = await readPlatform(file, { cwd: folder, readStdin: async () => "" });
    expect(vms.map(({ metadata, spec }) => [metadata, spec.memoryMiB])).toEqual([
      [{ name: "db", labels: { app: "db" } }, 512],
    ]);
  }
});

test.each([
  [VM.replace("512", "1"), "platform.yaml:5:20: spec.memoryMiB: expected an integer from 32 to 16777216, got 1"],
  [
    NODES.replace("memoryMiB: 2048", "memoryMiB: 2G"),
    'platform.yaml:9:69: items[0].spec.memoryMiB: expected an integer, at least 1, got "2G"',
  ],
  [`${VM}---${VM}`, 'it defines VM "db" twice.'],
  [`${NODES}---${NODES}`, 'it has node "rack-1" twice.'],
  [SCENARIO, 'kind: expected "Vm", got "Scenario"'],
])("readPlatform() refuses by name: %#", async (text, message) => {
  write("platform.yaml", text);
  write("one.yaml", SCENARIO);
  expect(await refusal(["one.yaml"], "platform.yaml")).toContain(message);
});

test("readScenarios() tells a file that is nested too deep in one line, where it is", async () => {
  const deep = "expected at most 64 lists and maps inside each other, found more; nothing behind this is read";
  write("flow.yaml", `${SCENARIO}x: ${"[".repeat(100_000)}`);
  write("block.yaml", Array.from({ length: 200 }, (_, at) => `${" ".repeat(at)}a:`).join("\n"));
  write("compact.yaml", `${"- ".repeat(5000)}a`);
  expect(await refusal(["flow.yaml", "block.yaml", "compact.yaml"])).toBe(
    [
      'Cannot simulate "flow.yaml block.yaml compact.yaml": 3 mistakes.',
      `flow.yaml:8:67: ${deep}`,
      `block.yaml:65:66: ${deep}`,
      `compact.yaml:1:129: ${deep}`,
    ].join("\n"),
  );
  write("right.yaml", SCENARIO.replace("{ name: web }", `{ name: web, spec: ${"[".repeat(50)}${"]".repeat(50)} }`));
  expect(await refusal(["right.yaml"])).toContain("spec.workload.vms[0].spec: expected");
});

test("readScenarios() reads no more than a mebibyte, of standard input either", async () => {
  const large = `# ${"x".repeat(1024 * 1024)}\n${SCENARIO}`;
  write("large.yaml", large);
  expect(await refusal(["large.yaml"])).toMatch(/^Cannot run "large.yaml": 10\d+ bytes, at most 1048576 are read\.$/u);
  const asked: (number | undefined)[] = [];
  const readStdin = async (charsMax?: number): Promise<string> => {
    asked.push(charsMax);
    return large;
  };
  await expect(readScenarios(["-"], { cwd: folder, readStdin, platform: null })).rejects.toThrow(
    /^Cannot run "<stdin>": 10\d+ bytes, at most 1048576 are read\.$/u,
  );
  expect(asked).toEqual([1_048_576]);
});

test("readAtMost() ends a stream that has no end", async () => {
  async function* endless(): AsyncGenerator<string> {
    for (;;) yield "12345";
  }
  expect(await readAtMost(endless(), 12)).toBe("123451234512345");
});
