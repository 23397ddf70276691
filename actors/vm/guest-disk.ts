/** The disks of a VM's spec and its words for cloud-init, as a hypervisor takes them. */
import type { CloudInit, DiskSource, GuestDisk, InstanceLaunch } from "../../runtime/index.ts";
import type { VmCloudInit, VmDisk, VmSpec } from "../resources/index.ts";

/** Absent where the spec has none. */
export function disksOf({ disks, cloudInit }: VmSpec): Pick<InstanceLaunch, "disks" | "cloudInit"> {
  return {
    ...(disks === undefined ? {} : { disks: disks.map(guestDisk) }),
    ...(cloudInit === undefined ? {} : { cloudInit: cloudInitOf(cloudInit) }),
  };
}

function guestDisk({ name, source, sizeMiB, readOnly, format }: VmDisk): GuestDisk {
  return {
    name,
    readOnly,
    ...(source === undefined ? {} : { source: sourceOf(source) }),
    ...(sizeMiB === undefined ? {} : { sizeMiB }),
    ...(format === undefined ? {} : { format }),
  };
}

function sourceOf(text: string): DiskSource {
  const [, pool, image] = /^rbd:([^/]+)\/(.+)$/.exec(text) ?? [];
  return pool === undefined || image === undefined ? { type: "image", file: text } : { type: "rbd", pool, image };
}

function cloudInitOf({ userData, hostName, sshKeys }: VmCloudInit): CloudInit {
  return { sshKeys, ...(userData === undefined ? {} : { userData }), ...(hostName === undefined ? {} : { hostName }) };
}
