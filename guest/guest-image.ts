/**
 * Builds the guest image `base`: Debian's cloud kernel, a static busybox and our init, as kernel and initramfs.
 *
 * An image's folder is named by a hash of everything that went into it, so it is built once, rebuilt when our code or
 * the host's packages change, and never altered: running nodes keep the one they started with. It appears by a rename,
 * so nobody sees half of it, and when two processes build it at once one of the two equal results stays.
 * See docs/decisions/0006-guest-image.md.
 */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cpioArchive, type CpioEntry } from "../runtime/node/cpio.ts";
import { findExecutable } from "../runtime/node/find-executable.ts";
import { ensureAgentProgram } from "./agent-program.ts";
import { fetchDebianKernel, type GuestKernel } from "./kernel-package.ts";
import { loadModules, type KernelModule } from "./kernel-modules.ts";
import { runCommand } from "./run-command.ts";
import { unpackKernel } from "./unpack-kernel.ts";

export interface GuestImageOptions {
  /** Kernels and images are kept below it. */
  readonly cacheDir: string;
  /** Called before each step that may take longer than a second. */
  onProgress(step: string, detail: string): void;
  /** A kernel to use. Default: Debian's cloud kernel, fetched by apt. */
  readonly kernel?: GuestKernel;
}

export interface GuestImage {
  /** What `createQemuHypervisor` takes. */
  readonly imagesDir: string;
  /** What `InstanceLaunch.image` names. */
  readonly name: "base";
}

/** Raise it when a change of this file changes the image. */
const BUILDER_VERSION = 3;
const IMAGE_NAME = "base";
/** What a guest on `-M microvm` needs: the bus, the network, the port to its host. */
const MODULES = ["virtio_mmio", "virtio_net", "virtio_console"];
/** Loaded in the guests that have the device; loading one costs 20 ms under pure emulation. */
const OPTIONAL_MODULES = ["virtio_balloon", "virtio_blk"];
const SCRIPTS = ["init.sh", "default-start.sh", "dhcp.sh"] as const;

type Scripts = Readonly<Record<(typeof SCRIPTS)[number], Buffer>>;

