/**
 * What can be done with any QEMU through its QMP socket, whoever started it: its processors, balloon and counters.
 *
 * QEMU keeps the state, not this process: a guest that was paused by a node that died is still paused for the next one.
 */
import type { GuestMetrics } from "../../ports/guest-verbs.ts";
import type { ProcessIdentity } from "../guard/process-identity.ts";
import { VerbError } from "../instances/machine-driver.ts";
import { readProcessUsage } from "../instances/process-usage.ts";
import type { QmpClient, QmpEvent } from "./qmp-client.ts";
import { type QmpObject, numberOf, objectOf, objectsOf } from "./qmp-values.ts";

/** The states of QEMU in which its processors stand still and may be set going. */
const STANDING = new Set(["paused", "prelaunch", "postmigrate"]);
const MIB = 1024 * 1024;

export interface QmpControlOptions {
  /** Rejects when there is no QEMU to talk to. */
  connected(): Promise<QmpClient>;
  readonly child: ProcessIdentity;
}

export class QmpControl {
  readonly #options: QmpControlOptions;
  /** Once there: what is asked then leaves at once, and not behind what else this process has to do. */
  #client: QmpClient | undefined;

  constructor(options: QmpControlOptions) {
    this.#options = options;
  }

  /** One command. @throws {VerbError} `failed` with QEMU's words, `not-running` when it has ended. */
  async ask(command: string, args?: QmpObject): Promise<QmpObject> {
    return objectOf(await this.askAny(command, args));
  }

  async askAny(command: string, args?: QmpObject): Promise<unknown> {
    return this.#answered((qmp) => qmp.execute(command, args));
  }

  /** Resolves when QEMU has answered what it was told with the connection. @throws as `ask` does. */
  async first(): Promise<void> {
    return this.#answered((qmp) => qmp.first());
  }

  /** Resolves with QEMU's next event that is wanted, by default with any; with nothing when QEMU ends, or after `limitMs`. */
  async changed(limitMs: number, isWanted?: (event: QmpEvent) => boolean): Promise<QmpEvent | undefined> {
    return (await this.#options.connected()).changed(limitMs, isWanted);
  }

  /** QEMU's word: `running`, `paused`, `inmigrate`, `postmigrate`, `internal-error`, … */
  async status(): Promise<string> {
    return String((await this.ask("query-status"))["status"]);
  }

  /** QEMU's own: "7.2.22". */
  async version(): Promise<string> {
    const { major, minor, micro } = objectOf((await this.ask("query-version"))["qemu"]);
    return [major, minor, micro].join(".");
  }

  async pause(): Promise<void> {
    await this.ask("stop");
  }

  /** `known`: the state that QEMU is in, where the caller knows it. Default: it is asked. */
  async resume(known?: string): Promise<void> {
    const status = known ?? (await this.status());
    if (status === "running") return;
    // QEMU would take the word for later and start the guest by itself when the rest has come.
    if (status === "inmigrate") throw new VerbError("failed", "not all of it has arrived yet");
    if (!STANDING.has(status)) throw new VerbError("failed", `QEMU says that it is in state "${status}"`);
    await this.ask("cont");
  }

  async setBalloon(memoryMiB: number): Promise<void> {
    const sizeMiB = numberOf((await this.ask("query-memory-size-summary"))["base-memory"]) / MIB;
    if (!Number.isSafeInteger(memoryMiB) || memoryMiB < 1 || memoryMiB > sizeMiB) {
      throw new VerbError(
        "failed",
        `it was started with ${sizeMiB} MiB, so it can have 1 to ${sizeMiB}, not ${memoryMiB}`,
      );
    }
    if ((await this.#balloonBytes()) === undefined) {
      throw new VerbError("unsupported", "it was started without a balloon");
    }
    await this.ask("balloon", { value: memoryMiB * MIB });
  }

  async readMetrics(): Promise<GuestMetrics> {
    const usage = readProcessUsage([this.#options.child.pid]);
    const [disks, balloonBytes] = await Promise.all([this.askAny("query-blockstats"), this.#balloonBytes()]);
    let [readBytes, writtenBytes] = [0, 0];
    for (const disk of objectsOf(disks)) {
      const stats = objectOf(disk["stats"]);
      readBytes += numberOf(stats["rd_bytes"]);
      writtenBytes += numberOf(stats["wr_bytes"]);
    }
    return { ...usage, readBytes, writtenBytes, ...(balloonBytes === undefined ? {} : { balloonBytes }) };
  }

  async #answered<Answer>(ask: (qmp: QmpClient) => Promise<Answer>): Promise<Answer> {
    const qmp = this.#client ?? (await this.#connected());
    return ask(qmp).catch((error: unknown) => {
      throw new VerbError(qmp.isClosed ? "not-running" : "failed", (error as Error).message, error);
    });
  }

  async #connected(): Promise<QmpClient> {
    this.#client = await this.#options.connected().catch((error: unknown) => {
      throw new VerbError("not-running", `QEMU does not answer: ${(error as Error).message}`, error);
    });
    return this.#client;
  }

  /** undefined without a balloon. */
  async #balloonBytes(): Promise<number | undefined> {
    try {
      return numberOf((await this.ask("query-balloon"))["actual"]);
    } catch (error) {
      if (error instanceof VerbError && error.code === "failed") return undefined;
      throw error;
    }
  }
}
