/** VM manifests: what is refused, under which field and in which words. */
import { describe, expect, test } from "vitest";
import { parseVmManifest, type VmManifest } from "../../../actors/index.ts";

const MANIFEST = { apiVersion: "blixard.dev/v1", kind: "Vm", metadata: { name: "web" }, spec: {} };

function withSpec(spec: unknown): unknown {
  return { ...MANIFEST, spec };
}

function messagesOf(value: unknown): readonly string[] {
  const parsed = parseVmManifest(value);
  return parsed.ok ? [] : parsed.problems.map(({ message }) => message);
}

function fieldsOf(value: unknown): readonly string[] {
  const parsed = parseVmManifest(value);
  return parsed.ok ? [] : parsed.problems.map(({ field }) => field);
}

describe("parseVmManifest()", () => {
  test("fills in every default and leaves what was given alone", () => {
    const given = withSpec({ memoryMiB: 256, ports: [{ name: "http", guest: 80 }], health: { port: 80 } });
    const before = structuredClone(given);
    const parsed = parseVmManifest(given);
    expect(parsed).toMatchObject({
      ok: true,
      manifest: { spec: { running: true, vcpus: 1, memoryMiB: 256, image: "base", command: [], restart: "always" } },
    });
    expect((parsed as { manifest: VmManifest }).manifest.spec.health).toMatchObject({
      type: "tcp",
      path: "/",
      failuresMax: 3,
    });
    expect(given).toEqual(before);
  });

  test("gives every manifest defaults of its own", () => {
    const [one, two] = [parseVmManifest(MANIFEST), parseVmManifest(MANIFEST)];
    if (!one.ok || !two.ok) throw new Error("refused");
    expect(one.manifest.spec.command).not.toBe(two.manifest.spec.command);
  });

  test("refuses what a VM's hypervisor cannot do, before any node has it", () => {
    const microvm = { hypervisor: "firecracker", balloon: true, interfaces: [{ type: "user", id: "net", mac: "zz" }] };
    expect(parseVmManifest(withSpec({ microvm, ports: [{ name: "http", guest: 80 }] }))).toMatchObject({
      ok: false,
      problems: [
        { field: "/spec/microvm/balloon" },
        { field: "/spec/microvm/hypervisor" },
        { field: "/spec/microvm/interfaces/0/type" },
        { field: "/spec/microvm/interfaces/0/mac" },
      ],
    });
    expect(messagesOf(withSpec({ microvm }))[0]).toBe(
      "spec.microvm.balloon: firecracker cannot have a balloon: microvm.nix has no support for it; qemu, cloud-hypervisor, crosvm, kvmtool can",
    );
    expect(fieldsOf(withSpec({ microvm: { hypervisor: "xen" } }))).toEqual(["/spec/microvm/hypervisor"]);
    expect(fieldsOf(withSpec({ microvm: { flake: "--impure" } }))).toEqual(["/spec/microvm/flake"]);
    expect(parseVmManifest(withSpec({ microvm: {} }))).toMatchObject({
      ok: true,
      manifest: { spec: { microvm: { hypervisor: "qemu" } } },
    });
  });

  test("names every problem with its field, what was expected and what was found", () => {
    const parsed = parseVmManifest(
      withSpec({ ports: [{ name: "http", guest: 70_000 }], restart: "sometimes", vcpus: 0 }),
    );
    expect(parsed).toEqual({
      ok: false,
      problems: [
        {
          field: "/spec/vcpus",
          expected: "an integer from 1 to 256",
          got: "0",
          message: "spec.vcpus: expected an integer from 1 to 256, got 0",
        },
        {
          field: "/spec/ports/0/guest",
          expected: "an integer from 1 to 65535",
          got: "70000",
          message: "spec.ports[0].guest: expected an integer from 1 to 65535, got 70000",
        },
        {
          field: "/spec/restart",
          expected: '"always" or "on-failure" or "never"',
          got: '"sometimes"',
          message: 'spec.restart: expected "always" or "on-failure" or "never", got "sometimes"',
        },
      ],
    });
  });

  test("refuses an unknown field and says which one was meant", () => {
    expect(messagesOf(withSpec({ vcpu: 2 }))).toEqual(['unknown field "vcpu" in spec; did you mean "vcpus"?']);
    expect(messagesOf({ ...MANIFEST, colour: "red" })).toEqual([
      'unknown field "colour"; known here: apiVersion, kind, metadata, spec',
    ]);
    expect(messagesOf(withSpec({ restart: "on-failrue" }))[0]).toContain('did you mean "on-failure"?');
  });

  test("refuses what is missing or of another shape", () => {
    expect(fieldsOf({})).toEqual(["/apiVersion", "/kind", "/metadata", "/spec"]);
    expect(messagesOf(undefined)).toEqual(["expected an object, got nothing"]);
    expect(messagesOf(["a"])).toEqual(["expected an object, got a list"]);
    expect(messagesOf(withSpec({ running: null }))).toEqual(["spec.running: expected true or false, got null"]);
  });

  test("refuses a name in a map that JSON Schema alone would let through", () => {
    expect(fieldsOf(withSpec({ env: { "1A": "x" } }))).toEqual(["/spec/env/1A"]);
    expect(fieldsOf({ ...MANIFEST, metadata: { name: "web", labels: { "a b": "x" } } })).toEqual([
      "/metadata/labels/a b",
    ]);
  });

  test("refuses more entries than a list takes", () => {
    const command = Array.from({ length: 65 }, () => "x");
    expect(messagesOf(withSpec({ command }))).toEqual([
      "spec.command: expected a list of at most 64 entries, got 65 entries",
    ]);
  });

  test("names the problem's field as an escaped JSON pointer", () => {
    expect(fieldsOf({ ...MANIFEST, metadata: { name: "web", labels: { "a/b": 1 } } })).toEqual([
      "/metadata/labels/a~1b",
    ]);
  });

  test.each([
    ["ports of one name", { ports: [port("a", 1), port("a", 2)] }, "/spec/ports/1/name"],
    ["ports to one guest port", { ports: [port("a", 1), port("b", 1)] }, "/spec/ports/1/guest"],
    ["ports on one host port", { ports: [port("a", 1, 9), port("b", 2, 9)] }, "/spec/ports/1/host"],
    [
      "a health check of a port that is not forwarded",
      { ports: [port("a", 1)], health: { port: 2 } },
      "/spec/health/port",
    ],
    ["files of one path", { files: [file("/a"), file("/a")] }, "/spec/files/1/path"],
    ["a file below a file", { files: [file("/a/b"), file("/a")] }, "/spec/files/0/path"],
    ["a path that climbs", { files: [file("/a/../etc/passwd")] }, "/spec/files/0/path"],
    ["a path of a folder", { files: [file("/a/")] }, "/spec/files/0/path"],
    ["a NUL in the command", { command: ["a\0b"] }, "/spec/command/0"],
    ["a NUL in the environment", { env: { A: "a\0b" } }, "/spec/env/A"],
  ])("refuses %s", (_, spec, field) => {
    expect(fieldsOf(withSpec(spec))).toEqual([field]);
  });

  test("lets ports without a fixed host port stand beside each other", () => {
    expect(messagesOf(withSpec({ ports: [port("a", 1), port("b", 2)] }))).toEqual([]);
  });
});

