/**
 * What microvm.nix can do with which hypervisor: the table, as data. check-microvm.ts looks wishes up in it, before Nix runs.
 *
 * Each cell was measured by evaluating the real runner of that hypervisor (microvm.nix at 71beea0). What is left out silently counts as
 * refused here: whoever asks for it would believe that he has it.
 */
import type { VmmName } from "./microvm-config.ts";

/** `yes`, or what becomes of the wish. */
export type Support =
  | "yes"
  /** microvm.nix refuses it by name. */
  | "refused"
  /** It evaluates and the guest does not get it. */
  | "ignored"
  /** Nix ends in an error of microvm.nix itself. */
  | "fails"
  /** It is passed on, and known not to work. */
  | "broken"
  /** It is passed on, and nobody has seen it work. */
  | "unproven";

export const VMM_NAMES: readonly VmmName[] = [
  "qemu",
  "cloud-hypervisor",
  "firecracker",
  "crosvm",
  "kvmtool",
  "stratovirt",
  "alioth",
];

/** What a support means for who asked. */
export const SUPPORT_WORDS: Readonly<Record<Exclude<Support, "yes">, string>> = {
  refused: "microvm.nix has no support for it",
  ignored: "microvm.nix leaves it out without a word",
  fails: "microvm.nix itself fails on it",
  broken: "it is known not to work",
  unproven: "nobody has seen it work",
};

export type MicrovmFeature =
  | "no-socket"
  | "balloon"
  | "initial-balloon"
  | "hotplug"
  | "hugepages"
  | "share-9p"
  | "share-9p-read-only"
  | "share-virtiofs"
  | "interface-user"
  | "interface-tap"
  | "interface-bridge"
  | "interface-macvtap"
  | "tap-vhost"
  | "ports"
  | "vsock"
  | "user"
  | "credentials"
  | "device-pci"
  | "device-usb"
  | "volume-serial"
  | "volume-direct"
  | "cpu"
  | "machine";

export interface FeatureRow {
  /** The wish in words: "firecracker cannot …". */
  readonly words: string;
  readonly support: Readonly<Record<VmmName, Support>>;
}

/** Columns in the order of `VMM_NAMES`. */
function row(
  words: string,
  ...columns: readonly [Support, Support, Support, Support, Support, Support, Support]
): FeatureRow {
  const [qemu, cloudHypervisor, firecracker, crosvm, kvmtool, stratovirt, alioth] = columns;
  return {
    words,
    support: { qemu, "cloud-hypervisor": cloudHypervisor, firecracker, crosvm, kvmtool, stratovirt, alioth },
  };
}

// prettier-ignore
export const HYPERVISOR_MATRIX: Readonly<Record<MicrovmFeature, FeatureRow>> = {
  //                                                              qemu       cloud-h.   firecr.    crosvm     kvmtool    stratov.   alioth
  "no-socket":          row("run without a control socket",      "yes",     "yes",     "refused", "yes",     "yes",     "yes",     "yes"),
  "balloon":            row("have a balloon",                    "yes",     "yes",     "refused", "yes",     "yes",     "refused", "refused"),
  "initial-balloon":    row("start with an inflated balloon",    "refused", "yes",     "refused", "refused", "refused", "refused", "refused"),
  "hotplug":            row("get memory while it runs",          "yes",     "yes",     "refused", "refused", "refused", "refused", "refused"),
  "hugepages":          row("have its memory in huge pages",     "ignored", "yes",     "ignored", "ignored", "ignored", "ignored", "ignored"),
  "share-9p":           row("share folders over 9p",             "yes",     "refused", "refused", "broken",  "yes",     "fails",   "refused"),
  "share-9p-read-only": row("share folders read-only over 9p",   "yes",     "refused", "refused", "refused", "refused", "fails",   "refused"),
  "share-virtiofs":     row("share folders over virtiofs",       "yes",     "yes",     "refused", "yes",     "refused", "yes",     "yes"),
  "interface-user":     row("have a user-mode network",          "yes",     "refused", "refused", "refused", "yes",     "unproven","refused"),
  "interface-tap":      row("have a tap interface",              "yes",     "yes",     "yes",     "yes",     "yes",     "yes",     "yes"),
  "interface-bridge":   row("join a bridge through a helper",    "yes",     "refused", "refused", "refused", "refused", "unproven","refused"),
  "interface-macvtap":  row("have a macvtap interface",          "yes",     "yes",     "refused", "yes",     "yes",     "yes",     "refused"),
  "tap-vhost":          row("have a tap served by vhost-net",    "yes",     "ignored", "ignored", "ignored", "ignored", "ignored", "ignored"),
  "ports":              row("publish ports of the guest",        "yes",     "refused", "refused", "refused", "refused", "refused", "refused"),
  "vsock":              row("have a vsock address",              "yes",     "yes",     "yes",     "yes",     "yes",     "ignored", "yes"),
  "user":               row("run as another user of the host",   "yes",     "refused", "refused", "refused", "refused", "ignored", "refused"),
  "credentials":        row("hand over credential files",        "yes",     "refused", "refused", "refused", "refused", "refused", "refused"),
  "device-pci":         row("pass PCI devices through",          "yes",     "yes",     "refused", "yes",     "fails",   "refused", "refused"),
  "device-usb":         row("pass USB devices through",          "yes",     "refused", "refused", "refused", "fails",   "unproven","refused"),
  "volume-serial":      row("give volumes a serial number",      "yes",     "yes",     "ignored", "yes",     "ignored", "yes",     "ignored"),
  "volume-direct":      row("open volumes past the page cache",  "yes",     "yes",     "ignored", "yes",     "yes",     "yes",     "ignored"),
  "cpu":                row("emulate a processor",               "yes",     "ignored", "ignored", "ignored", "ignored", "ignored", "ignored"),
  "machine":            row("choose a machine type",             "yes",     "ignored", "ignored", "ignored", "ignored", "ignored", "ignored"),
};
