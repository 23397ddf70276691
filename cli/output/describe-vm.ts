/** Everything about one VM for a person to read: what was asked for, what is, and what happened. */
import type { Event, Vm, VmHealth } from "../../actors/index.ts";
import { cardAddress } from "../../actors/resources/card-address.ts";
import { formatAge } from "./duration.ts";
import { formatBytes } from "./size.ts";
import { addressesOf, eventColumns, healthOf, labelsOf, statusOf } from "./resource-columns.ts";
import { renderTable } from "./table.ts";
import { renderConditions } from "./vm-conditions.ts";

/** More are in `blixard events`. */
const EVENTS_MAX = 15;

export interface DescribedAs {
  /** Wall clock. */
  readonly nowMs: number;
  /** What it uses, in a line. Default: nothing is known. */
  readonly usage?: string;
}

/** `events`: all there are; those about the VM are picked. */
export function describeVm(vm: Vm, events: readonly Event[], { nowMs, usage = "" }: DescribedAs): string {
  const { metadata, spec, status } = vm;
  const instance = status.instance;
  const lines: readonly (readonly [string, string])[] = [
    ["Name", metadata.name],
    ["Status", `${statusOf(vm)}, for ${formatAge(nowMs - status.sinceMs)}`],
    ["Health", healthOf(vm)],
    ["Message", status.message],
    ["Node", instance?.node ?? ""],
    [
      "Instance",
      instance === null ? "" : `${instance.id} (lease epoch ${instance.epoch}, generation ${instance.generation})`,
    ],
    ["Migration", migrationOf(vm)],
    ["Addresses", addressesOf(vm)],
    ["Restarts", String(status.restarts)],
    ["Usage", usage],
    ["Created", `${new Date(metadata.createdAtMs).toISOString()}, ${formatAge(nowMs - metadata.createdAtMs)} ago`],
    ["Generation", `${metadata.generation}, version ${metadata.version}, uid ${metadata.uid}`],
    ["Labels", labelsOf(metadata.labels)],
    ["Wanted", spec.running ? "running" : "stopped"],
    ["Resources", `${spec.vcpus} vCPU, ${spec.memoryMiB} MiB memory${balloonOf(vm)}`],
    ["Image", imageOf(vm)],
    ["Starts from", originOf(vm)],
    ["Disks", (spec.disks ?? []).map((disk) => diskOf(disk, spec.checkpoint)).join(", ")],
    ["Networks", networksOf(vm)],
    ["Cloud-init", cloudInitOf(vm)],
    ["Command", spec.command.map((word) => JSON.stringify(word)).join(" ")],
    ["Environment", labelsOf(spec.env)],
    ["Ports", spec.ports.map(({ name, guest, host }) => `${name} ${guest}→${host ?? "any"}`).join(", ")],
    [
      "Files",
      spec.files.map(({ path, mode, content }) => `${path} (${mode}, ${content.length} characters)`).join(", "),
    ],
    ["Health check", healthCheckOf(vm)],
    ["Starts after", (spec.after ?? []).join(", ")],
    ["Requires", (spec.requires ?? []).join(", ")],
    ["Restart", spec.restart],
    ["Stop grace", `${spec.stopGraceMs} ms`],
    ["Node selector", labelsOf(spec.nodeSelector)],
  ];
  const width = Math.max(...lines.map(([label]) => label.length)) + 1;
  const shown = lines.map(([label, text]) => `${`${label}:`.padEnd(width)}  ${text === "" ? "-" : text}\n`).join("");
  const conditions = renderConditions(vm, events, nowMs).replaceAll(/^(?=.)/gm, "  ");
  return `${shown}Conditions:\n${conditions}Events:${eventsOf(metadata.name, events, nowMs)}`;
}

function balloonOf({ spec, status: { instance } }: Vm): string {
  if (instance?.balloonMiB !== undefined) return `, of which its balloon is to leave it ${instance.balloonMiB}`;
  return spec.balloon === true ? ", with a balloon" : "";
}

/** What the guest is made of. */
function imageOf({ spec: { image, microvm } }: Vm): string {
  if (microvm === undefined) return image;
  const { hypervisor, module, flake } = microvm;
  const source = module === undefined ? "without a module" : `a module of ${module.length} characters`;
  return `NixOS for ${hypervisor}, ${flake === undefined ? source : `flake ${flake}`}`;
}

