/** What a session remembers of a proposal (`../raft/sessions/`): its first outcome, with no resource in it. */
import type { Outcome } from "./commands.ts";

/** The first outcome of a proposal. The resource is looked up again: outcomes must not keep old states alive. */
export type FirstOutcome =
  | { readonly ok: true; readonly version: number; readonly changed: boolean; readonly about: About | null }
  | Extract<Outcome, { readonly ok: false }>;

/** The resource that a command was about. */
export interface About {
  readonly kind: "Vm" | "Node" | "Checkpoint";
  readonly name: string;
  readonly uid: string;
}
