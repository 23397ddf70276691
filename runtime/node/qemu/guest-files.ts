/**
 * What makes a guest this instance and no other: a second archive, laid over the image's own by the kernel.
 *
 * It holds the instance's files, its identity, and /etc/blixard/start, which sets the environment and becomes the service.
 */
import { createHash } from "node:crypto";
import type { InstanceLaunch } from "../../ports/hypervisor.ts";
import { cpioArchive, type CpioEntry } from "../cpio.ts";
import { stringsBody } from "../agent/agent-line.ts";
import { shellQuote } from "../shell-quote.ts";
import { cardsFile } from "./cards.ts";
import { seedFiles } from "./seed-disk.ts";

/** What the image runs when no command is given (guest/guest-image.ts). */
const DEFAULT_START = "/etc/blixard/default-start";
const HOST_NAME_MAX = 63;
/** Where cloud-init looks for what nobody need attach, and a guest that has none can read it, too. */
const SEED_FOLDER = "/var/lib/cloud/seed/nocloud";

export function guestFiles(launch: InstanceLaunch): Buffer {
  const text = (path: string, content: string, mode = 0o644): CpioEntry => {
    return { type: "file", path, mode, content: Buffer.from(content, "utf8") };
  };
  const name = guestName(launch);
  const hasDisks = launch.cloudInit !== undefined || (launch.disks?.length ?? 0) > 0;
  return cpioArchive([
    text("/etc/hostname", `${name}\n`),
    text("/etc/hosts", `127.0.0.1 localhost\n${ownAddress(launch)} ${name}\n`),
    text("/etc/machine-id", `${machineId(launch.instance)}\n`),
    ...(launch.balloon === true ? [text("/etc/blixard/balloon", "")] : []),
    ...(hasDisks ? [text("/etc/blixard/disks", "")] : []),
    ...(launch.networks === undefined ? [] : [text("/etc/blixard/networks", cardsFile(launch.networks))]),
    ...seedFiles(launch, name).map((file): CpioEntry => {
      return { type: "file", path: `${SEED_FOLDER}/${file.name}`, mode: 0o600, content: file.content };
    }),
    // The user's files come after ours, so they may replace them; what starts the service comes last.
    ...launch.files.map((file) => text(file.path, file.content, Number.parseInt(file.mode, 8))),
    text("/etc/blixard/start", startScript(launch), 0o700),
    // What `exec` gives a command before its own variables: it sees what the service sees.
    text("/etc/blixard/environment", stringsBody(assignments(launch)).toString("utf8"), 0o600),
  ]);
}

/** By which a guest knows itself: that of QEMU's own network where it has a card in it, else one of its own alone. */
function ownAddress({ networks }: InstanceLaunch): string {
  return networks === undefined || networks.some(({ kind }) => kind === "user") ? "10.0.2.15" : "127.0.1.1";
}

/** Sets the instance's environment and becomes its service, or what the image runs by itself. */
export function startScript(launch: InstanceLaunch): string {
  const command = launch.command.length > 0 ? launch.command : ["sh", DEFAULT_START];
  return [
    "#!/bin/sh",
    ...Object.entries(environment(launch)).map(([name, value]) => `export ${name}=${shellQuote(value)}`),
    "cd /",
    `exec ${command.map(shellQuote).join(" ")}`,
    "",
  ].join("\n");
}

function assignments(launch: InstanceLaunch): readonly string[] {
  return Object.entries(environment(launch)).map(([name, value]) => `${name}=${value}`);
}

function environment(launch: InstanceLaunch): Readonly<Record<string, string>> {
  return {
    PATH: "/usr/local/bin:/usr/bin:/bin:/sbin",
    HOME: "/root",
    ...launch.env,
    ...Object.fromEntries(launch.ports.map((port) => [`BLIXARD_PORT_${port.guestPort}`, String(port.guestPort)])),
    BLIXARD_ROOT: "",
    BLIXARD_VM: launch.vm,
    BLIXARD_INSTANCE: launch.instance,
    BLIXARD_NODE: launch.node,
  };
}

/** The same for each instance of a VM, so that leases of addresses last; 52:54:00 is QEMU's own prefix. */
export function macAddress(vm: string): string {
  const digits = createHash("sha256").update(`blixard mac ${vm}`).digest("hex");
  return `52:54:00:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4, 6)}`;
}

/** 128 bits that no two instances share. */
export function machineId(instance: string): string {
  return createHash("sha256").update(`blixard instance ${instance}`).digest("hex").slice(0, 32);
}

/** What it is told to call itself. */
export function guestName({ vm, cloudInit }: InstanceLaunch): string {
  return cloudInit?.hostName ?? hostName(vm);
}

export function hostName(vm: string): string {
  return vm.replaceAll(/[^A-Za-z0-9-]/g, "-").slice(0, HOST_NAME_MAX);
}
