/**
 * Takes down what runners put up on the host: `tap-down` and `macvtap-down`, once a VM's hypervisor has ended.
 *
 * A guard ends a hypervisor also while its node is dead; its interfaces stay then. So a link beside the VM's runner, `up`, says which
 * runner's are up: it is made before they are, and removed when they are down. A node that starts takes down what no instance has.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readlinkSync, realpathSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "../../ports/logger.ts";
import { runnerScript } from "./build/runner-package.ts";

const UP = "up";
const SCRIPTS = ["tap-down", "macvtap-down"] as const;
const SCRIPT_MS = 10_000;
/** Of scripts that work on host interfaces; NixOS's first. */
export const HOST_PATH = "/run/current-system/sw/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export class HostInterfaces {
  readonly #vmsDir: string;
  readonly #logger: Logger;

  constructor(vmsDir: string, logger: Logger) {
    this.#vmsDir = vmsDir;
    this.#logger = logger;
  }

  /** Notes that `runner`'s interfaces are about to be there. */
  willBeUp(vm: string, runner: string): void {
    if (SCRIPTS.every((name) => runnerScript(runner, name) === undefined)) return;
    const link = join(this.#vmsDir, vm, UP);
    rmSync(`${link}.new`, { force: true });
    symlinkSync(realpathSync(runner), `${link}.new`);
    renameSync(`${link}.new`, link);
  }

  /** Takes the VM's interfaces down, if any are up. */
  async down(vm: string): Promise<void> {
    const link = join(this.#vmsDir, vm, UP);
    let runner: string;
    try {
      runner = readlinkSync(link);
    } catch {
      return;
    }
    for (const name of SCRIPTS) {
      const script = runnerScript(runner, name);
      const failure = script === undefined ? undefined : await runScript(script);
      if (failure !== undefined) this.#logger.log("warn", `${name} of VM "${vm}" failed: ${failure}`, { vm, runner });
    }
    rmSync(link, { force: true });
  }

  /** Takes down what VMs left that do not run any more. */
  async collect(running: ReadonlySet<string>): Promise<void> {
    if (!existsSync(this.#vmsDir)) return;
    for (const vm of readdirSync(this.#vmsDir)) if (!running.has(vm)) await this.down(vm);
  }
}

/** Why it failed; undefined when it did not. */
async function runScript(script: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(script, [], {
      env: { PATH: HOST_PATH },
      stdio: ["ignore", "ignore", "pipe"],
      timeout: SCRIPT_MS,
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString("utf8")).slice(-300)));
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code) => resolve(code === 0 ? undefined : said.trim() || `status ${code}`));
  });
}
