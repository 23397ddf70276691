/**
 * VMs of microvm.nix are built by a real Nix: what people read when that fails, and what stays of it. One store for the whole file, below a
 * folder of its own; the inputs are stubs (nix/stub), or real ones with BLIXARD_NIXPKGS and BLIXARD_MICROVM.
 */
import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { InstanceLaunch } from "../../runtime/index.ts";
import type { MicrovmConfig } from "../../runtime/microvm/index.ts";
import type { NixSettings } from "../../runtime/node/index.ts";
import { runNix } from "../../runtime/node/nix/build/nix-command.ts";
import { NixError } from "../../runtime/node/nix/build/nix-error.ts";
import { pushClosure } from "../../runtime/node/nix/build/push-closure.ts";
import { RunnerBuilder } from "../../runtime/node/nix/build/runner-builder.ts";
import { splitFlake, type VmJson, vmJson } from "../../runtime/node/nix/build/vm-json.ts";
import { nixWorld, REAL_INPUTS } from "../contract/nix-world.ts";

vi.setConfig({ testTimeout: 60_000 });
let folder: string;
let settings: NixSettings;
const hadStore = existsSync("/nix");
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "blixard-nix-build-"));
  settings = await nixWorld(folder, {});
});
afterAll(async () => {
  await promisify(execFile)("chmod", ["-R", "u+w", folder]);
  await rm(folder, { recursive: true, force: true });
  expect(existsSync("/nix")).toBe(hadStore);
});

interface Built {
  readonly path: string;
  readonly steps: readonly string[];
}

async function build(
  vm: string,
  config: Partial<MicrovmConfig> = {},
  with_: Partial<NixSettings> = {},
): Promise<Built> {
  const microvm: MicrovmConfig = { hypervisor: "qemu", ...config };
  const launch: InstanceLaunch = {
    ...{ instance: "i-1", vm, node: "n1", vcpus: 1, memoryMiB: 256, image: "base", command: [], env: {} },
    ...{ files: [], ports: [], leaseUntilMs: 0, microvm },
  };
  const steps: string[] = [];
  const used = { ...settings, ...with_ };
  const runner = await new RunnerBuilder(used, join(folder, "vms")).build({
    vm: vmJson(launch, { emulate: false }),
    module: microvm.module,
    own: microvm.flake === undefined ? undefined : splitFlake(microvm.flake).reference,
    lockFile: used.lockFile,
    onStep: (step) => steps.push(step),
  });
  return { path: runner.path, steps };
}

async function failure(building: Promise<unknown>): Promise<{ failure: string; message: string }> {
  const error: unknown = await building.then(
    () => expect.unreachable("it was built"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof NixError)) throw error;
  return { failure: error.failure, message: error.message };
}

test("build() makes a runner, keeps it from the garbage collector, and builds it once", async () => {
  const { path, steps } = await build("web");
  expect(readdirSync(join(path, "bin"))).toContain("microvm-run");
  expect(steps).toContain("evaluating");
  expect(readlinkSync(join(folder, "vms/web/current"))).toBe(path);
  await nix(["store", "gc"]);
  expect(existsSync(path)).toBe(true);
  expect(await build("web")).toEqual({ path, steps: [] });
  rmSync(join(folder, "vms/web/current"));
  await nix(["store", "gc"]);
  expect(existsSync(path)).toBe(false);
  expect((await build("web")).path).toBe(path);
});

test("build() writes data as data: quotes, antiquotation and line ends go through unescaped", async () => {
  const awkward = `a "b" \${c} ''d'' \\ \n e`;
  const { path } = await build("awkward", {
    module: "{ ... }: { }",
    volumes: [{ image: "data.img", sizeMiB: 8, label: awkward }],
  });
  expect(existsSync(path)).toBe(true);
  expect(JSON.parse(readFileSync(join(folder, "vms/awkward/flake/vm.json"), "utf8"))).toMatchObject({
    microvm: { volumes: [{ image: "seed.img" }, { image: "volumes/data.img", label: awkward }] },
  });
  expect(readdirSync(join(folder, "vms/awkward/flake")).toSorted()).toEqual([
    "agent",
    "flake.nix",
    "guest.nix",
    "guest.sh",
    "module.nix",
    "own",
    "vm.json",
    "vm.nix",
  ]);
});

