/** What the coordinator hears: requests, news of the map, and its own timers and answers. */
import type { ProposeReply } from "../cluster/replica-protocol.ts";
import type { LinkEvent } from "../../runtime/index.ts";
import type { CoordinationNews } from "./coordination-news.ts";
import type { CoordinatorRequest } from "./coordinator-protocol.ts";

export type CoordinatorMessage =
  | CoordinatorRequest
  | CoordinationNews
  | HeldSessionMessage
  | LeaseClaimsMessage
  | { readonly type: "link"; readonly event: LinkEvent };

/** Of `held-session.ts`. */
export type HeldSessionMessage =
  | { readonly type: "session-opened"; readonly askedMs: number; readonly reply: ProposeReply }
  | {
      readonly type: "session-renewed";
      readonly session: number;
      readonly askedMs: number;
      readonly reply: ProposeReply;
    }
  /** Nobody waits for the answer. */
  | { readonly type: "session-closed" }
  /** Time to open or to renew. */
  | { readonly type: "session-due" }
  /** Time to stop acting under it. */
  | { readonly type: "session-ending" }
  /** Nothing can act under it any more. */
  | { readonly type: "session-over" };

/** Of `lease-claims.ts`. */
export type LeaseClaimsMessage =
  | {
      readonly type: "lease-answered";
      readonly name: string;
      readonly what: "acquire" | "release";
      readonly reply: ProposeReply;
    }
  /** Time to look at a lease again. */
  | { readonly type: "lease-due"; readonly name: string };
