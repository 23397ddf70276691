/**
 * The hardware address of a VM's card that names none.
 *
 * It is made of what the map knows of the VM and of nothing else, so that whoever has the map says the same: the node that starts it, the one that it moves
 * to, `vm describe`. A VM's uid is used once in its cluster, and the moment of its creation tells clusters on one bridge apart that call themselves and
 * their VMs the same; a clone is another VM. Locally administered (the second bit of the first byte), never a group's.
 */
import type { Metadata } from "./metadata.ts";
import type { VmSpec } from "./vm.ts";

const BASIS = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;
const MASK = (1n << 64n) - 1n;
const BYTES = 5;

/** As Linux writes it: "02:9e:31:00:5d:c4". 40 bits of it differ. */
export function cardAddress({ uid, name, createdAtMs }: Metadata, card: string): string {
  let hash = BASIS;
  // FNV-1a, and the finalizer of MurmurHash3, since all bits count here.
  for (const char of `${uid} ${createdAtMs} ${name} ${card}`) {
    hash = ((hash ^ BigInt(char.codePointAt(0) ?? 0)) * PRIME) & MASK;
  }
  for (const factor of [0xff51afd7ed558ccdn, 0xc4ceb9fe1a85ec53n]) hash = ((hash ^ (hash >> 33n)) * factor) & MASK;
  hash ^= hash >> 33n;
  const digits = hash.toString(16).padStart(16, "0");
  return ["02", ...Array.from({ length: BYTES }, (_, at) => digits.slice(2 * at, 2 * at + 2))].join(":");
}

/** Of a VM's cards in bridges, where others hear them. */
export function bridgedAddresses(metadata: Metadata, { networks = [] }: VmSpec): readonly string[] {
  const bridged = networks.filter(({ kind }) => kind === "tap");
  return bridged.map(({ name, mac }) => mac?.toLowerCase() ?? cardAddress(metadata, name));
}
