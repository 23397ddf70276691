/**
 * Says what is wrong with what a VM asks of microvm.nix, before Nix runs: wishes that its hypervisor cannot fulfil (hypervisor-matrix.ts),
 * and what microvm.nix's own assertions would refuse minutes later.
 *
 * Used at both ends: by the API for manifests, and by the driver for what a map of another version may hold.
 */
import { HYPERVISOR_MATRIX, type MicrovmFeature, SUPPORT_WORDS, VMM_NAMES } from "./hypervisor-matrix.ts";
import type { MicrovmConfig, MicrovmInterface } from "./microvm-config.ts";

export interface MicrovmProblem {
  /** Where in the config, as a path of names and numbers: ["interfaces", 0, "id"]. */
  readonly path: readonly (string | number)[];
  /** Why it cannot be and what would help: "firecracker cannot have a balloon: …; cloud-hypervisor, qemu can". */
  readonly why: string;
}

/** What of the rest of the VM decides what is possible. */
export interface MicrovmSurroundings {
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly publishesPorts: boolean;
}

interface Wish {
  readonly feature: MicrovmFeature;
  readonly path: readonly (string | number)[];
}

/** Linux's limit, without the NUL. */
const INTERFACE_NAME_CHARACTERS_MAX = 15;
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i;
const INTERFACE_NAME = /^[A-Za-z0-9._-]+$/;
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
/** 0 to 2 mean the hypervisor, the local and the host's side. */
const VSOCK_CID_MIN = 3;
const VSOCK_CID_MAX = 4_294_967_294;
/** Firecracker's, whose processors microvm.nix makes halves of cores. */
const FIRECRACKER_VCPUS_MAX = 32;
/** QEMU hangs with exactly 2 GiB: microvm.nix issue 171. */
const QEMU_HANGS_MIB = 2048;

/** Everything that is wrong, in the order of the fields; empty when it can be tried. */
export function checkMicrovm(config: MicrovmConfig, around: MicrovmSurroundings): readonly MicrovmProblem[] {
  return [
    ...wishesOf(config, around).flatMap((wish) => lookUp(config, wish)),
    ...checkSources(config),
    ...checkInterfaces(config, around),
    ...checkShares(config),
    ...checkVolumes(config),
    ...checkMachine(config, around),
  ];
}

/** What `config` wants that not every hypervisor has. */
function wishesOf(config: MicrovmConfig, around: MicrovmSurroundings): readonly Wish[] {
  const wish = (wanted: boolean, feature: MicrovmFeature, ...path: (string | number)[]): Wish[] =>
    wanted ? [{ feature, path }] : [];
  return [
    ...wish(config.socket === false, "no-socket", "socket"),
    ...wish(config.balloon === true, "balloon", "balloon"),
    ...wish((config.initialBalloonMiB ?? 0) > 0, "initial-balloon", "initialBalloonMiB"),
    ...wish((config.hotplugMiB ?? 0) > 0, "hotplug", "hotplugMiB"),
    ...wish(config.hugepages === true, "hugepages", "hugepages"),
    ...wish(config.cpu !== undefined, "cpu", "cpu"),
    ...wish(config.machine !== undefined, "machine", "machine"),
    ...wish(config.user !== undefined, "user", "user"),
    ...wish(config.vsockCid !== undefined, "vsock", "vsockCid"),
    ...wish(Object.keys(config.credentialFiles ?? {}).length > 0, "credentials", "credentialFiles"),
    ...wish(around.publishesPorts, "ports", "hypervisor"),
    ...(config.interfaces ?? []).flatMap(({ type, vhost }, at) => [
      ...wish(true, `interface-${type}`, "interfaces", at, "type"),
      ...wish(vhost === true, "tap-vhost", "interfaces", at, "vhost"),
    ]),
    ...(config.shares ?? []).flatMap(({ proto, readOnly }, at) =>
      wish(true, proto === "9p" && readOnly === true ? "share-9p-read-only" : `share-${proto}`, "shares", at, "proto"),
    ),
    ...(config.volumes ?? []).flatMap(({ serial, direct }, at) => [
      ...wish(serial !== undefined, "volume-serial", "volumes", at, "serial"),
      ...wish(direct === true, "volume-direct", "volumes", at, "direct"),
    ]),
    ...(config.devices ?? []).flatMap(({ bus }, at) => wish(true, `device-${bus}`, "devices", at, "bus")),
  ];
}

function lookUp({ hypervisor }: MicrovmConfig, { feature, path }: Wish): readonly MicrovmProblem[] {
  const { words, support } = HYPERVISOR_MATRIX[feature];
  const found = support[hypervisor];
  if (found === "yes") return [];
  const able = VMM_NAMES.filter((name) => support[name] === "yes");
  return [{ path, why: `${hypervisor} cannot ${words}: ${SUPPORT_WORDS[found]}; ${able.join(", ")} can` }];
}

function checkSources({ module, flake }: MicrovmConfig): readonly MicrovmProblem[] {
  if (module === undefined || flake === undefined) return [];
  return [{ path: ["flake"], why: "there is a module already: give one of both, the flake may import the other" }];
}

