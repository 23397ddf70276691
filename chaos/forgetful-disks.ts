/**
 * A fault that the cluster cannot stand, planted to see that a run notices: disks that confirm what they do not keep. At every second loss of power
 * each has again what it had at the one before.
 */
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ChaosCluster } from "./chaos-cluster.ts";

/** @returns what to do while all nodes are down. @param folder is made. */
export function forgetfulDisks(cluster: ChaosCluster, folder: string): () => void {
  return () => {
    const forgets = existsSync(folder);
    for (const name of cluster.names) {
      const kept = join(folder, name);
      const data = cluster.dataOf(name);
      if (forgets) {
        rmSync(data, { recursive: true });
        cpSync(kept, data, { recursive: true });
      } else {
        mkdirSync(kept, { recursive: true });
        cpSync(data, kept, { recursive: true });
      }
    }
    if (forgets) rmSync(folder, { recursive: true });
  };
}
