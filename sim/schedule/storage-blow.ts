/** Blows against the storage that guests' disks are on (`../outside/ceph.ts`). Where there is none they are not possible. */

/** Nodes by index; times in microseconds. */
export type StorageBlow =
  /** The OSD of that node ends; it is started again after `downUs`. */
  | { readonly type: "osd-down"; readonly node: number; readonly downUs: number }
  /** Its disk is lost with all that was on it, and an empty one put in. */
  | { readonly type: "osd-loss"; readonly node: number; readonly downUs: number }
  /** That share of the storage is in use. */
  | { readonly type: "storage-full"; readonly value: number; readonly durationUs: number }
  /** Its disk takes so many times longer. */
  | { readonly type: "osd-slow"; readonly node: number; readonly slowness: number; readonly durationUs: number };

export const STORAGE_BLOWS: readonly StorageBlow["type"][] = ["osd-down", "osd-loss", "osd-slow", "storage-full"];

const TYPES: ReadonlySet<string> = new Set(STORAGE_BLOWS);

export function isStorageBlow(act: { readonly type: string }): act is StorageBlow {
  return TYPES.has(act.type);
}
