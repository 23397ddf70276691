/**
 * Checkpoints as a host makes and keeps them: the guest stands still while a process of the node copies it, and goes on when that is done. What is kept
 * of its disk is what was there at that moment, however long QEMU takes to copy it; that time is none here.
 *
 *     asked ─▶ stands still ─▶ copied ─▶ on the disk, whole ─▶ goes on ─▶ the process is answered
 *
 * What the process does ends with it: one that dies in the middle leaves a guest that stands still and no bytes. What is on the disk stays when the
 * power goes, and is gone when the disk is. What may go wrong is drawn once, when it begins.
 */
import type { CheckpointManifest, InstanceLaunch, VerbFailure, VerbResult } from "../../runtime/index.ts";
import type { ProcessLife } from "../timeline/process-life.ts";
import type { GuestMemory } from "./guest-memory.ts";
import type { Guest } from "./guest.ts";
import { SLOW, type Host } from "./host.ts";

/** A guest as it was, on the disk of a host. */
export interface KeptCheckpoint {
  readonly id: string;
  /** Whose it is. */
  readonly launch: InstanceLaunch;
  readonly memory: GuestMemory;
  readonly hung: boolean;
  /** Since when by its own counter its program runs. */
  readonly programFromUs: number;
  /** Its bytes are not what was written. */
  readonly isDamaged: boolean;
}

/** Fates of one that does not go well; one that is damaged is made, and found out when a guest is started from it. */
const FATES = ["failed", "no-space", "slow", "damaged"] as const;
type Fate = (typeof FATES)[number] | "fine";

/** What a disk takes, in bytes a second. */
const DISK_BYTES = 500_000_000;
const MIB = 1_048_576;

/** Until a guest that is started from one has answered, at most, in microseconds. */
const RESTORE_MAX_US = 150_000;

/** How much later disks are copied where that rule is broken, in microseconds. */
const LATE_US = 1000;

export interface CheckpointMakingOptions {
  readonly host: Host;
  readonly guest: Guest;
  readonly id: string;
  readonly life: ProcessLife;
  readonly done: (result: VerbResult<{ readonly manifest: CheckpointManifest }>) => void;
}

export function makeCheckpoint(options: CheckpointMakingOptions): void {
  const { host, guest, id, life } = options;
  const random = host.copies;
  const fails = random.next() < (host.weather.checkpointFailures ?? 0);
  const fate: Fate = fails ? (FATES[random.integer(FATES.length)] as Fate) : "fine";
  const wasRunning = guest.stance === "runs";
  host.copying.add(guest);
  host.stand(guest);
  const stoodUs = guest.runsSinceUs;
  const copyUs = (guest.launch.memoryMiB * MIB * 1_000_000 * (0.5 + random.next())) / DISK_BYTES;
  host.timeline.after(fate === "slow" ? copyUs * SLOW : copyUs, () => {
    host.copying.delete(guest);
    // Its process, or the host, did not live to see the end: nothing of it is kept, and nobody lets the guest go on.
    if (!life.alive) return;
    const refuse = (code: VerbFailure, why: string): void => {
      const message = `Cannot make checkpoint "${id}" of instance "${guest.launch.instance}": ${why}`;
      life.enter(() => options.done({ ok: false, code, message }));
    };
    if (host.guests.get(guest.launch.instance) !== guest) return refuse("not-running", "it has ended");
    const isUntouched = guest.stance === "still" && guest.runsSinceUs === stoodUs;
    if (isUntouched && wasRunning) host.go(guest);
    if (!isUntouched) return refuse("failed", "it went on before all of it was copied");
    if (fate === "no-space") return refuse("no-space", "the disk is full");
    if (fate === "failed") return refuse("failed", "its memory cannot be read");
    const keep = (): void => {
      const { launch, memory, hung, programFromUs } = guest;
      // Its memory is what it was when it stood still; its disk is as it is now.
      const copied = { ...memory, writtenUs: host.ranUs(guest) };
      host.keep({ id, launch, memory: copied, hung, programFromUs, isDamaged: fate === "damaged" });
      life.enter(() => options.done({ ok: true, manifest: manifestOf(id, host.driver, guest.launch) }));
    };
    if (host.copiesDisksLate) host.timeline.after(LATE_US, keep);
    else keep();
  });
}

/** Why a guest cannot be started from it; null when it can. */
export function whyNotFrom(
  kept: KeptCheckpoint | undefined,
  id: string,
  launch: InstanceLaunch,
): { readonly code: "failed" | "incompatible" | "damaged"; readonly message: string } | null {
  const cannot = `Cannot start VM "${launch.vm}": `;
  if (kept === undefined) return { code: "failed", message: `${cannot}there is no checkpoint "${id}" on this host` };
  for (const what of ["vcpus", "memoryMiB", "image"] as const) {
    if (kept.launch[what] === launch[what]) continue;
    const why = `checkpoint "${id}" has ${what} ${kept.launch[what]}, here it is ${launch[what]}`;
    return { code: "incompatible", message: cannot + why };
  }
  if (!kept.isDamaged) return null;
  return { code: "damaged", message: `${cannot}checkpoint "${id}": its part "memory" is not what was written` };
}

export function restoreUs(host: Host): number {
  return host.copies.integer(RESTORE_MAX_US);
}

function manifestOf(id: string, driver: string, { vcpus, memoryMiB, image }: InstanceLaunch): CheckpointManifest {
  const parts = [{ name: "memory", sizeBytes: memoryMiB * MIB, sha256: id }];
  const needs = { driver, version: "1", machine: "modelled", cpu: "any", imageSha256: image };
  return { format: 1, id, ...needs, vcpus, memoryMiB, parts };
}
