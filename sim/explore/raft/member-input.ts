/** What may happen to one member: all that the explorer decides about it. */
import type { MembershipChange } from "../../../actors/raft/index.ts";
import { SURVIVED, type Survived } from "./member-disk.ts";

export type MemberInput =
  /** A message arrives. */
  | { readonly type: "deliver"; readonly letter: number }
  /** The deadline that it waits for passes. */
  | { readonly type: "timeout" }
  /** Time passes that is too short for its deadline, and enough for it to give up the leader that it has heard, or its insistence on its own poll. */
  | { readonly type: "lapse" }
  /** The write that is under way is on disk. */
  | { readonly type: "persisted" }
  /** Its process ends and is started again. */
  | { readonly type: "restart"; readonly survived: Survived }
  /** A client proposes a command. */
  | { readonly type: "propose"; readonly command: number }
  /** An operator asks for a change of membership; `at`: its place among those of the setup. */
  | { readonly type: "change"; readonly at: number; readonly change: MembershipChange };

/** Different inputs of one member have different keys. */
export function keyOf(input: MemberInput): number {
  switch (input.type) {
    case "deliver":
      return input.letter * 8;
    case "timeout":
      return 1;
    case "lapse":
      return 2;
    case "persisted":
      return 3;
    case "restart":
      return 4 + 8 * SURVIVED.indexOf(input.survived);
    case "propose":
      return 5 + 8 * input.command;
    case "change":
      return 6 + 8 * input.at;
    default:
      return input satisfies never;
  }
}
