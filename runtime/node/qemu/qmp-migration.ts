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
import { announceCommand, setTransfer, untilTransfer } from "./qmp-transfer.ts";
import { numberOf, objectOf, type QmpObject } from "./qmp-values.ts";

const MIB = 1024 * 1024;
const ENDED = ["completed", "failed", "cancelled"];
/** How often QEMU is asked towards the end of a round. */
const LOOK_MS = 3;
/**
 * The end of a round is sent slowly, so that the word to hold reaches QEMU before it: QEMU sends a tenth of its bandwidth at once, then sleeps for the rest
 * of a window of 100 ms, whatever it is told meanwhile. With little to go it is let send next to nothing a window (a page, or a dozen empty ones), so
 * that the guest can be held just before a window ends, and does not stand still for the rest of one.
 */
const END_BYTES = 32 * MIB;
const END_BYTES_PER_SECOND = 40 * MIB;
/** Two windows' worth, so that none of them takes a round from more than this to its end. */
const LITTLE_WINDOWS = 2;
const CRAWL_BYTES_PER_SECOND = 1024;
/** With less to go the guest is held at once: some windows of empty pages. */
const LEAST_BYTES = 256 * 1024;
const WINDOW_MS = 100;
/**
 * QEMU collects as soon as the rest fits into the downtime at the rate of its last window, which at full rate may be long before the end of a round. For
 * an emulated guest the least that it takes: whether the rest fits is decided here, and then the guest is held.
 */
const ROUND_DOWNTIME_MS = 1;
/** For the word to hold; one that comes later costs another window. */
const WORD_MS = 8;
/** On a host on which no window is seen to begin for so long, the guest is held wherever QEMU is in it. */
const WINDOWS_SEEN_MS = 300;
const PROGRESS_MS = 100;
/** QEMU sets a guest going again within moments after a failure. */
const GOING_MS = 5_000;

export interface QmpMigrationOptions {
  readonly control: QmpControl;
  readonly request: MigrationRequest;
  /** Its processors are emulated: QEMU loses some of what they write while it looks for it, so it only looks while they stand still. */
  readonly emulated: boolean;
  /** Called before the guest is held, which a process that follows this one has to undo. */
  holding(): void;
  /** Called before the last of the guest leaves: from then on this copy must not run unless `resume` says so. */
  leaving(): void;
}

export class QmpMigration {
  readonly #options: QmpMigrationOptions;
  readonly #control: QmpControl;
  readonly #request: MigrationRequest;
  #heldMs: number | undefined;
  #stopped: VerbError | undefined;
  #isLeaving = false;
  #toldMs = 0;

