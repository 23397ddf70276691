/**
 * QEMU's migration, which is also how it saves and loads: the settings of one run of it, and waiting for how it goes.
 *
 * Each run sets every capability that any run uses, since QEMU keeps them. Its statuses, in order: `setup`, `active`, `pre-switchover` (only with
 * `pause-before-switchover`: the guest stands still, its devices are not sent yet), `device`, then `completed`, `failed` or `cancelled`.
 *
 * Source: QEMU, qapi/migration.json and migration/migration.c of 7.2.
 */
import type { QmpCommand } from "./qmp-client.ts";
import type { QmpControl } from "./qmp-control.ts";
import type { QmpObject } from "./qmp-values.ts";

export interface TransferSettings {
  /** Leave out memory that both sides have in one file. */
  readonly ignoreShared: boolean;
  /** Wait at `pre-switchover` for `migrate-continue`. */
  readonly waitsAtSwitchover: boolean;
  readonly autoConverge: boolean;
}

/** For files and for whoever stands still: nothing to spare. */
export const UNLIMITED_BYTES_PER_SECOND: number = 2 ** 40;
/** QEMU's default. */
const ANNOUNCE_ROUNDS = 5;
/** A look at how it goes where no event came. */
const POLL_MS = 50;

export async function setTransfer(control: QmpControl, settings: TransferSettings): Promise<void> {
  const { command, args } = transferCommand(settings);
  await control.ask(command, args);
}

export function transferCommand(settings: TransferSettings): Required<QmpCommand> {
  const capabilities: Readonly<Record<string, boolean>> = {
    events: true,
    "x-ignore-shared": settings.ignoreShared,
    "pause-before-switchover": settings.waitsAtSwitchover,
    "auto-converge": settings.autoConverge,
    // An answer from the target would make this side run on when only the answer is lost.
    "return-path": false,
  };
  const args = { capabilities: Object.entries(capabilities).map(([capability, state]) => ({ capability, state })) };
  return { command: "migrate-set-capabilities", args };
}

/**
 * Whether a guest whose state is loaded tells its network at once that it is here now: QEMU has it do so, five times. A bridge has to hear it; in QEMU's
 * own network there is nobody to tell, and under emulation the code for it has to be translated before the guest goes on with what it was doing.
 */
export function announceCommand(announces: boolean): Required<QmpCommand> {
  return { command: "migrate-set-parameters", args: { "announce-rounds": announces ? ANNOUNCE_ROUNDS : 0 } };
}

/** Resolves with what `query-migrate` says once its status is one of `statuses`. @throws {VerbError} when QEMU ends. */
export async function untilTransfer(
  control: QmpControl,
  statuses: readonly string[],
  options: { readonly pollMs?: number; readonly onLook?: (info: QmpObject) => void } = {},
): Promise<QmpObject> {
  for (;;) {
    const changed = control.changed(options.pollMs ?? POLL_MS);
    const info = await control.ask("query-migrate");
    options.onLook?.(info);
    if (statuses.includes(String(info["status"]))) return info;
    await changed;
    // A cancel that meets QEMU just before `pre-switchover` leaves its thread waiting for this word for ever (`migration_maybe_pause`, QEMU 7.2).
    if (info["status"] === "cancelling") {
      await control.ask("migrate-continue", { state: "cancelling" }).catch(() => undefined);
    }
  }
}

/**
 * Resolves once a QEMU that waits for a guest has all of it: by its event, which comes when its guest may be set going, and by a look where that was
 * told before. @throws {VerbError} when QEMU ends, as it does when what comes is broken.
 */
export async function untilLoaded(control: QmpControl): Promise<void> {
  for (;;) {
    const event = await control.changed(
      POLL_MS,
      (told) => told.event === "MIGRATION" && told.data["status"] === "completed",
    );
    if (event !== undefined || (await control.ask("query-migrate"))["status"] === "completed") return;
  }
}
