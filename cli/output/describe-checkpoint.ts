/** Everything about one checkpoint for a person to read. */
import type { Checkpoint, Event } from "../../actors/index.ts";
import { formatAge } from "./duration.ts";
import { eventColumns, labelsOf } from "./resource-columns.ts";
import { formatBytes } from "./size.ts";
import { renderTable } from "./table.ts";

export interface AroundCheckpoint {
  /** VMs whose spec names it. */
  readonly users: readonly string[];
  /** All there are; those about the checkpoint are picked. */
  readonly events: readonly Event[];
  /** Wall clock. */
  readonly nowMs: number;
}

export function describeCheckpoint(
  { metadata, spec, status }: Checkpoint,
  { users, events, nowMs }: AroundCheckpoint,
): string {
  const { guest } = spec;
  const { manifest } = status;
  const lines: readonly (readonly [string, string])[] = [
    ["Name", metadata.name],
    ["Status", `${status.phase}, for ${formatAge(nowMs - status.sinceMs)}`],
    ["Message", status.message],
    ["Of", `vm/${spec.vm}, instance ${spec.instance}`],
    ["Node", `${status.node}, which calls it ${status.id}`],
    ["Size", manifest === null ? "" : formatBytes(status.sizeBytes)],
    ["Guest", `${guest.vcpus} vCPU, ${guest.memoryMiB} MiB memory, image ${guest.image}`],
    ["Needs", manifest === null ? "" : `${manifest.driver} ${manifest.version}, processor ${manifest.cpu}`],
    ["Machine", manifest?.machine ?? ""],
    ["Parts", (manifest?.parts ?? []).map(({ name, sizeBytes }) => `${name} ${formatBytes(sizeBytes)}`).join(", ")],
    ["Started from it", users.join(", ")],
    ["Created", `${new Date(metadata.createdAtMs).toISOString()}, ${formatAge(nowMs - metadata.createdAtMs)} ago`],
    ["Labels", labelsOf(metadata.labels)],
  ];
  const width = Math.max(...lines.map(([label]) => label.length)) + 1;
  const shown = lines.map(([label, text]) => `${`${label}:`.padEnd(width)}  ${text === "" ? "-" : text}\n`).join("");
  const own = events.filter(({ spec: { regarding } }) => {
    return regarding.kind === "Checkpoint" && regarding.name === metadata.name;
  });
  if (own.length === 0) return `${shown}Events:  none\n`;
  const columns = eventColumns(nowMs).filter(({ heading }) => heading !== "OBJECT");
  const inOrder = own.toSorted((a, b) => a.metadata.version - b.metadata.version);
  return `${shown}Events:\n${renderTable(columns, inOrder).replaceAll(/^(?=.)/gm, "  ")}`;
}
