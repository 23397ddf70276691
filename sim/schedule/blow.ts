/**
 * A blow: one thing that is done to the cluster from outside, as plain data. Who draws it (`faults.ts`) has decided on victims and lengths;
 * who carries it out (`blow-executor.ts`) draws nothing. So blows can be recorded, stored, left out and struck again (`schedule.ts`).
 */
import type { SnapshotTrouble } from "../disk/snapshot-disk.ts";
import type { HostTrouble } from "../outside/host-trouble.ts";
import type { CrashPoint } from "./crash-point.ts";
import type { ExitReason } from "../../runtime/index.ts";
import type { ClockBlow } from "./clock-blow.ts";
import type { StorageBlow } from "./storage-blow.ts";
import { isLinkBlow, mapLinkBlow, type Directions, type LinkBlow } from "./link-blow.ts";

/** Nodes by index; times in microseconds. */
export type BlowAct =
  | LinkBlow
  | ClockBlow
  | StorageBlow
  /** The process ends, or the host loses power; it is back after `downUs`. */
  | { readonly type: "crash"; readonly node: number; readonly power: boolean; readonly downUs: number }
  /** It ends when it comes by that point for the n-th time, from 1; where it does not come by, nothing happens. */
  | {
      readonly type: "crash-at";
      readonly node: number;
      readonly point: CrashPoint;
      readonly nth: number;
      readonly power: boolean;
      readonly downUs: number;
    }
  | { readonly type: "pause"; readonly node: number; readonly durationUs: number }
  /**
   * Nothing passes along these directions, each from a node to a node. With `breaks` a silent link is given up after a while. `what`: how the event log
   * has it; its numbers are nodes.
   */
  | {
      readonly type: "cut";
      readonly what: string;
      readonly directions: Directions;
      readonly breaks: boolean;
      readonly durationUs: number;
    }
  | { readonly type: "reset"; readonly between: readonly [number, number] }
  | {
      readonly type: "weather";
      readonly key: "loss" | "delayMeanUs" | "duplicates" | "reordered";
      readonly value: number;
      readonly durationUs: number;
    }
  | { readonly type: "disk-slow"; readonly node: number; readonly slowness: number; readonly durationUs: number }
  | { readonly type: "disk-hang"; readonly node: number; readonly durationUs: number }
  /** The next write fails; the disk works again after `repairUs`, when its process is started anew. */
  | { readonly type: "disk-error"; readonly node: number; readonly repairUs: number }
  | { readonly type: "disk-full"; readonly node: number; readonly durationUs: number }
  /** The disk hangs, and the power goes within `withinUs`. */
  | { readonly type: "torn-write"; readonly node: number; readonly withinUs: number; readonly downUs: number }
  /** The entry so many before the last one. */
  | { readonly type: "log-rot"; readonly node: number; readonly beforeLast: number }
  | { readonly type: "snapshot-rot"; readonly node: number }
  /** The snapshot store alone fails, or has no room; where it failed for good its process is started anew in the end. */
  | ({ readonly type: "snapshot-error"; readonly node: number; readonly durationUs: number } & SnapshotTrouble)
  /** Identity, term and vote, which stand together. */
  | { readonly type: "state-rot"; readonly node: number }
  /** The next write of entries is confirmed, and stands where others did. */
  | { readonly type: "misdirected-write"; readonly node: number }
  | { readonly type: "disk-loss"; readonly node: number; readonly downUs: number }
  /** `place`: which of the guests of that node, in the order of their starts. */
  | { readonly type: "guest-end"; readonly node: number; readonly place: number; readonly reason: ExitReason }
  | { readonly type: "guest-hang"; readonly node: number; readonly place: number }
  | {
      readonly type: "host-trouble";
      readonly node: number;
      readonly trouble: HostTrouble;
      readonly durationUs: number;
    }
  /** Ends all blows that are under way, and starts every process that is down. */
  | { readonly type: "heal-all" }
  /** Ends what is under way at these nodes and between them, and starts their processes; all else that is under way never ends. */
  | { readonly type: "heal-core"; readonly core: readonly number[] };

/** The length of a blow without an end: more than any run lasts. */
export const FOREVER_US = 1e15;

/** The same done to other nodes. */
export function mapNodes(act: BlowAct, map: (node: number) => number): BlowAct {
  if (isLinkBlow(act)) return mapLinkBlow(act, map);
  if ("node" in act) return { ...act, node: map(act.node) };
  if (act.type === "heal-core") return { ...act, core: act.core.map((node) => map(node)) };
  if (act.type === "reset") return { ...act, between: [map(act.between[0]), map(act.between[1])] };
  if (act.type !== "cut") return act;
  const directions = act.directions.map(([from, to]) => [map(from), map(to)] as const);
  return { ...act, what: act.what.replace(/\d+/g, (node) => String(map(Number(node)))), directions };
}
