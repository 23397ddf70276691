/**
 * What a checkpoint knows of its guest's disks: its part "disks", and beside it a part for the content of each that is the guest's own.
 *
 * It is a part and no field of the manifest: of which image of this host a disk is, is nothing that the rest of a cluster has to know, and it is hashed as
 * all parts are, so nobody can put another image beneath a disk.
 */
import type { GuestDisk } from "../../ports/guest-disks.ts";

export const DISKS_PART = "disks";

/** The part that holds the content of a disk. */
export function diskPart(name: string): string {
  return `disk-${name}.qcow2`;
}

/** What has to be known of a disk while its guest runs, to keep it in a checkpoint. */
export interface NotedDisk {
  readonly name: string;
  readonly kind:
    /** Empty at first. */
    | "own"
    /** Over an image. */
    | "overlay"
    /** Over what a checkpoint has. */
    | "restored"
    /** An image that is only read. */
    | "image"
    | "rbd";
  /** What the guest can write, in bytes; 0 where that is not this host's. */
  readonly sizeBytes: number;
  /** File in the folder of images. */
  readonly image?: string;
}

export interface KeptDisk {
  readonly name: string;
  /** What the guest can write, in bytes; 0 of one that it only reads. */
  readonly sizeBytes: number;
  /** Is there a part of it? If not, it is its image itself. */
  readonly isCopied: boolean;
  /** Beneath what is kept, or itself. */
  readonly image?: {
    /** In the host's folder of disk images. */
    readonly file: string;
    /** Hexadecimal. */
    readonly sha256: string;
  };
}

export interface KeptDisks {
  readonly format: 1;
  /** The guest's file systems were told to write everything down and to wait, so a disk can be read without the memory. */
  readonly isFrozen: boolean;
  readonly disks: readonly KeptDisk[];
}

const MIB = 1024 * 1024;

/** `imageHash`: of an image in the host's folder. */
export async function keptDisk(disk: NotedDisk, imageHash: (file: string) => Promise<string>): Promise<KeptDisk> {
  const { name, sizeBytes, kind } = disk;
  // What was restored is kept as a whole: the checkpoint that is beneath it may go.
  const file = kind === "restored" ? undefined : disk.image;
  const kept: KeptDisk = { name, sizeBytes, isCopied: kind !== "image" };
  return file === undefined ? kept : { ...kept, image: { file, sha256: await imageHash(file) } };
}

/** undefined for anything but what `keptDisk` makes. */
export function readKeptDisks(text: string): KeptDisks | undefined {
  try {
    const value = JSON.parse(text) as Partial<KeptDisks> | null;
    if (value?.format !== 1 || !Array.isArray(value.disks) || !value.disks.every(isKeptDisk)) return undefined;
    return { format: 1, isFrozen: value.isFrozen === true, disks: value.disks };
  } catch {
    return undefined;
  }
}

/** What a guest that is started from a checkpoint has otherwise than it had; undefined when nothing. Its devices stand in the order of its disks. */
export function disksDiffer(wanted: readonly GuestDisk[], kept: readonly KeptDisk[]): string | undefined {
  const names = (disks: readonly { readonly name: string }[]): string => disks.map(({ name }) => name).join(", ");
  if (names(wanted) !== names(kept)) {
    return `disks: it has ${names(kept) || "none"}, here they are ${names(wanted) || "none"}`;
  }
  for (const [at, disk] of wanted.entries()) {
    const { name, sizeBytes = 0, isCopied = false } = kept[at] ?? {};
    if (disk.readOnly === isCopied) return `disk "${name}": only one of both can be written to`;
    if (isCopied && disk.sizeMiB !== undefined && disk.sizeMiB * MIB !== sizeBytes) {
      return `disk "${name}": it has ${sizeBytes / MIB} MiB, here it is ${disk.sizeMiB}`;
    }
  }
  return undefined;
}

function isKeptDisk(value: unknown): value is KeptDisk {
  if (typeof value !== "object" || value === null) return false;
  const { name, sizeBytes, isCopied, image } = value as Partial<Record<keyof KeptDisk, unknown>>;
  return (
    typeof name === "string" &&
    Number.isSafeInteger(sizeBytes) &&
    typeof isCopied === "boolean" &&
    (image === undefined ? isCopied : isImage(image))
  );
}

function isImage(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { file, sha256 } = value as { readonly file?: unknown; readonly sha256?: unknown };
  return typeof file === "string" && typeof sha256 === "string";
}