  constructor(options: QmpMigrationOptions) {
    this.#options = options;
    this.#control = options.control;
    this.#request = options.request;
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
      "downtime-limit": this.#options.emulated ? ROUND_DOWNTIME_MS : limits.downtimeMs,
    });
    if (this.#stopped !== undefined) throw this.#stopped;
    const timer = setTimeout(
      () => this.#stop("timed-out", `it took longer than ${limits.timeoutMs} ms`),
      limits.timeoutMs,
    );
    let last: QmpObject = {};
    try {
      last = this.#options.emulated ? await this.#sendInRounds() : await this.#send();
      if (last["status"] === "pre-switchover") last = await this.#switchOver();
    } catch (error) {
      await this.#goOn();
      throw error;
    } finally {
      clearTimeout(timer);
    }
    if (last["status"] === "completed") {
      return this.#heldMs === undefined ? numberOf(last["downtime"]) : Math.round(performance.now() - this.#heldMs);
    }
    await this.#goOn();
    throw this.#stopped ?? new VerbError("failed", `the connection to ${placeOf(to)} failed${reasonOf(last)}`);
  }

  cancel(): void {
    this.#stop("cancelled", "it was cancelled");
  }

  /** As QEMU does it: in rounds, until what is left fits into the downtime. */
  async #send(): Promise<QmpObject> {
    await this.#begin();
    return this.#until(["pre-switchover", ...ENDED]);
  }

  /**
   * The same, but held whenever QEMU collects what the guest has written: at the beginning, and at the end of each round. An emulated processor that is just
   * writing then may put back the mark that it need not tell of further writes to that page (`notdirty_write` against `tlb_reset_dirty`, QEMU 7.2), and the page
   * arrives as it was. Of guests that ran, one in seven was corrupted by its move on a busy host; of guests held like this none of 20.
   */
  async #sendInRounds(): Promise<QmpObject> {
    const { bandwidthBytesPerSecond, downtimeMs } = this.#request.limits;
    const bytesPerMs = bandwidthBytesPerSecond / 1000;
    await this.#hold();
    await this.#begin();
    let info = await this.#look((now) => now["status"] !== "setup" && syncsOf(now) > 0);
    while (isActive(info)) {
      const syncs = syncsOf(info);
      if (remainingOf(info) > bytesPerMs * downtimeMs) {
        await this.#control.resume();
        const until = (bytes: number) => (now: QmpObject) =>
          !isActive(now) || syncsOf(now) > syncs || remainingOf(now) < bytes;
        await this.#look(until(END_BYTES));
        const slowBytesPerSecond = Math.min(bandwidthBytesPerSecond, END_BYTES_PER_SECOND);
        await this.#limit(slowBytesPerSecond);
        const windowBytes = (slowBytesPerSecond * WINDOW_MS) / 1000;
        await this.#look(until(Math.max(LEAST_BYTES, LITTLE_WINDOWS * windowBytes)));
        await this.#limit(CRAWL_BYTES_PER_SECOND);
        await this.#untilWindowEnds(until(LEAST_BYTES));
        await this.#hold();
        info = await this.#control.ask("query-migrate");
        if (!ENDED.includes(String(info["status"])) && syncsOf(info) > syncs)
          this.#stop("failed", "this host was too busy to hold it in time: try again");
        await this.#limit(bandwidthBytesPerSecond);
      }
      info = await this.#look((now) => !isActive(now) || syncsOf(now) > syncs);
    }
    return info["status"] === "pre-switchover" ? info : this.#until(["pre-switchover", ...ENDED]);
  }

  /** Waits until just before QEMU's next window; not at all when the round is over. */
  async #untilWindowEnds(isOver: (info: QmpObject) => boolean): Promise<void> {
    const untilMs = performance.now() + WINDOWS_SEEN_MS;
    let [sentBytes, askedMs, isAsleep] = [-1, 0, false];
    for (;;) {
      const beforeMs = askedMs;
      askedMs = performance.now();
      if (askedMs > untilMs) return;
      const changed = this.#control.changed(LOOK_MS);
      const info = await this.#control.ask("query-migrate");
      if (isOver(info)) return;
      const nowBytes = numberOf(objectOf(info["ram"])["transferred"]);
      const sends = nowBytes !== sentBytes;
      // What it sends after it has slept begins a window, which began behind the look before.
      if (sends && isAsleep) {
        const leftMs = beforeMs + WINDOW_MS - WORD_MS - performance.now();
        return void (await new Promise((resolve) => setTimeout(resolve, Math.max(0, leftMs))));
      }
      [sentBytes, isAsleep] = [nowBytes, !sends];
      await changed;
    }
  }

  async #begin(): Promise<void> {
    await this.#control.ask("migrate", { uri: `tcp:${placeOf(this.#request.to)}` });
    if (this.#stopped !== undefined) await this.#control.ask("migrate_cancel");
  }

  async #limit(bytesPerSecond: number): Promise<void> {
    await this.#control.ask("migrate-set-parameters", { "max-bandwidth": bytesPerSecond });
  }

  async #hold(): Promise<void> {
    this.#options.holding();
    this.#heldMs = performance.now();
    await this.#control.pause();
  }

  async #switchOver(): Promise<QmpObject> {
    // A cancel is on its way, so QEMU will not go on either.
    if (this.#stopped !== undefined) return this.#until(ENDED);
    this.#isLeaving = true;
    this.#options.leaving();
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
    return untilTransfer(this.#control, statuses, { onLook: (info) => this.#tell(info) });
  }

  async #look(isOver: (info: QmpObject) => boolean): Promise<QmpObject> {
    for (;;) {
      const changed = this.#control.changed(LOOK_MS);
      const info = await this.#control.ask("query-migrate");
      this.#tell(info);
      if (isOver(info) || ENDED.includes(String(info["status"]))) return info;
      await changed;
    }
  }

  #tell(info: QmpObject): void {
    const ram = objectOf(info["ram"]);
    const nowMs = performance.now();
    if (ram["total"] === undefined || nowMs - this.#toldMs < PROGRESS_MS) return;
    this.#toldMs = nowMs;
    const totalBytes = numberOf(ram["total"]);
    this.#request.onProgress({ totalBytes, remainingBytes: remainingOf(info), rounds: syncsOf(info) });
  }

  /** After a failure. QEMU sets a guest that it held itself going within moments. */
  async #goOn(): Promise<void> {
    if (this.#heldMs !== undefined) return this.#control.resume();
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
export async function listenForGuest(
  control: QmpControl,
  { address, announces }: { readonly address: string; readonly announces: boolean },
): Promise<MigrationEndpoint> {
  const announce = announceCommand(announces);
  await control.ask(announce.command, announce.args);
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

function isActive(info: QmpObject): boolean {
  return info["status"] === "setup" || info["status"] === "active";
}

/** Times that QEMU has collected what was written. */
function syncsOf(info: QmpObject): number {
  return numberOf(objectOf(info["ram"])["dirty-sync-count"]);
}

function remainingOf(info: QmpObject): number {
  return numberOf(objectOf(info["ram"])["remaining"]);
}

function reasonOf(info: QmpObject): string {
  const said = info["error-desc"];
  if (typeof said === "string") return `: ${said}`;
  const remaining = remainingOf(info);
  return remaining > 0 ? ` with ${Math.ceil(remaining / MIB)} MiB to go` : "";
}
