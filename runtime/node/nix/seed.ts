/**
 * What makes a guest this instance and no other, as a disk that every hypervisor can attach: a cpio archive, padded to whole sectors.
 *
 * An archive and no file system: nothing has to be mounted or made by a root, and any guest can unpack it. It holds the instance's files
 * and, where the VM has a command, the script that sets its environment and becomes it.
 */
import type { InstanceLaunch } from "../../ports/hypervisor.ts";
import { cpioArchive, type CpioEntry } from "../cpio.ts";
import { startScript } from "../qemu/guest-files.ts";

const SECTOR_BYTES = 512;

export function seedDisk(launch: InstanceLaunch): Buffer {
  const file = (path: string, content: string, mode: number): CpioEntry => {
    return { type: "file", path, mode, content: Buffer.from(content, "utf8") };
  };
  const archive = cpioArchive([
    ...launch.files.map(({ path, content, mode }) => file(path, content, Number.parseInt(mode, 8))),
    // After the user's files: it is not theirs to replace.
    ...(launch.command.length > 0 ? [file("/etc/blixard/start", startScript(launch), 0o700)] : []),
  ]);
  const padding = (SECTOR_BYTES - (archive.length % SECTOR_BYTES)) % SECTOR_BYTES;
  return Buffer.concat([archive, Buffer.alloc(padding)]);
}
