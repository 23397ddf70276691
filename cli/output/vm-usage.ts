/** What one VM uses, for a person to read. What its driver does not know has no line. */
import type { VmMetrics } from "../../api/index.ts";
import { formatAge, formatSeconds } from "./duration.ts";
import { formatBytes } from "./size.ts";
import type { Rates } from "./usage.ts";

const ORIGINS: Readonly<Record<NonNullable<NonNullable<VmMetrics["usage"]>["origin"]>, string>> = {
  boot: "by a boot",
  checkpoint: "from its checkpoint",
  standby: "from its checkpoint, by a standby",
  migration: "on another node",
};

/** `rates`: since the reading before; without one, counters only. */
export function renderUsage(metrics: VmMetrics, rates: Rates | undefined): string {
  const { vm, node, instance, phase, vcpus, memoryMiB, restarts, usage } = metrics;
  const lines: (readonly [string, string])[] = [["VM", `${vm}, ${phase} on ${node} (${instance})`]];
  if (usage !== undefined) {
    const { cpuMs, residentBytes, balloonBytes, readBytes, writtenBytes, receivedBytes, sentBytes } = usage;
    const share = rates === undefined ? "" : `${formatPercent(rates.cpuPercent)} of one processor; `;
    lines.push(["CPU", `${share}${formatSeconds(cpuMs)} since its start, ${vcpus} vCPU`]);
    lines.push(["Memory", `${formatBytes(residentBytes)} held by the host, of ${memoryMiB} MiB`]);
    if (balloonBytes !== undefined) lines.push(["Balloon", `leaves it ${formatBytes(balloonBytes)}`]);
    if (readBytes !== undefined) lines.push(["Disk read", amount(readBytes, rates?.readBytes)]);
    if (writtenBytes !== undefined) lines.push(["Disk written", amount(writtenBytes, rates?.writtenBytes)]);
    if (receivedBytes !== undefined) lines.push(["Received", amount(receivedBytes, rates?.receivedBytes)]);
    if (sentBytes !== undefined) lines.push(["Sent", amount(sentBytes, rates?.sentBytes)]);
    if (usage.origin !== undefined) lines.push(["Began", ORIGINS[usage.origin]]);
    if (usage.bootMs !== undefined) lines.push(["Boot", formatSeconds(usage.bootMs)]);
    if (usage.upMs !== undefined) lines.push(["Up", formatAge(usage.upMs)]);
  }
  lines.push(["Restarts", String(restarts)]);
  const width = Math.max(...lines.map(([label]) => label.length)) + 1;
  return lines.map(([label, text]) => `${`${label}:`.padEnd(width)}  ${text}\n`).join("");
}

/** The same in a line, of counters alone. */
export function usageLine({ usage, memoryMiB }: VmMetrics): string {
  if (usage === undefined) return "";
  const { cpuMs, residentBytes, balloonBytes, upMs, bootMs, origin } = usage;
  const balloon = balloonBytes === undefined ? "" : `, balloon leaves it ${formatBytes(balloonBytes)}`;
  const average = upMs === undefined || upMs === 0 ? "" : ` (${formatPercent((cpuMs * 100) / upMs)} of one processor)`;
  const booted = bootMs === undefined ? "" : `, booted in ${formatSeconds(bootMs)}`;
  const began = origin === undefined || origin === "boot" ? booted : `, began ${ORIGINS[origin]}`;
  const held = `${formatBytes(residentBytes)} of ${memoryMiB} MiB held by the host${balloon}`;
  return `${formatSeconds(cpuMs)} of processor since its start${average}, ${held}${began}`;
}

export function formatPercent(percent: number): string {
  return `${percent.toFixed(1)}%`;
}

function amount(bytes: number, rate: number | undefined): string {
  return rate === undefined ? formatBytes(bytes) : `${formatBytes(bytes)}, ${formatBytes(Math.round(rate))}/s`;
}
