/** The name of a VM on a command line: `web`, or `vm/web` as our own output and kubectl's users have it. */
import { usageError } from "../cli-error.ts";
import { parseTarget } from "../kind-names.ts";

/** @throws CliError when it names something else. */
export function toVmName(word: string): string {
  if (!word.includes("/")) return word;
  const { kind, name } = parseTarget(word);
  if (kind === "Vm" && name !== undefined) return name;
  throw usageError(`Cannot take "${word}" for a VM: it names another kind of resource.`, 'Write "NAME" or "vm/NAME".');
}
