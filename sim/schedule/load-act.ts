/** What clients and the operator of consensus alone do, and the load of a user's actors, as plain data: recorded beside the blows, and done again when a schedule says so. */
import type { MembershipChange } from "../../actors/raft/index.ts";
import type { KvInput } from "../checkers/history.ts";

/**
 * Nodes by index: the ids of members are others in another run. `chance` decides what else is drawn while it is done, as whom it asks and how long it
 * waits: so an act that is left out changes nothing of the others.
 */
export type LoadAct = (
  | { readonly type: "call"; readonly client: number; readonly key: number; readonly how: KvInput["type"] }
  | { readonly type: "change"; readonly change: MembershipChange["type"]; readonly node: number }
  /** Null: to whoever is fit for it. */
  | { readonly type: "transfer"; readonly node: number | null; readonly force: boolean }
  | { readonly type: "snapshot" }
  /** A user's own: what he drew, when he told. */
  | { readonly type: "step"; readonly step?: unknown }
) & { readonly chance: number };

/** What there is of chances. */
export const CHANCES: number = 2 ** 32;
