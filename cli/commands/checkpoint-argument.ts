/** The name of a checkpoint on a command line, `c1` or `checkpoint/c1`; and of what a clone is made of, which may be a VM too. */
import type { Checkpoint } from "../../actors/index.ts";
import type { ApiClient } from "../../api/index.ts";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { parseTarget } from "../kind-names.ts";

/** @throws CliError when it names something else. */
export function toCheckpointName(word: string): string {
  if (!word.includes("/")) return word;
  const { kind, name } = parseTarget(word);
  if (kind === "Checkpoint" && name !== undefined) return name;
  const hint = 'Write "NAME" or "checkpoint/NAME".';
  throw usageError(`Cannot take "${word}" for a checkpoint: it names another kind of resource.`, hint);
}

export type CloneSource =
  | { readonly kind: "Vm"; readonly name: string }
  | { readonly kind: "Checkpoint"; readonly name: string };

/** @throws CliError when there is no such thing, or both a VM and a checkpoint of that name. */
export async function findCloneSource(client: ApiClient, word: string): Promise<CloneSource> {
  if (word.includes("/")) {
    const { kind, name = "" } = parseTarget(word);
    if (kind === "Vm" || kind === "Checkpoint") return { kind, name };
    throw usageError(`Cannot clone "${word}": it is neither a VM nor a checkpoint.`);
  }
  const [vms, checkpoints] = await Promise.all([client.vms.list(), client.checkpoints.list()]);
  const [isVm, isCheckpoint] = [vms, checkpoints].map(({ items }) =>
    items.some(({ metadata }) => metadata.name === word),
  );
  if (isVm === true && isCheckpoint === true) {
    const hint = `Write "vm/${word}" for a clone of it as it is now, or "checkpoint/${word}".`;
    throw usageError(`Cannot clone "${word}": there is a VM and a checkpoint of that name.`, hint);
  }
  if (isVm === true) return { kind: "Vm", name: word };
  if (isCheckpoint === true) return { kind: "Checkpoint", name: word };
  throw new CliError(EXIT.notFound, `Cannot clone "${word}": there is neither a VM nor a checkpoint of that name.`);
}

/** `web-1`, or the first of its kind that is free. */
export function freeName(vm: string, known: readonly Checkpoint[]): string {
  const taken = new Set(known.map(({ metadata }) => metadata.name));
  // A name has 63 characters at most.
  const stem = vm.slice(0, 56);
  for (let count = 1; ; count++) if (!taken.has(`${stem}-${count}`)) return `${stem}-${count}`;
}
