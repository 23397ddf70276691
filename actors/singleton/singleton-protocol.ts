/** What the actors of a singleton say to each other, and what others may ask of its managers. */
import type { Ref } from "../../runtime/index.ts";
import type { LeaseEvent } from "../coordination/coordinator-protocol.ts";

export type SingletonManagerMessage =
  | LeaseEvent
  /** From a proxy, on this node or another: for the one that acts under `fence`. */
  | { readonly type: "deliver"; readonly fence: number; readonly message: unknown }
  /** Stops the singleton gracefully if it is here, and gives it to node `to`, or to any other when that is null. */
  | { readonly type: "yield"; readonly to: string | null }
  /** The same, and this node is no candidate any more. */
  | { readonly type: "leave"; readonly replyTo: Ref<SingletonLeft> }
  /** Time to compete again. */
  | { readonly type: "claim-due" }
  /** Everybody knows by now that this node is no candidate. */
  | { readonly type: "left-due" };

export interface SingletonLeft {
  readonly type: "left";
}

/** What a manager hands back to the proxy of its node: nothing acts under `fence` here any more. */
export interface Returned {
  readonly fence: number;
  readonly message: unknown;
}

/** Where the proxy of a singleton is on every node. */
export function proxyPath(name: string): string {
  return `singleton-${name}`;
}

/** Where its manager is on every candidate. */
export function managerPath(name: string): string {
  return `singleton-${name}.manager`;
}

/** What a manager takes from other nodes. */
export function isManagerMessage(message: unknown): message is SingletonManagerMessage {
  if (typeof message !== "object" || message === null || !("type" in message)) return false;
  switch (message.type) {
    case "deliver":
      return "fence" in message && typeof message.fence === "number" && "message" in message;
    case "yield":
      return "to" in message && (message.to === null || typeof message.to === "string");
    case "leave":
      return "replyTo" in message && typeof message.replyTo === "object" && message.replyTo !== null;
    default:
      return false;
  }
}
