/**
 * Who a data folder belongs to: `identity.json`, minted when the folder is first used.
 *
 * The incarnation tells this node from another one of the same name: a node whose disk was lost comes back as somebody
 * new, who has promised nothing (Ongaro's thesis §11.7.3). A folder of another node or cluster is refused before anything
 * in it is touched.
 */
import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "../ports/store-error.ts";

export interface NodeIdentity {
  readonly name: string;
  readonly clusterId: string;
  readonly incarnation: string;
}

const FILE = "identity.json";

/**
 * Reads the folder's identity, or makes one. The caller holds the folder's lock.
 * @throws {StoreError} `store-foreign` when it belongs to another node or cluster, `store-corrupt` when it cannot be read.
 */
export function claimIdentity(
  dataDir: string,
  wanted: { readonly name: string; readonly clusterId: string },
): NodeIdentity {
  const path = join(dataDir, FILE);
  const found = read(path);
  if (found === null) return mint(path, wanted);
  for (const field of ["name", "clusterId"] as const) {
    if (found[field] === wanted[field]) continue;
    throw new StoreError("store-foreign", {
      message: `Cannot start node "${wanted.name}" of cluster "${wanted.clusterId}": the data folder ${dataDir} belongs to node "${found.name}" of cluster "${found.clusterId}"`,
      path,
      hint: "Give each node a data folder of its own, or start it under the name it had.",
    });
  }
  return found;
}

/** Who a data folder belongs to; null when it was never used. @throws {StoreError} `store-corrupt`. */
export function readIdentity(dataDir: string): NodeIdentity | null {
  return read(join(dataDir, FILE));
}

function read(path: string): NodeIdentity | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  const damaged = new StoreError("store-corrupt", {
    message: `Cannot read who the data folder belongs to: ${path} is damaged`,
    path,
    hint: "Restore that file from a backup: it never changes. Or replace the node's data as docs/operations.md says for a damaged log.",
  });
  try {
    const { name, clusterId, incarnation } = JSON.parse(text) as Record<string, unknown>;
    if (typeof name !== "string" || typeof clusterId !== "string" || typeof incarnation !== "string") throw damaged;
    return { name, clusterId, incarnation };
  } catch {
    throw damaged;
  }
}

/** On disk before it is used: an incarnation that others have seen must not change. */
function mint(path: string, wanted: { readonly name: string; readonly clusterId: string }): NodeIdentity {
  const identity: NodeIdentity = { name: wanted.name, clusterId: wanted.clusterId, incarnation: randomUUID() };
  const file = openSync(`${path}.new`, "w", 0o600);
  writeSync(file, `${JSON.stringify(identity)}\n`);
  fsyncSync(file);
  closeSync(file);
  renameSync(`${path}.new`, path);
  return identity;
}
