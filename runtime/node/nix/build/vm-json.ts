/**
 * The data of one VM's flake (vm.json): what an `InstanceLaunch` asks for, in the names of microvm.nix's options.
 *
 * It depends on the VM and not on the instance, so that a restart finds its runner built: ports of the host, environment and files come
 * with the seed and the control socket. It does not depend on the node either, so that a closure that was built elsewhere is the same.
 */
import { createHash } from "node:crypto";
import { arch } from "node:os";
import type { InstanceLaunch } from "../../../ports/hypervisor.ts";
import type { MicrovmConfig, MicrovmInterface, MicrovmVolume, VmmName } from "../../../microvm/index.ts";

export interface VmJson {
  readonly name: string;
  readonly hostName: string;
  readonly system: string;
  /** Is there a module.nix? */
  readonly module: boolean;
  /** What of the VM's own flake is meant. */
  readonly own: string | null;
  readonly kernelParams: readonly string[];
  /** What ends this hypervisor's process from inside. */
  readonly endAction: "reboot" | "poweroff";
  /** Options of microvm.nix, as they are. */
  readonly microvm: Readonly<Record<string, unknown>>;
}

/** Files in the instance's folder, which is the hypervisor's working folder. */
export const SEED_FILE = "seed.img";
export const VOLUMES = "volumes";
export const NIX_AGENT_SOCKET = "agent.sock";
/** A socket's path has 107 bytes at most, and `virtiofsd` adds to it: a short name for all. */
export const CONTROL_SOCKET = "vmm.sock";
/** The name of the virtio port inside the guest. */
const AGENT_PORT = "blixard";
/** The user-mode interface that a VM gets which names none. */
export const USER_INTERFACE = "blixard";

/** Under which action of the guest a hypervisor's process ends (microvm.nix, README of its runners). */
const END_ACTIONS: Readonly<Record<VmmName, "reboot" | "poweroff">> = {
  qemu: "reboot",
  "cloud-hypervisor": "poweroff",
  firecracker: "reboot",
  crosvm: "reboot",
  kvmtool: "reboot",
  stratovirt: "poweroff",
  alioth: "poweroff",
};

const SYSTEMS: Readonly<Record<string, string>> = { x64: "x86_64-linux", arm64: "aarch64-linux" };

/**
 * What a guest of QEMU needs where there is no KVM. microvm.nix's own choice, without PIT and PIC, hangs at TSC calibration; even with them
 * one boot in ten does, unless the calibration is left out.
 */
const EMULATED_MACHINE = { accel: "tcg", acpi: "on", pit: "on", pic: "on", rtc: "on", "x-option-roms": "off" };
const EMULATED_PARAMETERS = ["tsc_early_khz=2600000", "noreplace-smp", "mitigations=off"];

export interface VmJsonOptions {
  /** QEMU is to emulate the processor: this host has no KVM. */
  readonly emulate: boolean;
}

export function vmJson(launch: InstanceLaunch, options: VmJsonOptions): VmJson {
  const config: MicrovmConfig = launch.microvm ?? { hypervisor: "qemu" };
  const emulate = options.emulate && config.hypervisor === "qemu" && config.cpu === undefined;
  return {
    name: launch.vm,
    hostName: launch.vm,
    system: SYSTEMS[arch()] ?? `${arch()}-linux`,
    module: config.module !== undefined,
    own: config.flake === undefined ? null : (splitFlake(config.flake).name ?? "default"),
    kernelParams: emulate ? EMULATED_PARAMETERS : [],
    endAction: END_ACTIONS[config.hypervisor],
    microvm: {
      hypervisor: config.hypervisor,
      vcpu: launch.vcpus,
      mem: launch.memoryMiB,
      socket: config.socket === false ? null : CONTROL_SOCKET,
      interfaces: interfacesOf(config, launch.vm),
      volumes: [{ image: SEED_FILE, autoCreate: false, readOnly: true }, ...(config.volumes ?? []).map(volumeOf)],
      ...present("shares", config.shares),
      ...present("devices", config.devices),
      ...present("credentialFiles", config.credentialFiles),
      ...present("balloon", config.balloon ?? launch.balloon),
      ...present("initialBalloonMem", config.initialBalloonMiB),
      ...present("hotplugMem", config.hotplugMiB),
      ...present("hugepageMem", config.hugepages),
      ...present("user", config.user),
      ...(config.vsockCid === undefined ? {} : { vsock: { cid: config.vsockCid } }),
      ...(emulate ? { cpu: "max" } : present("cpu", config.cpu)),
      ...(config.hypervisor === "qemu" ? { qemu: qemuOptions(config, emulate) } : {}),
    },
  };
}

/** A flake reference and the name behind its `#`. */
export function splitFlake(flake: string): { readonly reference: string; readonly name: string | undefined } {
  const at = flake.indexOf("#");
  if (at < 0) return { reference: flake, name: undefined };
  return { reference: flake.slice(0, at), name: flake.slice(at + 1) || undefined };
}

function qemuOptions(config: MicrovmConfig, emulate: boolean): Readonly<Record<string, unknown>> {
  // As microvm.nix decides it (lib/runners/qemu.nix, requirePci).
  const needsPci =
    (config.machine ?? "microvm") !== "microvm" ||
    (config.shares ?? []).length > 0 ||
    (config.devices ?? []).some(({ bus }) => bus === "pci");
  const machineOpts = config.machine === undefined && { ...EMULATED_MACHINE, ...(needsPci ? { pcie: "on" } : {}) };
  return {
    ...present("machine", config.machine),
    ...(emulate ? { machineOpts: machineOpts || { accel: "tcg" } } : {}),
    extraArgs: [
      ...["-chardev", `socket,id=${AGENT_PORT},path=${NIX_AGENT_SOCKET},server=on,wait=off`],
      ...["-device", `virtio-serial-${needsPci ? "pci" : "device"}`],
      ...["-device", `virtserialport,chardev=${AGENT_PORT},name=${AGENT_PORT}`],
    ],
  };
}

function interfacesOf(config: MicrovmConfig, vm: string): readonly unknown[] {
  if (config.interfaces !== undefined && config.interfaces.length > 0) return config.interfaces.map(interfaceOf);
  return config.hypervisor === "qemu" ? [{ type: "user", id: USER_INTERFACE, mac: macAddress(vm) }] : [];
}

function interfaceOf({ type, id, mac, bridge, link, mode, vhost }: MicrovmInterface): unknown {
  return {
    ...{ type, id, mac },
    ...present("bridge", bridge),
    ...(type === "macvtap" ? { macvtap: { link, mode } } : {}),
    ...(vhost === true ? { tap: { vhost } } : {}),
  };
}

function volumeOf({ image, sizeMiB, mountPoint, ...rest }: MicrovmVolume): unknown {
  return {
    image: `${VOLUMES}/${image}`,
    autoCreate: sizeMiB !== undefined,
    ...present("size", sizeMiB),
    mountPoint: mountPoint ?? null,
    ...rest,
  };
}

/** Stable for a VM, and locally administered. */
function macAddress(vm: string): string {
  const digits = createHash("sha256").update(`blixard microvm ${vm}`).digest("hex");
  return ["02", ...[0, 2, 4, 6, 8].map((at) => digits.slice(at, at + 2))].join(":");
}

function present<Value>(name: string, value: Value | undefined): Readonly<Record<string, Value>> {
  return value === undefined ? {} : { [name]: value };
}
