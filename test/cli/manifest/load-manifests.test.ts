import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { VmManifest } from "../../../actors/index.ts";
import { CliError } from "../../../cli/cli-error.ts";
import { EXIT } from "../../../cli/exit-codes.ts";
import { loadManifests } from "../../../cli/manifest/load-manifests.ts";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "blixard-cli-"));
});
afterEach(() => rmSync(cwd, { recursive: true }));

const HEAD = "apiVersion: blixard.dev/v1\nkind: Vm\n";

async function load(path: string, stdin = ""): Promise<readonly VmManifest[]> {
  return loadManifests(path, { cwd, readStdin: async () => stdin });
}

/** The lines that say what is wrong with vm.yaml, without the first. */
async function mistakesOf(text: string): Promise<readonly string[]> {
  return (await refusal("vm.yaml", text)).split("\n").slice(1);
}

async function refusal(path: string, text?: string): Promise<string> {
  if (text !== undefined) writeFileSync(join(cwd, path), text);
  try {
    await load(path);
  } catch (error) {
    if (error instanceof CliError && error.exitCode === EXIT.usage) return error.message;
    throw error;
  }
  throw new Error("it was accepted");
}

test("loadManifests() reads every document of a file and fills in the defaults", async () => {
  const text = `${HEAD}metadata: { name: a }\nspec: {}\n---\n${HEAD}metadata: { name: b }\nspec: { vcpus: 2 }\n---\n`;
  const manifests = await load("-", text);
  expect(manifests.map(({ metadata, spec }) => [metadata.name, spec.vcpus, spec.restart])).toEqual([
    ["a", 1, "always"],
    ["b", 2, "always"],
  ]);
});

test("loadManifests() reads a folder's manifests in the order of their names", async () => {
  for (const name of ["b.yaml", "a.yml", "c.json"]) {
    writeFileSync(
      join(cwd, name),
      `{"apiVersion":"blixard.dev/v1","kind":"Vm","metadata":{"name":"${name[0]}"},"spec":{}}`,
    );
  }
  writeFileSync(join(cwd, "README.md"), "not: [a manifest");
  expect((await load(".")).map(({ metadata }) => metadata.name)).toEqual(["a", "b", "c"]);
});

test("loadManifests() puts in the content that contentFrom names, relative to the manifest", async () => {
  mkdirSync(join(cwd, "web", "pages"), { recursive: true });
  writeFileSync(join(cwd, "web", "pages", "index.html"), "<h1>ä</h1>");
  const spec =
    "spec:\n  files:\n    - path: /srv/index.html\n      contentFrom: pages/index.html\n      mode: '0755'\n";
  writeFileSync(join(cwd, "web", "vm.yaml"), `${HEAD}metadata: { name: web }\n${spec}`);
  const [manifest] = await load("web");
  expect(manifest?.spec.files).toEqual([{ path: "/srv/index.html", content: "<h1>ä</h1>", mode: "0755" }]);
});

test("loadManifests() points at a value of the wrong kind", async () => {
  const text = `${HEAD}metadata:\n  name: web\nspec:\n  memoryMiB: lots\n  ports:\n    - name: http\n      guest: 70000\n`;
  expect(await mistakesOf(text)).toEqual([
    'vm.yaml:6:14: spec.memoryMiB: expected an integer from 32 to 16777216, got "lots"',
    "vm.yaml:9:14: spec.ports[0].guest: expected an integer from 1 to 65535, got 70000",
  ]);
});

test("loadManifests() points at an unknown field's name and says what was meant", async () => {
  const text = `${HEAD}metadata:\n  name: web\nspec:\n  memoryMib: 128\n`;
  expect(await mistakesOf(text)).toEqual(['vm.yaml:6:3: unknown field "memoryMib" in spec; did you mean "memoryMiB"?']);
});

test("loadManifests() points at what lacks a field", async () => {
  const [mistake] = await mistakesOf(`${HEAD}metadata:\n  labels: {}\nspec: {}\n`);
  expect(mistake).toMatch(/^vm\.yaml:4:3: metadata\.name: missing; expected /);
});

test("loadManifests() points into an alias", async () => {
  const text = `${HEAD}metadata: { name: web }\nspec:\n  ports:\n    - &p { name: http, guest: 0 }\n    - *p\n`;
  expect((await mistakesOf(text)).map((line) => line.split(" ")[0])).toEqual(["vm.yaml:6:31:", "vm.yaml:6:31:"]);
});

