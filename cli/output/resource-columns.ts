/** The columns of each kind, for `-o table` and `-o wide`. */
import type { Checkpoint, Event, Kind, Node, Resource, Vm } from "../../actors/index.ts";
import { formatEndpoint } from "../endpoint.ts";
import { KIND_NAMES } from "../kind-names.ts";
import { formatAge } from "./duration.ts";
import { formatBytes } from "./size.ts";
import type { Column } from "./table.ts";

/** `nowMs`: wall clock, for ages. */
export function columnsOf(kind: Kind, nowMs: number): readonly Column<Resource>[] {
  const columns = { Vm: vmColumns, Node: nodeColumns, Checkpoint: checkpointColumns, Event: eventColumns }[kind](nowMs);
  // A list of a kind holds resources of that kind only.
  return columns as readonly Column<Resource>[];
}

export function vmColumns(nowMs: number): readonly Column<Vm>[] {
  return [
    { heading: "NAME", cell: ({ metadata }) => metadata.name },
    { heading: "STATUS", cell: statusOf },
    { heading: "HEALTH", cell: healthOf },
    { heading: "NODE", cell: ({ status }) => status.instance?.node ?? "" },
    { heading: "ADDRESS", cell: addressesOf },
    { heading: "RESTARTS", cell: ({ status }) => String(status.restarts) },
    { heading: "AGE", cell: ({ metadata }) => formatAge(nowMs - metadata.createdAtMs) },
    { heading: "VCPUS", wide: true, cell: ({ spec }) => String(spec.vcpus) },
    { heading: "MEMORY", wide: true, cell: ({ spec }) => `${spec.memoryMiB}MiB` },
    { heading: "IMAGE", wide: true, cell: ({ spec }) => spec.image },
    { heading: "INSTANCE", wide: true, cell: ({ status }) => status.instance?.id ?? "" },
    { heading: "MESSAGE", wide: true, cell: ({ status }) => status.message },
  ];
}

export function nodeColumns(nowMs: number): readonly Column<Node>[] {
  return [
    { heading: "NAME", cell: ({ metadata }) => metadata.name },
    {
      heading: "STATUS",
      cell: ({ status: { phase, drain } }) => (drain === undefined ? phase : `${phase}, ${drainWord(drain)}`),
    },
    { heading: "DRIVER", cell: ({ spec }) => spec.driver },
    { heading: "VCPUS", cell: ({ spec }) => String(spec.vcpus) },
    { heading: "MEMORY", cell: ({ spec }) => `${spec.memoryMiB}MiB` },
    { heading: "API", cell: ({ spec }) => spec.apiUrl },
    { heading: "AGE", cell: ({ metadata }) => formatAge(nowMs - metadata.createdAtMs) },
    { heading: "ADDRESS", wide: true, cell: ({ spec }) => spec.address },
    { heading: "EPOCH", wide: true, cell: ({ status }) => String(status.epoch) },
    { heading: "VERSION", wide: true, cell: ({ spec }) => spec.version },
    { heading: "BRIDGES", wide: true, cell: ({ spec }) => (spec.bridges ?? []).join(",") },
    { heading: "LABELS", wide: true, cell: ({ spec }) => labelsOf(spec.labels) },
  ];
}

function drainWord({ phase }: NonNullable<Node["status"]["drain"]>): string {
  return phase === "ended" ? "closed" : phase;
}

function checkpointColumns(nowMs: number): readonly Column<Checkpoint>[] {
  return [
    { heading: "NAME", cell: ({ metadata }) => metadata.name },
    { heading: "STATUS", cell: ({ status }) => status.phase },
    { heading: "VM", cell: ({ spec }) => spec.vm },
    { heading: "NODE", cell: ({ status }) => status.node },
    { heading: "SIZE", cell: ({ status }) => (status.phase === "Ready" ? formatBytes(status.sizeBytes) : "") },
    { heading: "AGE", cell: ({ metadata }) => formatAge(nowMs - metadata.createdAtMs) },
    { heading: "MESSAGE", cell: ({ status }) => status.message },
    { heading: "VCPUS", wide: true, cell: ({ spec }) => String(spec.guest.vcpus) },
    { heading: "MEMORY", wide: true, cell: ({ spec }) => `${spec.guest.memoryMiB}MiB` },
    { heading: "IMAGE", wide: true, cell: ({ spec }) => spec.guest.image },
  ];
}

export function eventColumns(nowMs: number): readonly Column<Event>[] {
  return [
    { heading: "AGE", cell: ({ spec }) => formatAge(nowMs - spec.atMs) },
    { heading: "TYPE", cell: ({ spec }) => spec.type },
    { heading: "REASON", cell: ({ spec }) => spec.reason },
    { heading: "OBJECT", cell: ({ spec }) => objectOf(spec.regarding) },
    { heading: "MESSAGE", cell: ({ spec }) => spec.message },
    { heading: "NAME", wide: true, cell: ({ metadata }) => metadata.name },
  ];
}

export function statusOf({ metadata, status }: Vm): string {
  return metadata.deletedAtMs === undefined ? status.phase : "Deleting";
}

/** Empty when nobody asks the VM how it is: it has no health check, or does not run. */
export function healthOf({ spec, status }: Vm): string {
  return spec.health === undefined || status.phase !== "Running" ? "" : status.health;
}

export function addressesOf({ status }: Vm): string {
  return status.addresses.map(({ address, port }) => formatEndpoint({ host: address, port })).join(",");
}

/** `vm/web`. A kind that this version does not know keeps its own name. */
export function objectOf(object: { readonly kind: string; readonly name: string }): string {
  const kind = Object.hasOwn(KIND_NAMES, object.kind) ? KIND_NAMES[object.kind as Kind].singular : object.kind;
  return `${kind}/${object.name}`;
}

export function labelsOf(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}