test("the guest's half finds its seed, and ends its guest as its hypervisor wants it", async () => {
  await build("guest-half", { hypervisor: "qemu", vsockCid: 5 });
  const unit = `path:${folder}/vms/guest-half/flake#nixosConfigurations.guest-half.config.systemd.services.blixard`;
  const inputs = Object.entries(settings.inputs!).flatMap(([name, at]) => ["--override-input", name, at]);
  const value = async (path: string): Promise<unknown> =>
    JSON.parse(await nix(["eval", "--json", "--no-write-lock-file", `${unit}.${path}`, ...inputs]));
  expect(await value("environment.BLIXARD_SEED")).toBe(REAL_INPUTS === undefined ? "/dev/vda" : "/dev/vdb");
  expect(await value("unitConfig")).toMatchObject({ SuccessAction: "reboot", FailureAction: "reboot" });
  await promisify(execFile)("/bin/sh", ["-n", join(folder, "vms/guest-half/flake/guest.sh")]);
});

test("an undefined variable in a user's module is told with file and line", async () => {
  const module = "{ ... }:\n{\n  microvm.preStart = undefinedThing;\n}\n";
  expect(await failure(build("bad-variable", { module }))).toEqual({
    failure: "evaluation",
    message: "module.nix:3: undefined variable 'undefinedThing'",
  });
});

test("a syntax error in a user's module is told with file and line", async () => {
  const { message } = await failure(build("bad-syntax", { module: "{ ... }:\n{ a = ; }\n" }));
  expect(message).toMatch(/^module\.nix:2: syntax error/);
});

test("an unknown option is told with the file that sets it", async () => {
  const { failure: kind, message } = await failure(build("bad-option", { module: "{ ... }: { microvm.memory = 5; }" }));
  expect(kind).toBe("evaluation");
  expect(message).toContain("The option `microvm.memory' does not exist");
  expect(message).toContain("`module.nix'");
  expect(message.length).toBeLessThan(300);
});