test("loadManifests() points at text that is not YAML", async () => {
  expect((await mistakesOf(`${HEAD}metadata: [\nspec: {}\n`))[0]).toMatch(/^vm\.yaml:\d+:\d+: not YAML: /);
  expect(await mistakesOf("a: 1\na: 2\n")).toEqual(["vm.yaml:2:1: not YAML: Map keys must be unique"]);
  expect((await mistakesOf("a: !secret x\n"))[0]).toMatch(/^vm\.yaml:1:4: not YAML: Unresolved tag/);
});

test("loadManifests() refuses aliases that unfold without end", async () => {
  const bomb = [
    "a: &a [x, x, x, x, x, x, x, x, x]",
    ..."bcdefgh".split("").map((name, at) => {
      const inner = "abcdefgh"[at]!;
      return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${inner}`).join(", ")}]`;
    }),
  ].join("\n");
  expect((await mistakesOf(bomb))[0]).toContain("alias");
});

test("loadManifests() says what contentFrom should have been", async () => {
  writeFileSync(join(cwd, "bytes"), Uint8Array.from([0xff, 0xfe, 0x00]));
  const file = (from: string): string =>
    `${HEAD}metadata: { name: web }\nspec:\n  files:\n    - path: /a\n      ${from}\n`;
  expect(await mistakesOf(file("contentFrom: none.html"))).toEqual([
    'vm.yaml:7:20: spec.files[0].contentFrom: expected a file, "none.html" does not exist',
  ]);
  expect((await mistakesOf(file("contentFrom: bytes")))[0]).toContain(
    'expected text in UTF-8, "bytes" holds other bytes',
  );
  expect((await mistakesOf(file("contentFrom: [a]")))[0]).toContain("expected a path relative to the manifest");
  expect((await mistakesOf(file("contentFrom: bytes\n      content: x")))[0]).toContain("one of the two");
});

test("loadManifests() lists the mistakes of all files, and applies none of them", async () => {
  mkdirSync(join(cwd, "all"));
  writeFileSync(join(cwd, "all", "a.yaml"), `${HEAD}metadata: { name: a }\nspec: { vcpus: 0 }\n`);
  writeFileSync(join(cwd, "all", "b.yaml"), `${HEAD}metadata: { name: b }\nspec: {}\n`);
  writeFileSync(join(cwd, "all", "c.yaml"), "- 1\n");
  const lines = (await refusal("all")).split("\n");
  expect(lines[0]).toBe('Cannot apply "all": 2 mistakes.');
  expect(lines.slice(1).map((line) => line.split(" ")[0])).toEqual(["all/a.yaml:4:16:", "all/c.yaml:1:1:"]);
});

test("loadManifests() refuses a path that holds no manifest, by its name", async () => {
  mkdirSync(join(cwd, "empty"));
  expect(await refusal("none.yaml")).toBe('Cannot apply "none.yaml": there is no such file or folder.');
  expect(await refusal("empty")).toBe('Cannot apply "empty": the folder holds no manifest.');
  expect(await refusal("vm.yaml", "# nothing\n")).toContain("vm.yaml:1:1: expected a manifest, found none");
});

test("loadManifests() does not wait for a pipe that lies in a folder, and reads no device", async () => {
  mkdirSync(join(cwd, "folder"));
  expect(spawnSync("mkfifo", [join(cwd, "folder", "vm.yaml")]).status).toBe(0);
  expect(await refusal("folder")).toBe('Cannot apply "folder/vm.yaml": it is neither a file nor a folder.');
  expect(await refusal("/dev/zero")).toBe('Cannot apply "/dev/zero": it is neither a file nor a folder.');
});

test("loadManifests() reads a pipe that is named, as the shell gives one for <(command)", async () => {
  const pipe = join(cwd, "pipe");
  spawnSync("mkfifo", [pipe]);
  const writer = spawn("sh", [
    "-c",
    `printf '${HEAD.replaceAll("\n", "\\n")}metadata: { name: piped }\\nspec: {}\\n' > "$1"`,
    "sh",
    pipe,
  ]);
  const [vm] = await load("pipe");
  expect(vm?.metadata.name).toBe("piped");
  writer.kill();
});

test("loadManifests() refuses one VM twice", async () => {
  const text = `${HEAD}metadata: { name: a }\nspec: {}\n---\n${HEAD}metadata: { name: a }\nspec: {}\n`;
  expect(await refusal("vm.yaml", text)).toBe('Cannot apply "vm.yaml": it defines VM "a" twice.');
});

test("loadManifests() shows the first mistakes only of a file that holds hundreds", async () => {
  const lines = await mistakesOf("metadata: {}\n---\n".repeat(300));
  expect(lines).toHaveLength(21);
  expect(lines.at(-1)).toMatch(/^and \d{3,} more$/);
});
