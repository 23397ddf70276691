/** Starts what runs an instance, or waits to become one: what its command needs in a folder, then the command under a guard of its own. */
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import type { InstanceLaunch } from "../../ports/hypervisor.ts";
import type { Logger } from "../../ports/logger.ts";
import { findGuardTools, type GuardedCommand, type GuardTools, startGuard } from "../guard/guard.ts";
import { uptimeHundredths } from "../guard/host-uptime.ts";
import { CONSOLE_LOG } from "./console-log.ts";
import { type MachineDriver, StartRefusal } from "./machine-driver.ts";

export class InstanceLauncher {
  readonly #driver: MachineDriver;
  readonly #logger: Logger;
  #tools: Promise<GuardTools> | undefined;

  constructor(host: { readonly driver: MachineDriver; readonly logger: Logger }) {
    ({ driver: this.#driver, logger: this.#logger } = host);
  }

  /** `folder` is new; `deadline`: of its lease, in hundredths of a second of the host's uptime, as it is known then. @throws {StartRefusal} */
  async prepare(
    launch: InstanceLaunch,
    folder: string,
    { user, deadline }: { readonly user: number | undefined; readonly deadline: () => number },
  ): Promise<GuardedCommand> {
    closeSync(openSync(join(folder, CONSOLE_LOG), "a", 0o600));
    const command = await this.#driver.prepare(launch, folder, user, () => deadline() > uptimeHundredths());
    await this.#guardTools();
    return command;
  }

  /** Resolves once the command runs. @throws when it cannot, or its lease is over. */
  async run(instanceFolder: string, command: GuardedCommand, deadline: number): Promise<void> {
    const tools = await this.#guardTools();
    if (deadline <= uptimeHundredths()) throw new StartRefusal("failed", "its lease is over");
    await startGuard({ instanceFolder, command, deadline, tools });
  }

  #guardTools(): Promise<GuardTools> {
    this.#tools ??= findGuardTools().then((tools) => {
      for (const warning of tools.warnings) this.#logger.log("warn", warning);
      return tools;
    });
    return this.#tools;
  }
}
