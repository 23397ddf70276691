/**
 * What a node knows of the others beyond its flags, kept in its data folder: `peers.json`, `HOST:PORT` by node.
 *
 * Members that were added while the cluster ran stand in no `--peers`; the log has their addresses, but a node must be linked
 * before it can get a log, and `--join` may name a node that is gone by the next start. A file that cannot be read is as none: it
 * is only a list of whom to ask, and whoever answers must prove the cluster's token.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseEndpoint } from "../endpoint.ts";

type Addresses = Readonly<Record<string, string>>;

const FILE = "peers.json";

export function readKnownPeers(dataDir: string): Addresses {
  try {
    const found: unknown = JSON.parse(readFileSync(join(dataDir, FILE), "utf8"));
    if (typeof found !== "object" || found === null) return {};
    const entries = Object.entries(found).filter(([, at]) => typeof at === "string" && parseEndpoint(at) !== undefined);
    return Object.fromEntries(entries) as Addresses;
  } catch {
    return {};
  }
}

/** Whole or not at all. @throws what the file system says. */
export function writeKnownPeers(dataDir: string, peers: Addresses): void {
  const path = join(dataDir, FILE);
  writeFileSync(`${path}.new`, `${JSON.stringify(peers)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