test("a value of the wrong type is told with option and file", async () => {
  const { message } = await failure(
    build("bad-type", { module: '{ lib, ... }: { microvm.vcpu = lib.mkForce "two"; }' }),
  );
  expect(message).toMatch(/A definition for option `microvm\.vcpu' is not of type/);
  expect(message).toContain("module.nix");
});

test("a missing attribute is told with file and line", async () => {
  const module = '{ pkgs, ... }:\n{ microvm.preStart = "${pkgs.no-such-package}"; }\n';
  expect((await failure(build("bad-attribute", { module }))).message).toBe(
    "module.nix:2: attribute 'no-such-package' missing",
  );
});

test("failed assertions of microvm.nix come one after the other, on a line", async () => {
  const two =
    '[ { type = "tap"; id = "a"; mac = "02:00:00:00:00:01"; } { type = "tap"; id = "a"; mac = "02:00:00:00:00:02"; } ]';
  const { message } = await failure(build("bad-assertion", { module: `{ ... }: { microvm.interfaces = ${two}; }` }));
  expect(message).toMatch(/^Failed assertions: - /);
});

test.skipIf(REAL_INPUTS !== undefined)(
  "a builder that fails is told with what it said last, and the old runner stays",
  async () => {
    const { path } = await build("breaks");
    const module = '{ ... }: { microvm.stubBuild = "echo compiling; echo no room >&2; exit 7"; }';
    const { failure: kind, message } = await failure(build("breaks", { module }));
    expect(kind).toBe("build");
    expect(message).toMatch(/failed with exit code 7; it said: compiling \| no room$/);
    expect(realpathSync(join(folder, "vms/breaks/current"))).toBe(path);
    expect((await build("breaks")).path).toBe(path);
  },
);

test("an input that cannot be reached is told with its address", async () => {
  const { message } = await failure(build("unreachable", { flake: `path:${folder}/nowhere#web` }));
  expect(message).toContain(`${folder}/nowhere`);
});

test("a lock that is not there is told with its path", async () => {
  const lockFile = join(folder, "no.lock");
  await expect(build("unlocked", {}, { lockFile })).rejects.toThrow(`cannot read the cluster's lock "${lockFile}"`);
});

test.skipIf(REAL_INPUTS !== undefined)(
  "the cluster's lock decides the inputs, and is made as the manual says",
  async () => {
    const template = join(folder, "template");
    await cp(join(import.meta.dirname, "../../nix/vm"), template, { recursive: true });
    const inputs = Object.entries(settings.inputs!).flatMap(([name, at]) => ["--override-input", name, at]);
    await nix(["flake", "lock", `path:${template}`, ...inputs]);
    const lockFile = join(template, "flake.lock");
    const { path } = await build("locked", {}, { lockFile, inputs: {} });
    expect(readdirSync(join(path, "bin"))).toContain("microvm-run");
    const own = `path:${folder}/own-flake#web`;
    mkdirSync(join(folder, "own-flake"), { recursive: true });
    writeFileSync(join(folder, "own-flake/flake.nix"), "{ outputs = _: { nixosModules.web = { }; }; }");
    expect((await build("locked-own", { flake: own }, { lockFile, inputs: {} })).steps).toContain("evaluating");
  },
);

test("a module of a flake, and a configuration of one, become the VM's system", async () => {
  const own = join(folder, "own");
  mkdirSync(own);
  writeFileSync(
    join(own, "flake.nix"),
    `{
      inputs.nixpkgs.url = "${settings.inputs?.["nixpkgs"]}";
      outputs = { nixpkgs, ... }: {
        nixosModules.web = { ... }: { microvm.binScripts.from-module = "echo module"; };
        nixosModules.default = { ... }: { microvm.binScripts.from-default = "echo default"; };
        nixosConfigurations.db = nixpkgs.lib.nixosSystem {
          system = "x86_64-linux";
          modules = [ ({ ... }: { networking.hostName = "of-the-flake"; networking.firewall.enable = true; }) ];
        };
      };
    }`,
  );
  const scripts = async (name: string): Promise<readonly string[]> =>
    readdirSync(
      join(
        (await build(`own-${name || "none"}`, { flake: `path:${own}${name === "" ? "" : `#${name}`}` })).path,
        "bin",
      ),
    );
  expect(await scripts("web")).toContain("from-module");
  expect(await scripts("")).toContain("from-default");
  expect(await scripts("db")).toContain("microvm-run");
  const { path } = await build("own-db", { flake: `path:${own}#db` });
  if (REAL_INPUTS === undefined)
    expect(readFileSync(join(path, "bin/microvm-run"), "utf8")).toContain("'-name' 'own-db'");
  const { message } = await failure(build("own-nobody", { flake: `path:${own}#nobody` }));
  expect(message).toContain("neither nixosConfigurations.nobody nor nixosModules.nobody");
});

test.skipIf(REAL_INPUTS !== undefined)("a build that takes too long is ended with all its processes", async () => {
  const nap = `sleep 600.${process.pid}`;
  const module = `{ ... }: { microvm.stubBuild = "${nap}"; }`;
  const { failure: kind, message } = await failure(build("slow", { module }, { timeoutMs: 1500 }));
  expect(kind).toBe("timeout");
  expect(message).toContain("not done in 1.5 s");
  const { stdout } = await promisify(execFile)("ps", ["-eo", "args"]);
  expect(stdout).not.toContain(nap);
});

test("an evaluation that never ends is killed", async () => {
  const list = "builtins.genList (x: x) 30000";
  const sum = `builtins.foldl' (a: b: builtins.foldl' (c: d: c + d) a (${list})) 0 (${list})`;
  const module = `{ ... }: { microvm.preStart = toString (${sum}); }`;
  const startMs = performance.now();
  expect(await failure(build("endless", { module }, { timeoutMs: 500 }))).toMatchObject({ failure: "timeout" });
  expect(performance.now() - startMs).toBeLessThan(30_000);
});

test("a data folder that Nix cannot name is refused by name", async () => {
  const builder = new RunnerBuilder(settings, join(folder, "my vms"));
  const request = { module: undefined, own: undefined, lockFile: undefined, onStep: () => undefined };
  const vm = { name: "web" } as VmJson;
  expect(await failure(builder.build({ ...request, vm }))).toEqual({
    failure: "refused",
    message: `Nix reads no flake from "${folder}/my vms/web": give the node a data folder of letters, digits and "-._" only`,
  });
});

test("a Nix that is not there is told with what to install", async () => {
  expect(await failure(build("no-nix", {}, { nix: "no-such-nix" }))).toEqual({
    failure: "missing",
    message: "no-such-nix is not installed: install Nix (on Debian the package nix-bin)",
  });
});

test.skipIf(REAL_INPUTS !== undefined)(
  "a signed closure reaches another node's store, an unsigned or foreign one does not",
  async () => {
    const { path } = await build("shared");
    const secretFile = join(folder, "cache.key");
    const secret = await nix(["key", "generate-secret", "--key-name", "blixard-test-1"]);
    writeFileSync(secretFile, secret);
    // A binary cache is one of paths below /nix/store, unless it is told.
    const cache = `file://${folder}/binary-cache?store=${folder}/nix/store`;
    const other = join(folder, "other");
    // Another node's store: the same paths, elsewhere on this disk.
    const [, mine] = settings.args!;
    const store = `${mine!.replace(/&.*/, "")}&real=${other}/store&state=${other}/var&log=${other}/log`;
    const node = (key: string): Partial<NixSettings> => ({
      args: ["--store", store],
      config: [
        ...(settings.config ?? []).filter((line) => !line.startsWith("substituters")),
        `substituters = ${cache}`,
        `trusted-public-keys = ${key}`,
      ],
    });
    const there = join(other, "store", path.split("/").at(-1)!);
    await nix(["copy", "--to", cache, path]);
    const fetch = (key: string): Promise<string> => nix(["copy", "--from", cache, path], { ...settings, ...node(key) });
    const { stdout: key } = await promisify(execFile)("/bin/sh", ["-c", PUBLIC_KEY, "sh", secretFile]);
    await expect(fetch(key)).rejects.toThrow("signature");
    rmSync(join(folder, "binary-cache"), { recursive: true });
    await pushClosure(settings, path, { to: cache, keyFile: secretFile });
    await expect(fetch("blixard-test-2:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")).rejects.toThrow("signature");
    expect(existsSync(there)).toBe(false);
    // As a node does it that is to run the VM: it builds, and finds it built.
    rmSync(join(folder, "vms/shared/built.json"));
    const found = await build("shared", {}, node(key));
    expect(found.path).toBe(path);
    expect(found.steps.filter((step) => step.startsWith("building"))).toEqual([]);
    expect(existsSync(there)).toBe(true);
  },
);

/** Asks no store, so that none is made. */
const PUBLIC_KEY =
  "NIX_CONFIG='experimental-features = nix-command' nix key convert-secret-to-public --store dummy:// <\"$1\"";

/** @throws with what Nix said. */
async function nix(args: readonly string[], with_: NixSettings = settings): Promise<string> {
  const said: string[] = [];
  const run = await runNix(with_, args, { timeoutMs: 30_000, onLine: (line) => said.push(line) });
  if (run.code !== 0) throw new Error(said.join(" "));
  return run.stdout;
}