describe("parseVmManifest() survives what was made to hurt", () => {
  test("nesting that would overflow the stack", () => {
    const deep: unknown = JSON.parse(`${"[".repeat(200_000)}${"]".repeat(200_000)}`);
    expect(messagesOf(withSpec(deep))).toEqual(["spec: expected at most 32 levels of nesting, got more"]);
  });

  test("a cycle", () => {
    const spec: Record<string, unknown> = {};
    spec["self"] = spec;
    expect(messagesOf(withSpec(spec))).toEqual(["spec: expected at most 32 levels of nesting, got more"]);
  });

  test("aliases that multiply", () => {
    let list: unknown = "x";
    for (let level = 0; level < 20; level++) list = [list, list, list, list];
    expect(messagesOf(withSpec(list))).toEqual(["expected at most 20000 values in all, got more"]);
  });

  test("the key __proto__", () => {
    expect(fieldsOf(JSON.parse('{"spec":{"env":{"__proto__":"x"}}}'))).toEqual(["/spec/env/__proto__"]);
  });

  test("thousands of unknown fields: it stops at fifty problems", () => {
    const spec = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`field${at}`, 1]));
    expect(messagesOf(withSpec(spec))).toHaveLength(50);
  });
});

function port(name: string, guest: number, host?: number): object {
  return { name, guest, ...(host === undefined ? {} : { host }) };
}

function file(path: string): object {
  return { path, content: "" };
}
