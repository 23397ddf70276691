/**
 * A digest of a replica's whole state that does not depend on the software that holds it: what two versions have made of one log is compared by it, as a
 * version may reckon its own fingerprint otherwise. Slow: everything is written out.
 */
import type { ClusterView } from "../../actors/index.ts";
import { Hash64 } from "../timeline/hash64.ts";

/** What a version can show of its state beside what checkers of one version need: all that goes into its snapshots. */
interface Shown {
  view?(): object;
}

/** 16 hexadecimal digits; equal for equal states. */
export function neutralDigest(view: ClusterView): string {
  const hash = new Hash64();
  const shown = (view as Shown).view?.() ?? [view.list("Vm"), view.list("Node"), view.list("Event")];
  hash.addLine(canonical(shown));
  return hash.digest();
}

/** As JSON with fields in order, without those that say that nothing is different: software of before levels has none. */
function canonical(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "undefined";
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item)).join(",")}]`;
  if (value instanceof Map || value instanceof Set) return canonical([...value]);
  const fields = Object.entries(value)
    .filter(([name, field]) => field !== undefined && !(name === "level" && field === 1))
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`);
  return `{${fields.join(",")}}`;
}