function checkInterfaces(
  { interfaces = [], socket = true }: MicrovmConfig,
  { publishesPorts }: MicrovmSurroundings,
): readonly MicrovmProblem[] {
  const problems = interfaces.flatMap((one, at) => checkInterface(one, at));
  const hasUser = interfaces.length === 0 || interfaces.some(({ type }) => type === "user");
  if (publishesPorts && !hasUser) {
    problems.push({
      path: ["interfaces"],
      why: 'ports are published through a user-mode network: add an interface of type "user", or none at all',
    });
  }
  if (publishesPorts && !socket) {
    problems.push({ path: ["socket"], why: "ports are published over the control socket: leave it on" });
  }
  return [...problems, ...repeated(interfaces, "id", "interfaces"), ...repeated(interfaces, "mac", "interfaces")];
}

function checkInterface(one: MicrovmInterface, at: number): MicrovmProblem[] {
  const problem = (field: keyof MicrovmInterface, why: string): MicrovmProblem => ({
    path: ["interfaces", at, field],
    why,
  });
  const { type, id, mac, bridge, link, mode } = one;
  const problems: MicrovmProblem[] = [];
  if (id.length > INTERFACE_NAME_CHARACTERS_MAX) {
    problems.push(problem("id", `"${id}" has ${id.length} characters, Linux takes ${INTERFACE_NAME_CHARACTERS_MAX}`));
  } else if (!INTERFACE_NAME.test(id)) problems.push(problem("id", `"${id}" cannot name an interface of Linux`));
  if (!MAC.test(mac)) problems.push(problem("mac", `"${mac}" is no hardware address, as "02:00:00:00:00:01" is`));
  else if (Number.parseInt(mac.slice(0, 2), 16) % 2 === 1) {
    problems.push(problem("mac", `"${mac}" is a group's address: its first byte is odd`));
  }
  if (type === "bridge" && bridge === undefined) problems.push(problem("bridge", "a bridge has to be named"));
  if (type !== "bridge" && bridge !== undefined) {
    problems.push(problem("bridge", `a ${type} interface joins no bridge: leave it out, or choose the type "bridge"`));
  }
  if (type === "macvtap" && (link === undefined || mode === undefined)) {
    problems.push(problem(link === undefined ? "link" : "mode", "a macvtap needs the host's interface and a mode"));
  }
  return problems;
}

function checkShares({ shares = [] }: MicrovmConfig): readonly MicrovmProblem[] {
  const tags = shares.flatMap(({ tag }, at): MicrovmProblem[] =>
    FILE_NAME.test(tag)
      ? []
      : [{ path: ["shares", at, "tag"], why: `"${tag}" is no tag: letters, digits, dots and dashes` }],
  );
  const paths = shares.flatMap(({ source, mountPoint }, at): MicrovmProblem[] => [
    ...(source.startsWith("/") ? [] : [{ path: ["shares", at, "source"], why: `"${source}" is no absolute path` }]),
    ...(mountPoint.startsWith("/")
      ? []
      : [{ path: ["shares", at, "mountPoint"], why: `"${mountPoint}" is no absolute path` }]),
  ]);
  return [...tags, ...paths, ...repeated(shares, "tag", "shares")];
}

function checkVolumes({ volumes = [] }: MicrovmConfig): readonly MicrovmProblem[] {
  const problems = volumes.flatMap(({ image, sizeMiB, readOnly }, at): MicrovmProblem[] => [
    ...(FILE_NAME.test(image)
      ? []
      : [
          {
            path: ["volumes", at, "image"],
            why: `"${image}" is no plain file name; volumes lie in the VM's own folder`,
          },
        ]),
    ...(sizeMiB === undefined && readOnly !== true
      ? [{ path: ["volumes", at, "sizeMiB"], why: "a volume that is to be made needs a size" }]
      : []),
  ]);
  return [...problems, ...repeated(volumes, "image", "volumes")];
}

function checkMachine(config: MicrovmConfig, { vcpus, memoryMiB }: MicrovmSurroundings): readonly MicrovmProblem[] {
  const { hypervisor, machine = "microvm", vsockCid } = config;
  const problems: MicrovmProblem[] = [];
  if (hypervisor === "firecracker" && (vcpus > FIRECRACKER_VCPUS_MAX || (vcpus > 1 && vcpus % 2 === 1))) {
    const why = `firecracker takes 1 or an even number of processors up to ${FIRECRACKER_VCPUS_MAX}, wanted ${vcpus}`;
    problems.push({ path: ["hypervisor"], why });
  }
  if (hypervisor === "qemu" && memoryMiB === QEMU_HANGS_MIB) {
    problems.push({ path: ["hypervisor"], why: "qemu hangs with exactly 2048 MiB: give the VM 2047 or 2049" });
  }
  if (hypervisor === "qemu" && machine === "microvm" && (config.hotplugMiB ?? 0) > 0) {
    const why = 'qemu\'s machine type "microvm" cannot get memory while it runs: choose the machine "q35"';
    problems.push({ path: ["hotplugMiB"], why });
  }
  if (vsockCid !== undefined && (vsockCid < VSOCK_CID_MIN || vsockCid > VSOCK_CID_MAX)) {
    const why = `${vsockCid} is taken by the system: addresses of guests are ${VSOCK_CID_MIN} to ${VSOCK_CID_MAX}`;
    problems.push({ path: ["vsockCid"], why });
  }
  return problems;
}

/** Entries whose `key` an earlier one has. */
function repeated<Entry extends object>(
  entries: readonly Entry[],
  key: keyof Entry & string,
  field: keyof MicrovmConfig,
): readonly MicrovmProblem[] {
  return entries.flatMap((entry, at) => {
    const first = entries.findIndex((earlier) => earlier[key] === entry[key]);
    if (first === at) return [];
    return [{ path: [field, at, key], why: `"${String(entry[key])}" is that of ${field}[${first}] already` }];
  });
}
