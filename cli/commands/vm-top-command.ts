/** `blixard vm top`: what all VMs use, the busiest first, until Ctrl-C. One request a reading, and of it one a node. */
import { Option, type Command } from "commander";
import { ApiError } from "../../api/api-error.ts";
import type { ApiClient, ClusterMetrics } from "../../api/index.ts";
import type { CliContext } from "../cli-context.ts";
import { LiveScreen } from "../output/live-screen.ts";
import { linesBeside, renderTop, TOP_ORDERS, type TopOrder } from "../output/top-screen.ts";
import { pause } from "../pause.ts";
import { connect } from "./get-command.ts";
import { lengthOption } from "./wait-options.ts";

const EXAMPLES = `
Examples:
  blixard vm top
  blixard vm top --sort memory --interval 5s
  blixard vm top --once

CPU: 100% is one processor, all of the time. MEMORY is what the host holds for the guest, of what is shared its share; OF is what the guest may have.
Without a terminal it is shown once.`;

const INTERVAL_MS = 2000;

interface TopFlags {
  readonly once?: boolean;
  readonly sort: TopOrder;
  readonly interval: number;
  readonly server?: string;
}

export function addVmTopCommand(vm: Command, context: CliContext): void {
  const command = vm
    .command("top")
    .description("show what all VMs use, again and again, until Ctrl-C")
    .option("--once", "show it once: rates of one interval")
    .addOption(new Option("--sort <by>", "what comes first").choices(TOP_ORDERS).default("cpu"))
    .addOption(lengthOption("--interval <duration>", "time between two readings", { defaultMs: INTERVAL_MS }))
    .addHelpText("after", EXAMPLES);
  command.action(async () => {
    const flags = command.optsWithGlobals<TopFlags>();
    const { out } = context.terminal;
    const client = connect(context, flags);
    let before = await client.clusterMetrics({ all: true });
    using interrupts = context.takeInterrupts();
    const screen = new LiveScreen(out);
    const isOnce = flags.once === true || !out.interactive;
    do {
      try {
        await pause(flags.interval, interrupts.first);
      } catch (error) {
        // Ctrl-C is how one leaves it; asked to be shown once, it has not been.
        if (isOnce) throw error;
        return;
      }
      const after = await readAgain(client, isOnce);
      if (after instanceof ApiError) {
        screen.show(`Nobody answers: ${after.message}\n`);
        continue;
      }
      const rowsMax = isOnce ? Infinity : out.rows - linesBeside(after);
      screen.show(renderTop({ before, after, order: flags.sort, rowsMax }));
      before = after;
    } while (!isOnce);
  });
}

/** Once it is shown, a cluster that is silent for a while is no reason to stop. */
async function readAgain(client: ApiClient, isOnce: boolean): Promise<ClusterMetrics | ApiError> {
  try {
    return await client.clusterMetrics({ all: true });
  } catch (error) {
    if (isOnce || !(error instanceof ApiError)) throw error;
    return error;
  }
}
