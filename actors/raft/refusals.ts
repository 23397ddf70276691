/**
 * Messages of other members that were refused before the core saw them: counted by reason, and each reason told once for each
 * sender. A refused message changes nothing, so what is counted here is harmless; it says that a node is misconfigured, of
 * another version, or hostile. What the core refuses it counts itself (`core/refusals.ts`).
 */

/** Why a message of another member was refused before the core saw it. */
export type RefusalReason =
  /** In the name of a member of another node than the one that sent it. */
  | "forged"
  /** Of another cluster: its sender's data is another cluster's. */
  | "other-cluster"
  /** To another incarnation of this node, whose disk is gone, or to another node. */
  | "other-incarnation"
  /** In this member's own name. */
  | "own-name"
  /** Not of the shape of a message. */
  | "malformed";

/** Pairs of reason and sender that are told; past it only counted, so that forged names cannot flood a log. */
const TOLD_MAX = 64;

export class Refusals {
  readonly #counts = new Map<RefusalReason, number>();
  readonly #told = new Set<string>();

  /** How often, by reason; reasons that never were are absent. */
  get counts(): Readonly<Partial<Record<RefusalReason, number>>> {
    return Object.fromEntries(this.#counts);
  }

  /** Counts one. True when it is the first of its reason and sender, and so worth a line in a log. */
  add(reason: RefusalReason, from: string): boolean {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
    const pair = `${reason} ${from}`;
    if (this.#told.has(pair) || this.#told.size >= TOLD_MAX) return false;
    this.#told.add(pair);
    return true;
  }
}

/** What a refusal means, for people; told once for each sender. */
export function describeRefusal(
  reason: RefusalReason,
  { cluster, from, to }: { readonly cluster: string; readonly from: string; readonly to: string },
  own: { readonly member: string; readonly cluster: string },
  sender: string | null,
): string {
  const what = `Messages of "${from}" are refused by "${own.member}"`;
  switch (reason) {
    case "forged":
      return `${what}: node "${sender}" sent them; does it run another program, or a copy of that member's data folder?`;
    case "other-cluster":
      return `${what}: they are of cluster ${cluster}, this is ${own.cluster}; is its data folder another cluster's?`;
    case "other-incarnation":
      return `${what}: they are for "${to}"; remove that member if its disk is lost`;
    case "own-name":
      return `${what}: they come in its own name; does a copy of its data folder run elsewhere?`;
    case "malformed":
      return `${what}: they are not what members send; are both nodes of versions that go together?`;
    default:
      return reason satisfies never;
  }
}
