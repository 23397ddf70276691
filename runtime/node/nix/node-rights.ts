/**
 * Which VMs of microvm.nix can run as a user of their own, where the node has users for them: those of QEMU whose runner takes nothing of the host but its
 * volumes and a user-mode network. What the others need is the node's, and is named.
 */
import type { MicrovmConfig } from "../../microvm/index.ts";
import type { RunnerPackage } from "./build/runner-package.ts";

/** Why a VM runs as the node's user, if so; of several reasons the first. */
export function whyNodeUser(config: MicrovmConfig): string | undefined {
  const { hypervisor, interfaces = [], shares = [], devices = [], credentialFiles = {} } = config;
  // Their sockets are reached by a path at each request, and none of them was ever run here.
  if (hypervisor !== "qemu") return `only runners of qemu are started as another user, not of ${hypervisor}`;
  const card = interfaces.find(({ type }) => type !== "user");
  if (card !== undefined) return `its interface "${card.id}" is a ${card.type}, which is the node's`;
  const [share, device, credential] = [shares[0], devices[0], Object.keys(credentialFiles)[0]];
  if (share !== undefined) return `its share "${share.tag}" is a folder of the node, whose files are of many users`;
  if (device !== undefined) return `its device ${device.path} is the node's`;
  if (credential !== undefined) return `its credential "${credential}" is a file of the node`;
  if (config.vsockCid !== undefined) return "its address on the host's vsock takes the node's rights";
  if (config.socket === false) return "without a control socket nothing says when its sockets are there";
  if (config.hugepages === true) return "huge pages take the node's rights";
  return config.user === undefined ? undefined : `its runner becomes the user "${config.user}" by itself`;
}

/** What a runner takes of the host that its VM's spec did not say, so that it cannot do with another user. */
export function whatRunnerTakes({ taps, macvtaps, virtiofs, vsockCid }: RunnerPackage): string | undefined {
  const [card] = [...taps, ...macvtaps];
  if (card !== undefined) return `the interface "${card}"`;
  if (virtiofs[0] !== undefined) return `the share "${virtiofs[0].tag}"`;
  return vsockCid === undefined ? undefined : "an address on the host's vsock";
}