/** The image's place; builds it first when it is not there. @throws with the reason and what would help. */
export async function ensureGuestImage(options: GuestImageOptions): Promise<GuestImage> {
  const busybox = await staticBusybox();
  const scripts = await readScripts();
  const kernel = options.kernel ?? (await fetchDebianKernel(options));
  const agent = await ensureAgentProgram(options);
  const imagesRoot = join(options.cacheDir, "images");
  const imagesDir = join(imagesRoot, await inputsHash({ busybox, scripts, kernel, agent }));
  const image: GuestImage = { imagesDir, name: IMAGE_NAME };
  if (await isComplete(imagesDir)) return image;
  const without = agent === undefined ? ", without an agent for want of a C compiler: no vm exec, cp, clone" : "";
  options.onProgress("build", `guest image from ${kernel.version}${without}`);
  await mkdir(imagesRoot, { recursive: true });
  const temporary = await mkdtemp(join(imagesRoot, ".building-"));
  try {
    await buildInto(join(temporary, IMAGE_NAME), { busybox: busybox.path, scripts, kernel, agent });
    await rename(temporary, imagesDir).catch(async (error: unknown) => {
      if (!(await isComplete(imagesDir))) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return image;
}

async function isComplete(imagesDir: string): Promise<boolean> {
  return (await stat(join(imagesDir, IMAGE_NAME, "image.json")).catch(() => undefined)) !== undefined;
}

interface Busybox {
  readonly path: string;
  readonly content: Buffer;
}

async function staticBusybox(): Promise<Busybox> {
  const path = await findExecutable("busybox");
  if (path === undefined)
    throw new Error("Cannot build the guest image: no busybox; install the package busybox-static");
  const content = await readFile(path);
  // A dynamic executable names its loader; the guest has none.
  if (content.includes("/ld-linux") || content.includes("/ld-musl")) {
    throw new Error(`Cannot build the guest image: ${path} is not static; install the package busybox-static`);
  }
  return { path, content };
}

async function readScripts(): Promise<Scripts> {
  const contents = await Promise.all(SCRIPTS.map((name) => readFile(join(import.meta.dirname, name))));
  return Object.fromEntries(SCRIPTS.map((name, i) => [name, contents[i]])) as unknown as Scripts;
}

async function inputsHash(inputs: {
  busybox: Busybox;
  scripts: Scripts;
  kernel: GuestKernel;
  agent: Buffer | undefined;
}): Promise<string> {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([BUILDER_VERSION, MODULES, OPTIONAL_MODULES, inputs.kernel.version]));
  hash.update(createHash("sha256").update(inputs.busybox.content).digest());
  for (const name of SCRIPTS) hash.update(createHash("sha256").update(inputs.scripts[name]).digest());
  hash.update(
    createHash("sha256")
      .update(inputs.agent ?? "")
      .digest(),
  );
  return hash.digest("hex").slice(0, 16);
}

async function buildInto(
  folder: string,
  inputs: { busybox: string; scripts: Scripts; kernel: GuestKernel; agent: Buffer | undefined },
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const wanted = [...MODULES, ...OPTIONAL_MODULES];
  const modules = await loadModules({ modulesDir: inputs.kernel.modulesDir, wanted, busybox: inputs.busybox });
  const applets = (await runCommand(inputs.busybox, ["--list"])).toString("utf8").trim().split("\n");
  const entries = await userSpace({ ...inputs, modules, applets });
  await writeFile(join(folder, "kernel"), unpackKernel(await readFile(inputs.kernel.kernelPath)));
  await writeFile(join(folder, "initramfs"), cpioArchive(entries));
  // What its agent speaks: 0 is heartbeat and stop alone (docs/guest-agent.md).
  const protocol = inputs.agent === undefined ? 0 : 1;
  const description = {
    format: 1,
    protocol,
    kernel: inputs.kernel.version,
    modules: modules.map((module) => module.name),
  };
  await writeFile(join(folder, "image.json"), `${JSON.stringify(description, null, 2)}\n`);
}

async function userSpace(from: {
  busybox: string;
  scripts: Scripts;
  modules: readonly KernelModule[];
  applets: readonly string[];
  agent: Buffer | undefined;
}): Promise<readonly CpioEntry[]> {
  const text = (path: string, content: string): CpioEntry => ({
    type: "file",
    path,
    mode: 0o644,
    content: Buffer.from(content),
  });
  const script = (path: string, content: Buffer): CpioEntry => ({ type: "file", path, mode: 0o755, content });
  return [
    ...["/dev", "/proc", "/sys", "/tmp", "/run", "/root"].map((path): CpioEntry => ({
      type: "directory",
      path,
      mode: 0o755,
    })),
    // The kernel opens it for init before devtmpfs is there.
    { type: "character-device", path: "/dev/console", mode: 0o600, device: { major: 5, minor: 1 } },
    { type: "file", path: "/bin/busybox", mode: 0o755, content: await readFile(from.busybox) },
    ...from.applets
      .filter((applet) => applet !== "busybox")
      .map((applet): CpioEntry => ({ type: "symlink", path: `/bin/${applet}`, target: "busybox" })),
    { type: "symlink", path: "/sbin", target: "bin" },
    { type: "symlink", path: "/usr/bin", target: "../bin" },
    ...from.modules.map(({ name, content }): CpioEntry => ({
      type: "file",
      path: `/lib/modules/${name}.ko`,
      mode: 0o644,
      content,
    })),
    text(
      "/etc/blixard/modules",
      from.modules.map(({ name }) => (OPTIONAL_MODULES.includes(name) ? "" : `${name}\n`)).join(""),
    ),
    text("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
    text("/etc/group", "root:x:0:\n"),
    text("/etc/hosts", "127.0.0.1 localhost\n"),
    text("/etc/resolv.conf", "nameserver 10.0.2.3\n"),
    script("/etc/blixard/default-start", from.scripts["default-start.sh"]),
    script("/etc/blixard/dhcp", from.scripts["dhcp.sh"]),
    ...(from.agent === undefined ? [] : [script("/bin/blixard-agent", from.agent)]),
    script("/init", from.scripts["init.sh"]),
  ];
}
