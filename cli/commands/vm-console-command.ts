/** `blixard vm console`: a VM's serial console on this terminal. */
import type { Command } from "commander";
import type { StreamOpening } from "../../api/index.ts";
import type { CliContext } from "../cli-context.ts";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { runGuestSession } from "../guest-session.ts";
import { connect } from "./get-command.ts";
import { toVmName } from "./vm-argument.ts";

/** Ctrl-], as telnet and `virsh console` have it. */
const ESCAPE = 0x1d;

const HELP = `
Ctrl-] leaves it; every other key goes to the guest. One writes at a time: --read-only looks on, --take takes over. What the console said
before is in "blixard vm logs"; the log goes on with nobody here.`;

interface ConsoleFlags {
  readonly readOnly?: boolean;
  readonly take?: boolean;
  readonly server?: string;
}

export function addVmConsoleCommand(vm: Command, context: CliContext): void {
  const command = vm
    .command("console")
    .description("attach to a VM's serial console; Ctrl-] leaves it")
    .argument("<vm>", "name of a VM")
    .option("--read-only", "show what it says, send nothing")
    .option("--take", "from whoever writes there now")
    .addHelpText("after", HELP);
  command.action(async (word: string) => {
    const name = toVmName(word);
    const { readOnly, take, server } = command.optsWithGlobals<ConsoleFlags>();
    if (readOnly === true && take === true) throw usageError("Cannot attach with both --read-only and --take.");
    const bytes = context.openBytes();
    const size = bytes.isTerminal ? bytes.size() : undefined;
    const opening: StreamOpening = {
      type: "console",
      access: readOnly === true ? "read" : take === true ? "take" : "write",
      who: bytes.who,
      ...(size === undefined ? {} : { terminal: size }),
    };
    const client = connect(context, server === undefined ? {} : { server });
    const { err } = context.terminal;
    const end = await runGuestSession(context, {
      input: true,
      raw: bytes.isTerminal,
      escape: ESCAPE,
      open: async (listener) => {
        const stream = await client.vms.openStream(name, opening, listener);
        const prompt = readOnly === true ? "" : "; Enter for a prompt";
        err.write(err.paint("dim", `Attached to the console of vm/${name}: Ctrl-] leaves it${prompt}.`) + "\n");
        return stream;
      },
    });
    if (end === "interrupted") throw new CliError(EXIT.interrupted, "Interrupted.");
    if (end !== "escaped" && !end.ok) throw new CliError(EXIT.failed, `${end.message}.`);
    err.write(
      err.paint("dim", end === "escaped" ? `\nLeft vm/${name}, which runs on.` : `\nvm/${name} has ended.`) + "\n",
    );
  });
}
