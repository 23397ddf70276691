/** The settings file of `blixard node --nix`: what is taken, and every mistake by name. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readNixFile } from "../../cli/node/read-nix-settings.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "blixard-nix-file-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function read(text: string): ReturnType<typeof readNixFile> {
  const path = join(folder, "nix.yaml");
  writeFileSync(path, text);
  return readNixFile(path, "/data");
}

test("readNixFile() takes everything, and finds the lock beside the file", () => {
  const text = `
lock: flake.lock
nix: /opt/nix
args: [--store, /srv]
config: [sandbox = false]
inputs: { nixpkgs: "path:/nixpkgs" }
builds: 1
timeoutSeconds: 60
kvm: true
push: { to: "file:///srv/cache", key: cache.key }
`;
  expect(read(text)).toEqual({
    kvm: true,
    settings: {
      cacheDir: "/data/nix-cache",
      lockFile: join(folder, "flake.lock"),
      nix: "/opt/nix",
      args: ["--store", "/srv"],
      config: ["sandbox = false"],
      inputs: { nixpkgs: "path:/nixpkgs" },
      buildsMax: 1,
      timeoutMs: 60_000,
      push: { to: "file:///srv/cache", keyFile: join(folder, "cache.key") },
    },
  });
  expect(read('{"inputs": {"nixpkgs": "path:/n", "microvm": "path:/m"}}').settings).not.toHaveProperty("lockFile");
});

test("readNixFile() wants a lock, unless nothing is left to lock", () => {
  expect(() => read("builds: 1")).toThrow('"inputs" says nothing of nixpkgs and microvm');
  expect(() => read("inputs: { nixpkgs: a }")).toThrow('"inputs" says nothing of microvm');
});

test("readNixFile() names every mistake at once", () => {
  expect(() =>
    read("lock: 1\nbuilds: 0\nargs: --impure\nkvm: maybe\nnixs: x\ntimeoutSeconds: 1.5\npush: here"),
  ).toThrow(
    /"nixs" is no field.*"lock" is 1, expected a file.*"args" is.*a list of words.*"builds" is 0.*"timeoutSeconds" is 1\.5.*"kvm" is "maybe", expected true or false.*"push" is "here"/s,
  );
  expect(() => read("- a\n- b")).toThrow("no object of names and values");
  expect(() => read("a: [")).toThrow("Cannot read the settings of Nix");
  expect(() => readNixFile(join(folder, "absent"), "/data")).toThrow("ENOENT");
});
