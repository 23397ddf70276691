/** The program `blixard`. The only place that touches the process itself: its arguments, environment, streams and exit code. */
import { text } from "node:stream/consumers";
import { createApiClient } from "../api/client.ts";
import { ProcessInterrupts } from "./interrupts.ts";
import { runCli } from "./run-cli.ts";
import { processTerminal } from "./terminal.ts";

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  terminal: processTerminal(),
  now: Date.now,
  readStdin: async () => text(process.stdin),
  takeInterrupts: () => new ProcessInterrupts(),
  connect: (servers) =>
    createApiClient({ urls: servers, ...(process.env.BLIXARD_TOKEN ? { token: process.env.BLIXARD_TOKEN } : {}) }),
});
