/**
 * Sends a running guest to another QEMU: one live migration, as seen from its source.
 *
 *     active ──▶ pre-switchover ──`migrate-continue`──▶ device ──▶ completed
 *        └────────────┴── cancel, time-out, a broken connection ──▶ the guest runs on
 *
 * QEMU stops at `pre-switchover`: the guest stands still, and the last of it has not been sent. Until then nobody else can have all of it, so a
 * cancel is safe, and a process that dies here leaves a guest that its follower lets go on. Behind it the target may have all of it at any moment, so no
 * cancel is listened to, and the only failure left is a connection that breaks before the last byte was taken, which means that the target lacks it.
 * There is no return path, whose loss would make this side run beside a target that has everything. The stop there costs a millisecond of blackout.
 */
import type { MigrationEndpoint, MigrationRequest, VerbFailure } from "../../ports/guest-verbs.ts";
import { VerbError } from "../instances/machine-driver.ts";
import type { QmpControl } from "./qmp-control.ts";
import { setTransfer, untilTransfer } from "./qmp-transfer.ts";
import { numberOf, objectOf, type QmpObject } from "./qmp-values.ts";

const ENDED = ["completed", "failed", "cancelled"];
const PROGRESS_MS = 100;
/** QEMU sets a guest going again within moments after a failure. */
const GOING_MS = 5_000;
const MIB = 1024 * 1024;

export class QmpMigration {
  readonly #control: QmpControl;
  readonly #request: MigrationRequest;
  /** Called before the last of the guest leaves: from then on this copy must not run unless `resume` says so, or the sending fails. */
  readonly #leaving: () => void;
  #stopped: VerbError | undefined;
  #isLeaving = false;

  constructor(control: QmpControl, request: MigrationRequest, leaving: () => void) {
    this.#control = control;
    this.#request = request;
    this.#leaving = leaving;
  }

  /** Resolves with the downtime in milliseconds, this copy standing still. @throws {VerbError} and the guest runs on. */
  async run(): Promise<number> {
    const { to, limits } = this.#request;
    const status = await this.#control.status();
    if (status !== "running") throw new VerbError("unsupported", `it stands still: QEMU says "${status}"`);
    await setTransfer(this.#control, {
      ignoreShared: false,
      waitsAtSwitchover: true,
      autoConverge: limits.autoConverge,
    });
    await this.#control.ask("migrate-set-parameters", {
      "max-bandwidth": limits.bandwidthBytesPerSecond,
      "downtime-limit": limits.downtimeMs,
    });
    if (this.#stopped !== undefined) throw this.#stopped;
    const timer = setTimeout(
      () => this.#stop("timed-out", `it took longer than ${limits.timeoutMs} ms`),
      limits.timeoutMs,
    );
    let last: QmpObject = {};
    try {
      await this.#control.ask("migrate", { uri: `tcp:${placeOf(to)}` });
      if (this.#stopped !== undefined) await this.#control.ask("migrate_cancel");
      last = await this.#until(["pre-switchover", ...ENDED]);
      if (last["status"] === "pre-switchover") last = await this.#switchOver();
    } finally {
      clearTimeout(timer);
    }
    if (last["status"] === "completed") return numberOf(last["downtime"]);
    await this.#untilRunning();
    throw this.#stopped ?? new VerbError("failed", `the connection to ${placeOf(to)} failed${reasonOf(last)}`);
  }

  cancel(): void {
    this.#stop("cancelled", "it was cancelled");
  }

  async #switchOver(): Promise<QmpObject> {
    // A cancel is on its way, so QEMU will not go on either.
    if (this.#stopped !== undefined) return this.#until(ENDED);
    this.#isLeaving = true;
    this.#leaving();
    await this.#control.ask("migrate-continue", { state: "pre-switchover" });
    return this.#until(ENDED);
  }

  #stop(code: VerbFailure, why: string): void {
    if (this.#isLeaving || this.#stopped !== undefined) return;
    this.#stopped = new VerbError(code, why);
    // Where nothing goes on yet, `run` finds the word.
    this.#control.ask("migrate_cancel").catch(() => undefined);
  }

  async #until(statuses: readonly string[]): Promise<QmpObject> {
    let toldMs = 0;
    return untilTransfer(this.#control, statuses, {
      onLook: (info) => {
        const ram = objectOf(info["ram"]);
        const nowMs = performance.now();
        if (ram["total"] === undefined || nowMs - toldMs < PROGRESS_MS) return;
        toldMs = nowMs;
        this.#request.onProgress({
          totalBytes: numberOf(ram["total"]),
          remainingBytes: numberOf(ram["remaining"]),
          rounds: numberOf(ram["dirty-sync-count"]),
        });
      },
    });
  }

  async #untilRunning(): Promise<void> {
    const untilMs = performance.now() + GOING_MS;
    while ((await this.#control.status()) !== "running") {
      if (performance.now() > untilMs) return this.#control.resume();
      await this.#control.changed(PROGRESS_MS);
    }
  }
}

/** What an earlier process was sending and told nobody the end of: it is cancelled while that is safe. */
export async function abandonMigration(control: QmpControl): Promise<void> {
  const { status } = await control.ask("query-migrate");
  if (["setup", "active", "pre-switchover"].includes(String(status))) await control.ask("migrate_cancel");
  if (status !== undefined && status !== "none") await untilTransfer(control, ENDED);
}

/** Opens QEMU's ear for a guest. Resolves with where it listens. */
export async function listenForGuest(control: QmpControl, address: string): Promise<MigrationEndpoint> {
  await setTransfer(control, { ignoreShared: false, waitsAtSwitchover: false, autoConverge: false });
  await control.ask("migrate-incoming", { uri: `tcp:${placeOf({ address, port: 0 })}` });
  const [socket] = ((await control.ask("query-migrate"))["socket-address"] as readonly unknown[] | undefined) ?? [];
  const port = Number(objectOf(socket)["port"]);
  if (!Number.isSafeInteger(port)) throw new VerbError("failed", "QEMU does not say where it listens");
  return { address, port };
}

function placeOf({ address, port }: MigrationEndpoint): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function reasonOf(info: QmpObject): string {
  const said = info["error-desc"];
  if (typeof said === "string") return `: ${said}`;
  const remaining = numberOf(objectOf(info["ram"])["remaining"]);
  return remaining > 0 ? ` with ${Math.ceil(remaining / MIB)} MiB to go` : "";
}
