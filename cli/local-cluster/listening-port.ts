/** Whether a TCP port can be listened on, and who has it if not. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import type { Endpoint } from "../endpoint.ts";

export interface PortOwner {
  readonly pid: number;
  readonly program: string;
}

/** undefined when it is free, else the system's code: `EADDRINUSE`, `EACCES`. */
export async function whyNotListen({ host, port }: Endpoint): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** Who listens on `port`. undefined when that is not ours to see. */
export function portOwner(port: number): PortOwner | undefined {
  const inodes = new Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) => listeningInodes(table, port)));
  if (inodes.size === 0) return undefined;
  for (const entry of listFolder("/proc")) {
    if (/^\d+$/.test(entry) && holdsSocket(entry, inodes)) return { pid: Number(entry), program: programOf(entry) };
  }
  return undefined;
}

const PROGRAM_CHARS_MAX = 60;

/** State of a socket that listens, in /proc/net/tcp. */
const LISTEN = "0A";

function listeningInodes(table: string, port: number): readonly string[] {
  const lines = readText(table).split("\n").slice(1);
  return lines.flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const [, local = "", , state] = fields;
    const localPort = Number.parseInt(local.slice(local.lastIndexOf(":") + 1), 16);
    const inode = fields[9];
    return state === LISTEN && localPort === port && inode !== undefined ? [inode] : [];
  });
}

function holdsSocket(pid: string, inodes: ReadonlySet<string>): boolean {
  return listFolder(`/proc/${pid}/fd`).some((fd) => {
    const target = readLink(`/proc/${pid}/fd/${fd}`);
    return inodes.has(target.slice("socket:[".length, -1));
  });
}

/** Its command line, cut to what fits into a sentence. */
function programOf(pid: string): string {
  const words = readText(`/proc/${pid}/cmdline`).split("\0").join(" ").trim();
  return words.length > PROGRAM_CHARS_MAX ? `${words.slice(0, PROGRAM_CHARS_MAX)}…` : words;
}

// Processes end while they are looked at, and others' are not ours to read: both mean "not this one".
function listFolder(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
