/** `blixard vm exec`: a command in a VM's guest, as if it ran here. */
import type { Command } from "commander";
import type { StreamOpening } from "../../api/index.ts";
import type { CliContext } from "../cli-context.ts";
import { usageError } from "../cli-error.ts";
import { EXEC_STATUS, GuestExit } from "../guest-exit.ts";
import { runGuestSession, type SessionEnd } from "../guest-session.ts";
import { reportError } from "../report-error.ts";
import { connect } from "./get-command.ts";
import { toVmName } from "./vm-argument.ts";
import { lengthOption } from "./wait-options.ts";

const HELP = `
The exit code is the command's; 128 and the signal's number for one that was killed. 127: there is no such command. 126: it cannot run.
124: its time was over. 125: Blixard could not run it. Without -i the command has no input.

Examples:
  blixard vm exec web -- uname -a
  blixard vm exec web -it -- sh
  tar c site | blixard vm exec web -i -- tar x -C /srv`;

interface ExecFlags {
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly workdir?: string;
  readonly timeout?: number;
  readonly server?: string;
}

export function addVmExecCommand(vm: Command, context: CliContext): void {
  const command = vm
    .command("exec")
    .description("run a command in a VM's guest")
    .argument("<vm>", "name of a VM")
    .argument("<command...>", "the command and its arguments, after --")
    .option("-i, --interactive", "with this command's input")
    .option("-t, --tty", "with a terminal of this one's size")
    .option("-e, --env <name=value>", "variable of the command; repeatable", collectVariable, {})
    .option("-w, --workdir <folder>", "absolute path in the guest where it runs")
    .addOption(lengthOption("--timeout <duration>", "end it when it takes longer"))
    .addHelpText("after", HELP);
  command.action(async (word: string, words: readonly string[]) => {
    const flags = command.optsWithGlobals<ExecFlags>();
    const opening = openingOf(context, words, flags);
    throw await exitOf(context, toVmName(word), opening, flags);
  });
}

function openingOf(context: CliContext, words: readonly string[], flags: ExecFlags): StreamOpening {
  const { tty, interactive, env, workdir, timeout } = flags;
  if (workdir !== undefined && !workdir.startsWith("/")) {
    throw usageError(`Cannot run the command in "${workdir}": expected an absolute path in the guest.`);
  }
  const bytes = context.openBytes();
  if (tty === true && interactive === true && !bytes.isTerminal) {
    throw usageError("Cannot give the command a terminal: input or output is none here.", "Leave out -t.");
  }
  return {
    type: "exec",
    command: [...words],
    env: tty === true ? { TERM: context.env.TERM ?? "linux", ...env } : { ...env },
    ...(workdir === undefined ? {} : { folder: workdir }),
    ...(tty === true ? { terminal: bytes.size() ?? { columns: 80, rows: 24 } } : {}),
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
  };
}

async function exitOf(
  context: CliContext,
  name: string,
  opening: StreamOpening,
  { tty, interactive, server }: ExecFlags,
): Promise<GuestExit> {
  let end: SessionEnd;
  try {
    const client = connect(context, server === undefined ? {} : { server });
    end = await runGuestSession(context, {
      input: interactive === true,
      raw: tty === true && interactive === true,
      open: async (listener) => client.vms.openStream(name, opening, listener),
    });
  } catch (error) {
    reportError(error, context.terminal.err, { debug: Boolean(context.env.BLIXARD_DEBUG) });
    return new GuestExit(EXEC_STATUS.notDone);
  }
  if (end === "interrupted" || end === "escaped") return new GuestExit(EXEC_STATUS.killed + 2);
  if (!end.ok) {
    context.terminal.err.write(`${context.terminal.err.paint("red", "Error:")} ${end.message}.\n`);
    return new GuestExit(refusedStatus(end));
  }
  if (end.type === "killed") return new GuestExit(EXEC_STATUS.killed + end.signal);
  return new GuestExit(end.type === "exited" ? end.code : 0);
}

function refusedStatus({ code, message }: { readonly code: string; readonly message: string }): number {
  if (code === "timed-out") return EXEC_STATUS.timedOut;
  if (!message.includes("cannot run the command")) return EXEC_STATUS.notDone;
  return code === "not-found" ? EXEC_STATUS.notFound : EXEC_STATUS.cannotRun;
}

function collectVariable(text: string, before: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const at = text.indexOf("=");
  if (at <= 0) throw usageError(`Cannot take "${text}" for a variable.`, "Write NAME=VALUE.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
