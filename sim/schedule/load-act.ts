/** What clients and the operator of consensus alone do, and the load of a user's actors, as plain data: recorded beside the blows, and done again when a schedule says so. */
import type { MembershipChange } from "../../actors/raft/index.ts";
import type { KvInput } from "../checkers/history.ts";

/** Nodes by index: the ids of members are others in another run. */
export type LoadAct =
  | { readonly type: "call"; readonly client: number; readonly key: number; readonly how: KvInput["type"] }
  | { readonly type: "change"; readonly change: MembershipChange["type"]; readonly node: number }
  /** Null: to whoever is fit for it. */
  | { readonly type: "transfer"; readonly node: number | null; readonly force: boolean }
  | { readonly type: "snapshot" }
  /** A user's own: what he drew, when he told; and the number that decides what else is drawn while it is done. */
  | { readonly type: "step"; readonly chance: number; readonly step?: unknown };
