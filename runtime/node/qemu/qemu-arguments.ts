/**
 * QEMU's command line for a microVM: kernel and initramfs directly, no firmware but qboot, no PCI.
 *
 * Paths are relative to the instance's folder, QEMU's working folder: a unix socket's path has 107 bytes at most, and data
 * folders may be deep. See docs/decisions/0006-guest-image.md for the kernel's parameters.
 */
import { type AttachedCard, cardArguments } from "./cards.ts";
import { CEPH_SECRET } from "./ceph-access.ts";
import type { AttachedDisk } from "./disks.ts";
import { clockParameters, counterRate } from "./emulated-clock.ts";
import { PRIVATE_FOLDER } from "../instances/instance-store.ts";

export type Acceleration = "kvm" | "tcg";

export interface MachineSpec {
  /** Shown by `ps`. */
  readonly name: string;
  readonly acceleration: Acceleration;
  readonly vcpus: number;
  readonly memoryMiB: number;
  /** undefined: it waits for the state of a guest that was booted before. */
  readonly boot: GuestBoot | undefined;
  readonly memory: GuestMemory;
  readonly cards: readonly AttachedCard[];
  /** With a device by which memory can be taken from the guest. */
  readonly balloon: boolean;
  /** This QEMU can be kept from starting programs and gaining rights. */
  readonly sandbox: boolean;
  readonly disks: readonly AttachedDisk[];
  /** Descriptors that it takes over, each as the set of its own number, "/dev/fdset/5". Default: none. */
  readonly descriptors?: readonly number[];
  /** File with the key by which it asks Ceph for its disks of RBD. Default: it has no such disk. */
  readonly cephKey?: string;
}

export interface GuestBoot {
  readonly kernel: string;
  readonly initramfs: string;
  /** What the image wants its kernel to be told, beside our own: "root=/dev/vda". */
  readonly parameters: readonly string[];
}

export type GuestMemory =
  /** A memfd: a file without a name, which others of this host can read and which goes with its QEMU. It costs a boot nothing measurable. */
  | { readonly type: "own" }
  /** A file that stays as it is: what the guest changes it has for itself, the rest it shares. */
  | { readonly type: "copy-on-write"; readonly path: string };

/** What QEMU needs none of here: old system calls, other users' rights, other programs, the scheduler's settings. */
export const SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";

/** QEMU makes its sockets where it may: in the part of its instance's folder that is its own. */
export const QMP_SOCKET: string = `${PRIVATE_FOLDER}/qmp.sock`;
export const AGENT_SOCKET: string = `${PRIVATE_FOLDER}/agent.sock`;
export const CONSOLE_SOCKET: string = `${PRIVATE_FOLDER}/console.sock`;
export const INCOMING_SOCKET: string = `${PRIVATE_FOLDER}/incoming.sock`;
/** Holds secrets, maybe; gone once QEMU has read it. */
export const INITRAMFS = "initramfs";
/** The virtio port's name inside the guest. */
const AGENT_PORT = "blixard";
/** QEMU's default translates up to 1 GiB of code for each guest before it starts over; this is plenty for a service. */
const TRANSLATION_CACHE_MIB = 64;

export const MACHINE = "microvm,x-option-roms=off,rtc=on,acpi=on";

const KERNEL_PARAMETERS = [
  "console=ttyS0",
  "quiet",
  // A panic restarts, -no-reboot makes that QEMU's end; a triple fault is the way microvm understands at once.
  "panic=-1",
  "reboot=t",
  // Self-tests of ciphers take 0.4 s under TCG and test nothing of ours.
  "cryptomgr.notests",
  "nokaslr",
];
const TCG_KERNEL_PARAMETERS = [
  // Code that is rewritten has to be translated again: 0.1 s for lock prefixes that cost nothing here.
  "noreplace-smp",
  // Nothing is speculated under TCG.
  "mitigations=off",
];

export function qemuArguments(spec: MachineSpec): readonly string[] {
  const tcg = spec.acceleration === "tcg";
  return [
    ...["-name", `${spec.name.replaceAll(",", ",,")},process=blixard:${spec.name.replaceAll(",", ",,")}`],
    // ACPI is how the kernel finds the virtio devices. PIT and PIC stay on: without them a TCG guest hangs at its start.
    ...["-M", `${MACHINE},memory-backend=mem`],
    ...["-object", memoryBackend(spec)],
    ...["-accel", tcg ? `tcg,tb-size=${TRANSLATION_CACHE_MIB}` : "kvm"],
    ...["-cpu", tcg ? "max" : "host"],
    ...["-smp", String(spec.vcpus), "-m", `${spec.memoryMiB}M`],
    ...(spec.sandbox ? ["-sandbox", SANDBOX] : []),
    ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ...(spec.boot === undefined ? ["-S", "-incoming", "defer"] : bootArguments(spec.boot, tcg)),
    // The log is written by QEMU, whether somebody is at the socket or not; opened for appending, so that it can be cut while the guest writes.
    ...["-chardev", `socket,id=console,path=${CONSOLE_SOCKET},server=on,wait=off,logfile=console.log,logappend=on`],
    ...["-serial", "chardev:console"],
    ...spec.cards.flatMap(cardArguments),
    ...["-chardev", `socket,id=agent,path=${AGENT_SOCKET},server=on,wait=off`],
    ...["-device", "virtio-serial-device", "-device", `virtserialport,chardev=agent,name=${AGENT_PORT}`],
    ...(spec.descriptors ?? []).flatMap((descriptor) => ["-add-fd", `fd=${descriptor},set=${descriptor}`]),
    ...(spec.cephKey === undefined ? [] : ["-object", `secret,id=${CEPH_SECRET},format=base64,file=${spec.cephKey}`]),
    ...spec.disks.flatMap(diskArguments),
    ...(spec.balloon ? ["-device", "virtio-balloon-device,deflate-on-oom=on"] : []),
    ...["-qmp", `unix:${QMP_SOCKET},server=on,wait=off`],
  ];
}

/** What QEMU calls the disk of that name. */
export function diskNode(name: string): string {
  return `disk-${name}`;
}

/** Errors of the host go to the guest: see disks.ts. */
function diskArguments({ name, readOnly, device }: AttachedDisk): readonly string[] {
  const node = diskNode(name);
  const block = { ...device, "node-name": node, "read-only": readOnly };
  const frontend = `virtio-blk-device,drive=${node},serial=${name},werror=report,rerror=report`;
  return ["-blockdev", JSON.stringify(block), "-device", frontend];
}

function bootArguments(boot: GuestBoot, tcg: boolean): readonly string[] {
  const parameters = [...KERNEL_PARAMETERS, ...(tcg ? emulated() : []), ...boot.parameters];
  return ["-kernel", boot.kernel, "-initrd", boot.initramfs, "-append", parameters.join(" ")];
}

function emulated(): readonly string[] {
  return [...clockParameters(counterRate()), ...TCG_KERNEL_PARAMETERS];
}

function memoryBackend({ memory, memoryMiB }: MachineSpec): string {
  if (memory.type === "own") return `memory-backend-memfd,id=mem,size=${memoryMiB}M,share=on`;
  return `memory-backend-file,id=mem,size=${memoryMiB}M,mem-path=${memory.path.replaceAll(",", ",,")},share=off`;
}
