/**
 * What a receptionist is told: by actors of its node (`group-functions.ts`) and by receptionists of other nodes.
 *
 * Messages of other nodes are told apart by their names, which begin with `peer-`, and are the only ones that are taken
 * from there. Their form is checked; that `from` is who speaks is not, since a member of the cluster is trusted. A member of a
 * group is named by its path alone: it is always of that node.
 */
import type { LinkEvent } from "../ports/remoting.ts";
import { Ref, type AnyRef } from "../ref.ts";
import { isKeyId } from "./service-key.ts";

/** `local`: seen by actors of the same node only. */
export type GroupScope = "local" | "cluster";

export type Members = readonly AnyRef[];

export type ReceptionistMessage = LocalMessage | PeerMessage;

export type LocalMessage =
  | {
      readonly type: "join";
      readonly key: string;
      readonly member: AnyRef;
      readonly scope: GroupScope;
      /** Called instead when there are too many members. */
      refused(): void;
    }
  | { readonly type: "leave"; readonly key: string; readonly member: AnyRef }
  | { readonly type: "watch"; readonly key: string; readonly watcher: AnyRef; readonly listing: Listing }
  | { readonly type: "unwatch"; readonly key: string; readonly watcher: AnyRef }
  | { readonly type: "find"; readonly key: string; readonly replyTo: Ref<Members> }
  | { readonly type: "link"; readonly event: LinkEvent }
  /** The end of a burst of changes: tell them. */
  | { readonly type: "flush" }
  /** Time to ask again the nodes that have not answered, and to say the version to those that listen. */
  | { readonly type: "repair" };

export type PeerMessage =
  /** Wants the whole set of the receiver's node; `token` comes back with it. The sender wants its changes from then on. */
  | { readonly type: "peer-pull"; readonly from: Ref<PeerMessage>; readonly token: string }
  /** All members of scope `cluster` on the sender's node, as of `version` of its receptionist's `life`. */
  | {
      readonly type: "peer-full";
      readonly from: Ref<PeerMessage>;
      readonly token: string;
      readonly life: string;
      readonly version: number;
      readonly members: readonly Membership[];
    }
  /** What changed between the versions `version - 1` and `version`. */
  | {
      readonly type: "peer-delta";
      readonly from: Ref<PeerMessage>;
      readonly life: string;
      readonly version: number;
      readonly joined: readonly Membership[];
      readonly left: readonly Membership[];
    }
  /** The sender's version: who has another one has lost something. */
  | { readonly type: "peer-version"; readonly from: Ref<PeerMessage>; readonly life: string; readonly version: number };

/** Key id and path of one member. */
export type Membership = readonly [key: string, path: string];

/** Where a watcher finds the newest list when its turn comes: one waiting message a watcher, however often the group changes. */
export interface Listing {
  members: Members;
  /** A message that will read `members` is on its way. */
  pending: boolean;
  deliver(listing: Listing): void;
}

/** Whether another node may tell this to a receptionist. */
export function isPeerMessage(value: unknown): value is PeerMessage {
  if (!isObject(value) || !(value["from"] instanceof Ref)) return false;
  const { type, token, life, version, members, joined, left } = value;
  switch (type) {
    case "peer-pull":
      return typeof token === "string";
    case "peer-full":
      return typeof token === "string" && typeof life === "string" && isVersion(version) && areMemberships(members);
    case "peer-delta":
      return typeof life === "string" && isVersion(version) && areMemberships(joined) && areMemberships(left);
    case "peer-version":
      return typeof life === "string" && isVersion(version);
    default:
      return false;
  }
}

function isVersion(value: unknown): boolean {
  return Number.isSafeInteger(value);
}

function areMemberships(value: unknown): boolean {
  return Array.isArray(value) && value.every(isMembership);
}

function isMembership(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [key, path] = value as readonly unknown[];
  return isKeyId(key) && typeof path === "string" && path !== "";
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
