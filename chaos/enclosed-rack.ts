/**
 * A rack inside an enclosure (`enclosure.ts`): each host is a network namespace on one bridge, and a small disk. Clients sit at the bridge.
 *
 * **A cut link** is a neighbour entry that names a card which nobody has: what the host sends to that neighbour leaves, and is lost on the way
 * without a word to the sender, in this direction alone. No packet filter is needed, and connections that stand are hit like new ones.
 * **A disk** is an ext4 file system in a file where a loop device may be had, so that writes are flushed to the disk below it; else it is in memory.
 */
import { mkdirSync, rmSync, statfsSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Host, Rack } from "./rack.ts";
import { runCommand, whyItFails } from "./run-command.ts";

const NETWORK = "10.77.0";
const CLIENTS = `${NETWORK}.254`;
const BRIDGE = "rack";
const CARD = "eth0";
const LISTEN_PORT = 7000;
const SERVE_PORT = 8000;

/** Room for some segments of the log (16 MiB each at most) and snapshots, and little enough to be filled at once. */
const DISK_BYTES = 192 * 1024 * 1024;

const BLOCK_BYTES = 4096;

/** Where `ip` looks for namespaces by name. The enclosure's own: it goes when the enclosure does. */
const NAMESPACES = "/run/netns";

export function enclosedRack(folder: string, names: readonly string[]): Rack {
  runCommand(["mount", "-t", "tmpfs", "tmpfs", "/run"]);
  mkdirSync(NAMESPACES);
  runCommand(["ip", "link", "set", "lo", "up"]);
  runCommand(["ip", "link", "add", BRIDGE, "type", "bridge"]);
  runCommand(["ip", "address", "add", `${CLIENTS}/24`, "dev", BRIDGE]);
  runCommand(["ip", "link", "set", BRIDGE, "up"]);
  const kinds = new Set<string>();
  const hosts = names.map((name, at): Host => {
    addToNetwork(name, at + 1);
    const disk = join(folder, name);
    kinds.add(mountDisk(disk));
    return {
      name,
      address: addressOf(at + 1),
      listenPort: LISTEN_PORT,
      servePort: SERVE_PORT,
      folder: disk,
      enter: ["nsenter", `--net=${join(NAMESPACES, name)}`],
    };
  });
  const numberOf = (name: string): number => names.indexOf(name) + 1;
  const link = (from: string, to: string, isWhole: boolean): void => pointTo(from, numberOf(to), isWhole);
  const others = (name: string): readonly string[] => names.filter((other) => other !== name);
  const healAll = (): void => {
    for (const from of names) for (const to of others(from)) link(from, to, true);
  };
  healAll();
  return {
    description: `a network namespace a node, disks of ${DISK_BYTES / 1024 / 1024} MiB (${[...kinds].join(", ")})`,
    hosts,
    missing: {},
    cut: (from, to) => link(from, to, false),
    heal: healAll,
    fill: (name) => fill(fillerOf(folder, name)),
    empty: (name) => rmSync(fillerOf(folder, name), { force: true }),
  };
}

function addToNetwork(name: string, number: number): void {
  const port = `${BRIDGE}-${name}`;
  runCommand(["ip", "netns", "add", name]);
  runCommand(["ip", "link", "add", port, "type", "veth", "peer", "name", CARD, "netns", name]);
  runCommand(["ip", "link", "set", port, "master", BRIDGE, "up"]);
  runCommand(["ip", "-n", name, "link", "set", "lo", "up"]);
  runCommand(["ip", "-n", name, "link", "set", CARD, "address", cardOf(number, true), "up"]);
  runCommand(["ip", "-n", name, "address", "add", `${addressOf(number)}/24`, "dev", CARD]);
}

/** Permanent entries: no host ever asks for one, so none learns the truth behind the cut. */
function pointTo(from: string, number: number, isWhole: boolean): void {
  const card = cardOf(number, isWhole);
  runCommand([
    "ip",
    "-n",
    from,
    "neigh",
    "replace",
    addressOf(number),
    "lladdr",
    card,
    "dev",
    CARD,
    "nud",
    "permanent",
  ]);
}

function addressOf(number: number): string {
  return `${NETWORK}.${number}`;
}

function cardOf(number: number, isReal: boolean): string {
  return `02:00:00:00:${isReal ? "00" : "ff"}:0${number}`;
}

/** @returns what it is. */
function mountDisk(folder: string): string {
  mkdirSync(folder);
  const image = `${folder}.disk`;
  writeFileSync(image, "");
  truncateSync(image, DISK_BYTES);
  // Without blocks that only root may use: everybody here is root.
  const failure =
    whyItFails(["mkfs.ext4", "-q", "-F", "-m", "0", image]) ?? whyItFails(["mount", "-o", "loop", image, folder]);
  if (failure === null) return "ext4";
  rmSync(image);
  runCommand(["mount", "-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", folder]);
  return "in memory";
}

function fillerOf(folder: string, name: string): string {
  return join(folder, name, "filler");
}

/** Takes what is free, then half of it, and so on: file systems keep some blocks for themselves, and say so only when asked for them. */
function fill(file: string): void {
  const { bavail, bsize } = statfsSync(join(file, ".."));
  let sizeBytes = 0;
  for (let step = bavail * bsize; step >= BLOCK_BYTES;) {
    if (whyItFails(["fallocate", "--length", String(sizeBytes + step), file]) === null) sizeBytes += step;
    else step = Math.floor(step / 2);
  }
}
