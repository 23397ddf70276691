/**
 * Disks of a guest, and what it is told of itself by cloud-init's NoCloud source. Parts of `InstanceLaunch` (hypervisor.ts).
 *
 * A disk that a host makes belongs to the instance: it is there again at each start of its guest on that host, and goes when the instance is over
 * (`Hypervisor.keepOnly`). Nothing copies it to another host.
 */
export interface GuestDisk {
  /** The disk's serial number in the guest, where it is /dev/disk/by-id/virtio-NAME. 20 characters at most: all that virtio has room for. */
  readonly name: string;
  /** Where its content begins. Default: it is empty, and has `sizeMiB`. */
  readonly source?: DiskSource;
  /** What the guest can write at most. Default: the size of the image. */
  readonly sizeMiB?: number;
  readonly readOnly: boolean;
  /** The file system that the host makes on it, once, before the guest sees it. Default: none. */
  readonly format?: "ext4";
}

export type DiskSource =
  /** A file in the host's folder of disk images, raw or qcow2. It is only ever read: what the guest writes is the instance's own. */
  | { readonly type: "image"; readonly file: string }
  /** An image of a Ceph cluster that the host knows (/etc/ceph). It is no instance's, and outlives all of them. */
  | { readonly type: "rbd"; readonly pool: string; readonly image: string };

export interface CloudInit {
  /** As cloud-init takes it: "#cloud-config" and YAML, or a script. Default: "". */
  readonly userData?: string;
  /** Default: the VM's name. */
  readonly hostName?: string;
  /** Public keys, as in `authorized_keys`. */
  readonly sshKeys: readonly string[];
}

/** Do all hosts that can reach it see the same disk? */
export function isShared(disk: GuestDisk): boolean {
  return disk.source?.type === "rbd";
}