/** What it has of its own from the checkpoint, what of that one's guest. */
function originOf({ spec: { checkpoint }, status: { instance } }: Vm): string {
  if (checkpoint === undefined) return "";
  const { from } = instance ?? {};
  if (from?.checkpoint !== checkpoint) return `checkpoint/${checkpoint}`;
  return `checkpoint/${checkpoint} on ${from.node}, ${from.identity === "same" ? "its own" : "as somebody else"}`;
}

type Disk = NonNullable<Vm["spec"]["disks"]>[number];

function diskOf({ name, source, sizeMiB, readOnly }: Disk, checkpoint: string | undefined): string {
  const kept = source?.startsWith("rbd:") === true ? "" : "goes with the instance";
  const begins = checkpoint === undefined || readOnly ? (source ?? "empty") : `as in checkpoint/${checkpoint}`;
  const words = [begins, sizeMiB === undefined ? "" : `${sizeMiB} MiB`, readOnly ? "read only" : kept];
  return `${name} (${words.filter((word) => word !== "").join(", ")})`;
}

function networksOf({ metadata, spec: { networks } }: Vm): string {
  if (networks === undefined) return "";
  if (networks.length === 0) return "no card at all";
  const words = networks.map(({ name, kind, bridge, mac, address, gateway }) => {
    const way = gateway === undefined ? "" : `by ${gateway}`;
    const place = kind === "user" ? "user" : `tap in ${bridge}`;
    const all = [place, mac?.toLowerCase() ?? cardAddress(metadata, name), address ?? "", way];
    return `${name} (${all.filter((word) => word !== "").join(", ")})`;
  });
  return words.join(", ");
}

function cloudInitOf({ spec: { cloudInit } }: Vm): string {
  if (cloudInit === undefined) return "";
  const { userData = "", hostName, sshKeys } = cloudInit;
  const host = hostName === undefined ? "" : `host name ${hostName}, `;
  return `${host}${userData.length} characters of user data, ${sshKeys.length} ssh keys`;
}

/** The one that goes on, or else what came of the last. */
function migrationOf({ status: { migration, lastMigration: last } }: Vm): string {
  if (migration !== undefined) {
    const { phase, node, progress } = migration;
    const left =
      progress === undefined ? "" : `, ${formatBytes(progress.remainingBytes)} left, round ${progress.rounds}`;
    return `${phase} to ${node}${left}`;
  }
  if (last === undefined) return "";
  if (last.outcome === "ended") return `none; the last one, from ${last.from} to ${last.to}, ended: ${last.message}`;
  const { lastPagesMs: pages, takeOverMs: over } = last;
  const still = pages === undefined || over === undefined ? "" : `; it stood still for ${pages + over} ms`;
  const how = last.cold === true ? " by stop and start" : still;
  return `none; the last one, from ${last.from} to ${last.to}, moved it${how}`;
}

function healthCheckOf({ spec: { health } }: Vm): string {
  if (health === undefined) return "";
  return `${questionOf(health)} every ${health.intervalMs} ms, ${health.failuresMax} failures make it unhealthy`;
}

function questionOf(health: VmHealth): string {
  switch (health.type) {
    case "http":
      return `GET ${health.path} on port ${health.port}`;
    case "tcp":
      return `tcp port ${health.port}`;
    case "exec":
      return `exec ${health.command.map((word) => JSON.stringify(word)).join(" ")}`;
    case "heartbeat":
      return "a heartbeat of the guest";
    default:
      return health satisfies never;
  }
}

function eventsOf(name: string, events: readonly Event[], nowMs: number): string {
  const own = events.filter(({ spec }) => spec.regarding.kind === "Vm" && spec.regarding.name === name);
  if (own.length === 0) return "  none\n";
  const newest = own.toSorted((a, b) => a.metadata.version - b.metadata.version).slice(-EVENTS_MAX);
  const columns = eventColumns(nowMs).filter(({ heading }) => heading !== "OBJECT");
  return `\n${renderTable(columns, newest).replaceAll(/^(?=.)/gm, "  ")}`;
}
