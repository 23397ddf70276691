/** `blixard vm balloon`: how much of its memory a running VM is to have. */
import { InvalidArgumentError, type Command } from "commander";
import type { ApiClient } from "../../api/index.ts";
import type { CliContext } from "../cli-context.ts";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { formatBytes } from "../output/size.ts";
import { poll } from "../pause.ts";
import { Progress } from "../progress.ts";
import { connect } from "./get-command.ts";
import { toVmName } from "./vm-argument.ts";
import { addWaitOptions, type WaitFlags } from "./wait-options.ts";

const EXAMPLES = `
Examples:
  blixard vm create web --memory 512 --balloon
  blixard vm balloon web 256MiB
  blixard vm balloon web 512MiB          all of it back

The guest gives memory back as far as it can spare it; its node keeps the whole reserved, so that it can always have it again. It holds for as long as
the instance lives: one that is started elsewhere begins with all of its memory.`;

const MIB = 1_048_576;
const POLL_MS = 300;

export function addVmBalloonCommand(vm: Command, context: CliContext): void {
  const command = vm
    .command("balloon")
    .description("take memory from a running VM, or give it back, and wait until it is so")
    .argument("<vm>", "name of a VM")
    .argument("<size>", "what it is to have: 256 or 256MiB, 1GiB", toMebibytes)
    .addHelpText("after", EXAMPLES);
  addWaitOptions(command).action(async (word: string, memoryMiB: number) => {
    const name = toVmName(word);
    const flags = command.optsWithGlobals<WaitFlags & { readonly server?: string }>();
    const client = connect(context, flags);
    const { out, err } = context.terminal;
    await client.vms.setBalloon(name, memoryMiB);
    if (!flags.wait) {
      out.write(`vm/${name} is to have ${memoryMiB} MiB\n`);
      return;
    }
    await new Progress(err).step(`Setting the balloon of vm/${name}`, async (step) =>
      waitUntilLeft(client, { name, memoryMiB, timeoutMs: flags.timeout, tell: (text) => step.detail(text) }),
    );
    out.write(`vm/${name} has ${memoryMiB} MiB\n`);
  });
}

interface Wanted {
  readonly name: string;
  readonly memoryMiB: number;
  readonly timeoutMs: number;
  readonly tell: (text: string) => void;
}

async function waitUntilLeft(client: ApiClient, { name, memoryMiB, timeoutMs, tell }: Wanted): Promise<void> {
  let said = "its node has said nothing yet";
  const done = await poll(
    async () => {
      const { usage } = await client.vms.metrics(name);
      if (usage?.balloonBytes === undefined) return undefined;
      said = `it has ${formatBytes(usage.balloonBytes)}`;
      tell(said);
      return usage.balloonBytes === memoryMiB * MIB ? true : undefined;
    },
    { everyMs: POLL_MS, timeoutMs },
  );
  if (done === true) return;
  const why = `Cannot wait longer for VM "${name}" to have ${memoryMiB} MiB: ${said}; it is still wanted, and its guest gives what it can spare.`;
  throw new CliError(EXIT.timeout, why);
}

const MEBIBYTES: Readonly<Record<string, number>> = { "": 1, MiB: 1, GiB: 1024 };

function toMebibytes(text: string): number {
  const [, count, unit = ""] = /^(\d{1,8})(MiB|GiB|)$/.exec(text) ?? [];
  const factor = MEBIBYTES[unit];
  if (count !== undefined && factor !== undefined && Number(count) > 0) return Number(count) * factor;
  throw new InvalidArgumentError("Expected an amount of memory like 256, 256MiB or 1GiB.");
}
