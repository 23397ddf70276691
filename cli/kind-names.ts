/** What people call the kinds of resources: `get vms`, `get vm/web`, `get no`. */
import { nearestWord } from "../actors/resources/nearest-word.ts";
import { KINDS, type Kind } from "../actors/resources/resource.ts";
import { usageError } from "./cli-error.ts";

interface KindName {
  /** What `-o name` and messages put before the slash. */
  readonly singular: string;
  readonly plural: string;
  readonly short: readonly string[];
}

export const KIND_NAMES: Readonly<Record<Kind, KindName>> = {
  Vm: { singular: "vm", plural: "vms", short: [] },
  Node: { singular: "node", plural: "nodes", short: ["no"] },
  Checkpoint: { singular: "checkpoint", plural: "checkpoints", short: ["cp"] },
  Event: { singular: "event", plural: "events", short: ["ev"] },
};

/** All words for a kind, the plural first: what completion offers. */
export function wordsOf(kind: Kind): readonly string[] {
  const { singular, plural, short } = KIND_NAMES[kind];
  return [plural, singular, ...short];
}

/** @throws CliError when no kind has that name. */
export function parseKind(word: string): Kind {
  const lower = word.toLowerCase();
  const kind = KINDS.find((candidate) => wordsOf(candidate).includes(lower));
  if (kind !== undefined) return kind;
  const words = KINDS.flatMap(wordsOf);
  const meant = nearestWord(lower, words);
  const plurals = KINDS.map((known) => KIND_NAMES[known].plural).join(", ");
  const hint = `${meant === undefined ? "" : `Did you mean "${meant}"? `}Kinds are ${plurals}.`;
  throw usageError(`Cannot get "${word}": there is no such kind of resource.`, hint);
}

/** Reads `vms`, `vm web`, `vm/web`. @throws CliError */
export function parseTarget(kindWord: string, name?: string): { readonly kind: Kind; readonly name?: string } {
  const slash = kindWord.indexOf("/");
  if (slash < 0) return { kind: parseKind(kindWord), ...(name === undefined ? {} : { name }) };
  if (name !== undefined) {
    throw usageError(`Cannot get "${kindWord} ${name}": it names two resources.`, 'Write "KIND NAME" or "KIND/NAME".');
  }
  return { kind: parseKind(kindWord.slice(0, slash)), name: kindWord.slice(slash + 1) };
}
