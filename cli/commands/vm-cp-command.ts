/** `blixard vm cp`: a file or a folder to a VM's guest or from it. What it does stands in `cli/guest-files/`. */
import { stat } from "node:fs/promises";
import { posix, resolve } from "node:path";
import type { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { usageError } from "../cli-error.ts";
import { copyFileIn, copyFileOut, FOLDER_HINT, type GuestPath } from "../guest-files/copy-file.ts";
import type { OpenInGuest } from "../guest-files/run-in-guest.ts";
import { connect } from "./get-command.ts";
import { toVmName } from "./vm-argument.ts";

const HELP = `
One of the two is VM:PATH, with an absolute path. Mode and content of a file are kept, size and checksum compared, and it appears under its
name when all of it is there. Of any size.

With -r a folder goes with all that is in it, through the guest's tar: modes, times and links are kept as they are, and what is there already
is merged, files of the same name replaced. To a guest, a path that ends in "/" is the folder it goes into, any other its new name. From a
guest it goes into a folder that is there, or gets the name; it appears when all of it has come, and nothing of it does when a path or a
link would lead out of the folder.

Examples:
  blixard vm cp ./site.conf web:/etc/site.conf
  blixard vm cp web:/var/log/messages .
  blixard vm cp -r ./site web:/srv/
  blixard vm cp -r web:/var/log ./log-of-web`;

interface CpFlags {
  readonly recursive?: boolean;
  readonly server?: string;
}

export function addVmCpCommand(vm: Command, context: CliContext): void {
  const command = vm
    .command("cp")
    .description("copy a file or a folder to a VM's guest, or from it")
    .argument("<from>", "a file or folder, or VM:PATH")
    .argument("<to>", "a file or folder, or VM:PATH")
    .option("-r, --recursive", "a folder, with all that is in it")
    .addHelpText("after", HELP);
  command.action(async (from: string, to: string) => {
    const [source, target] = [guestPath(from), guestPath(to)];
    const { recursive = false, ...flags } = command.optsWithGlobals<CpFlags>();
    const client = connect(context, flags);
    const openIn =
      ({ vm: name }: GuestPath): OpenInGuest =>
      async (opening, listener) =>
        client.vms.openStream(name, opening, listener);
    if (source !== undefined && target === undefined) {
      await copyOut(context, openIn(source), { source, to: resolve(context.cwd, to), recursive });
    } else if (source === undefined && target !== undefined) {
      await copyIn(context, openIn(target), { from: resolve(context.cwd, from), target, recursive });
    } else {
      throw usageError(
        `Cannot copy "${from}" to "${to}": exactly one of them is a VM's.`,
        'Write VM:PATH for a file in a guest, "./NAME" for a local one with a colon.',
      );
    }
  });
}

/** `web:/etc/motd`; undefined for what is a local path. */
function guestPath(text: string): GuestPath | undefined {
  const at = text.indexOf(":");
  if (at <= 0 || text.slice(0, at).includes(".") || text.startsWith("/")) return undefined;
  const [vm, path] = [toVmName(text.slice(0, at)), text.slice(at + 1)];
  if (!path.startsWith("/")) throw usageError(`Cannot copy "${text}": expected an absolute path behind the colon.`);
  return { vm, path };
}

interface In {
  readonly from: string;
  readonly target: GuestPath;
  readonly recursive: boolean;
}

async function copyIn(context: CliContext, open: OpenInGuest, { from, target, recursive }: In): Promise<void> {
  const isFolder = await stat(from).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder || !recursive) {
    context.terminal.out.write(`${await copyFileIn(open, from, target)}\n`);
    return;
  }
  const { copyFolderIn } = await import("../guest-files/copy-folder.ts");
  using interrupts = context.takeInterrupts();
  context.terminal.out.write(`${await copyFolderIn(open, from, target, interrupts.first)}\n`);
}

interface Out {
  readonly source: GuestPath;
  readonly to: string;
  readonly recursive: boolean;
}

async function copyOut(context: CliContext, open: OpenInGuest, { source, to, recursive }: Out): Promise<void> {
  // Of a folder that is named with a slash at its end, too.
  const path = posix.normalize(source.path).replace(/(?<=.)\/$/, "");
  const written = await copyFileOut(open, path, to);
  if (written !== null) {
    context.terminal.out.write(`${written}\n`);
    return;
  }
  if (!recursive) throw usageError(`Cannot copy "${source.vm}:${path}": it is a folder.`, FOLDER_HINT);
  const { copyFolderOut } = await import("../guest-files/copy-folder.ts");
  using interrupts = context.takeInterrupts();
  context.terminal.out.write(`${await copyFolderOut(open, { vm: source.vm, path }, to, interrupts.first)}\n`);
}
