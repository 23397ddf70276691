/** `blixard vm metrics`: what one VM uses, once or until Ctrl-C. */
import { Option, type Command } from "commander";
import type { VmMetrics } from "../../api/index.ts";
import type { CliContext } from "../cli-context.ts";
import { LiveScreen } from "../output/live-screen.ts";
import { renderValue } from "../output/output-format.ts";
import { ratesOf } from "../output/usage.ts";
import { renderUsage } from "../output/vm-usage.ts";
import { pause } from "../pause.ts";
import { connect } from "./get-command.ts";
import { toVmName } from "./vm-argument.ts";
import { lengthOption } from "./wait-options.ts";

const EXAMPLES = `
Examples:
  blixard vm metrics web
  blixard vm metrics web --watch --interval 5s
  blixard vm metrics web -o json | jq .usage.residentBytes

Rates are those of one interval. json and yaml are one reading: counters since the guest's start, gauges of now, each with the time of its node;
with --watch, one object a line. What the VM's driver does not know is left out.`;

const INTERVAL_MS = 1000;
const FORMATS = ["table", "json", "yaml"] as const;

interface MetricsFlags {
  readonly output: (typeof FORMATS)[number];
  readonly watch?: boolean;
  readonly interval: number;
  readonly server?: string;
}

export function addVmMetricsCommand(vm: Command, context: CliContext): void {
  const command = vm
    .command("metrics")
    .description("show what a VM uses: processor, memory, disks, network")
    .argument("<vm>", "name of a VM")
    .addOption(new Option("-o, --output <format>", "form of the output").choices(FORMATS).default("table"))
    .option("-w, --watch", "again after each interval, until Ctrl-C")
    .addOption(lengthOption("--interval <duration>", "time between two readings", { defaultMs: INTERVAL_MS }))
    .addHelpText("after", EXAMPLES);
  command.action(async (word: string) => {
    const name = toVmName(word);
    const flags = command.optsWithGlobals<MetricsFlags>();
    const client = connect(context, flags);
    const read = async (): Promise<VmMetrics> => client.vms.metrics(name);
    await (flags.output === "table" ? showTable(context, flags, read) : showDocuments(context, flags, read));
  });
}

async function showTable(context: CliContext, flags: MetricsFlags, read: () => Promise<VmMetrics>): Promise<void> {
  let before = await read();
  using interrupts = context.takeInterrupts();
  const screen = new LiveScreen(context.terminal.out);
  do {
    await pause(flags.interval, interrupts.first);
    const after = await read();
    screen.show(renderUsage(after, ratesOf(before, after)));
    before = after;
  } while (flags.watch === true);
}

async function showDocuments(
  { terminal: { out }, takeInterrupts }: CliContext,
  { output, watch, interval }: MetricsFlags,
  read: () => Promise<VmMetrics>,
): Promise<void> {
  const format = output === "yaml" ? "yaml" : "json";
  if (watch !== true) {
    out.write(await renderValue(await read(), format));
    return;
  }
  using interrupts = takeInterrupts();
  while (!interrupts.first.aborted) {
    const reading = await read();
    out.write(format === "json" ? `${JSON.stringify(reading)}\n` : `---\n${await renderValue(reading, format)}`);
    await pause(interval, interrupts.first);
  }
}
