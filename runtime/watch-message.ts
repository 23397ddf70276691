/** What kernels say to each other about watches. It comes from another process, so nothing of it is believed unchecked. */
import type { TerminationReason } from "./ref.ts";
import type { Address } from "./ports/address.ts";

/** The path that kernels talk to each other on; no actor can have this name. */
export const WATCH_PATH = "$watch";

export type WatchMessage =
  /** The sender's actor `watcher` wants to know when `path` ends here. */
  | { readonly type: "watch"; readonly path: string; readonly watcher: Address }
  | { readonly type: "unwatch"; readonly path: string; readonly watcher: Address }
  /** `path` of the sending node has ended; `watcher` is an actor here. */
  | {
      readonly type: "terminated";
      readonly path: string;
      readonly watcher: Address;
      readonly reason: TerminationReason;
    };

const REASONS: readonly unknown[] = ["stopped", "crashed", "not-found", "node-down"] satisfies TerminationReason[];

/** Undefined for anything else, and for a watch in the name of an actor that is not the sender's. */
export function parseWatchMessage(
  value: unknown,
  ends: { readonly from: string; readonly to: string },
): WatchMessage | undefined {
  if (!isObject(value) || typeof value["path"] !== "string" || !isAddress(value["watcher"])) return undefined;
  const { type, path, watcher, reason } = value;
  switch (type) {
    case "watch":
    case "unwatch":
      return watcher.node === ends.from ? { type, path, watcher } : undefined;
    case "terminated":
      return watcher.node === ends.to && isReason(reason) ? { type, path, watcher, reason } : undefined;
    default:
      return undefined;
  }
}

function isAddress(value: unknown): value is Address {
  return isObject(value) && typeof value["node"] === "string" && typeof value["path"] === "string";
}

function isReason(value: unknown): value is TerminationReason {
  return REASONS.includes(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
