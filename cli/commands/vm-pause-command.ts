/** `blixard vm pause|resume|restart`: what is asked of running guests. */
import type { Command } from "commander";
import type { ApiClient } from "../../api/index.ts";
import type { CliContext } from "../cli-context.ts";
import { Progress } from "../progress.ts";
import { waitUntilPaused, waitUntilRestarted, waitUntilUp, type WaitOptions } from "../wait-for-vm.ts";
import { connect } from "./get-command.ts";
import { upSummary } from "./up-summary.ts";
import { toVmName } from "./vm-argument.ts";
import { addWaitOptions, type WaitFlags } from "./wait-options.ts";

interface Verb {
  readonly description: string;
  readonly under: string;
  /** Asks for it; answers what to wait for. */
  ask(client: ApiClient, name: string): Promise<(options: WaitOptions) => Promise<string>>;
}

const VERBS: Readonly<Record<"pause" | "resume" | "restart", Verb>> = {
  pause: {
    description: "let VMs stand still: memory and node stay theirs, processors rest",
    under: "Pausing",
    ask: async (client, name) => {
      await client.vms.pause(name);
      return async (options) => {
        await waitUntilPaused(client, name, options);
        return `vm/${name} paused`;
      };
    },
  },
  resume: {
    description: "let paused VMs go on, and wait until they do",
    under: "Resuming",
    ask: async (client, name) => {
      await client.vms.resume(name);
      return async (options) => `vm/${name} resumed${upSummary(await waitUntilUp(client, name, options))}`;
    },
  },
  restart: {
    description: "end VMs' guests and start others, on whatever node has room",
    under: "Restarting",
    ask: async (client, name) => {
      const { status } = await client.vms.restart(name);
      return async (options) => {
        const vm = await waitUntilRestarted(client, name, { ...options, instance: status.instance?.id ?? "" });
        return `vm/${name} restarted${upSummary(vm)}`;
      };
    },
  },
};

export function addVmPauseCommands(vm: Command, context: CliContext): void {
  for (const [word, verb] of Object.entries(VERBS)) addVerb(vm, context, word, verb);
}

function addVerb(vm: Command, context: CliContext, word: string, verb: Verb): void {
  const command = vm.command(word).description(verb.description).argument("<vm...>", "names of VMs");
  addWaitOptions(command).action(async (words: readonly string[]) => {
    const names = words.map(toVmName);
    const flags = command.optsWithGlobals<WaitFlags & { readonly server?: string }>();
    const client = connect(context, flags);
    const { out, err } = context.terminal;
    const waits: (readonly [string, (options: WaitOptions) => Promise<string>])[] = [];
    for (const name of names) {
      waits.push([name, await verb.ask(client, name)]);
      if (!flags.wait) out.write(`vm/${name} ${verb.under.toLowerCase()}\n`);
    }
    if (!flags.wait) return;
    const progress = new Progress(err);
    for (const [name, wait] of waits) {
      const { value } = await progress.step(`${verb.under} vm/${name}`, async (step) =>
        wait({ timeoutMs: flags.timeout, onProgress: (text) => step.detail(text) }),
      );
      out.write(`${value}\n`);
    }
  });
}
