/**
 * Options that no world can have are refused before anything is opened: a folder is claimed for the name that it was first opened under,
 * and a port that is none would otherwise show only when the node begins to talk.
 */
import { preferencesFault } from "../actors/raft/core/priority.ts";
import type { LogLevel } from "../runtime/index.ts";
import { isName } from "../transport/index.ts";
import type { NodeWorldOptions } from "./node-world-options.ts";

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** @throws {RangeError} that says which option, of which node, and what it must be. */
export function checkNodeWorld({
  node = "local",
  listen,
  peers = {},
  data,
  preferences: { priority = 0, leaseReads = false } = {},
  log = "info",
  watchdog,
}: NodeWorldOptions): void {
  const refuse = (what: string, value: unknown, wanted: string): never => {
    throw new RangeError(`Cannot make a world for node "${node}": ${what} is ${show(value)}, wanted ${wanted}`);
  };
  if (!isName(node)) refuse("its name", node, '1 to 64 letters, digits, "-", "_" and "."');
  if (listen !== undefined && !isPort(listen.port, 0)) refuse("the port to listen on", listen.port, "0 to 65535");
  for (const [peer, { host, port }] of Object.entries(peers)) {
    if (typeof host !== "string" || host === "") refuse(`the host of peer "${peer}"`, host, "a name or an address");
    if (!isPort(port, 1)) refuse(`the port of peer "${peer}"`, port, "1 to 65535");
  }
  if (data === "") refuse("its data folder", data, "a path");
  const fault = preferencesFault({ priority, leaseReads });
  if (fault !== null) throw new RangeError(`Cannot make a world for node "${node}": ${fault}`);
  if (typeof log === "string" && !LEVELS.includes(log)) refuse("the level of its log", log, LEVELS.join(", "));
  if (watchdog === false) return;
  for (const name of ["slowMs", "stuckMs"] as const) {
    const value = watchdog?.[name];
    if (value !== undefined && !(value > 0 && Number.isFinite(value))) {
      refuse(`the watchdog's ${name}`, value, "milliseconds, more than 0");
    }
  }
}

function isPort(port: number, least: number): boolean {
  return Number.isInteger(port) && port >= least && port <= 65_535;
}

function show(value: unknown): string {
  return typeof value === "string" ? `"${value}"` : String(value);
}
