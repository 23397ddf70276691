/**
 * What a VM may ask of microvm.nix, as plain data: the part of `InstanceLaunch` that only the driver `microvm-nix` carries out.
 *
 * The names follow microvm.nix's options (`microvm.*`). What hypervisor can do which of it: hypervisor-matrix.ts.
 */
export type VmmName = "qemu" | "cloud-hypervisor" | "firecracker" | "crosvm" | "kvmtool" | "stratovirt" | "alioth";

export interface MicrovmConfig {
  readonly hypervisor: VmmName;
  /** Text of a NixOS module. */
  readonly module?: string;
  /** Reference of a flake and, after `#`, the name of one of its `nixosConfigurations` or `nixosModules`; without a name, `default`. */
  readonly flake?: string;
  readonly interfaces?: readonly MicrovmInterface[];
  readonly shares?: readonly MicrovmShare[];
  readonly volumes?: readonly MicrovmVolume[];
  readonly devices?: readonly MicrovmDevice[];
  /** The guest's address on the host's vsock; nobody else's on its node. */
  readonly vsockCid?: number;
  /** false: no control socket, so no pause and no shutdown by the hypervisor. Default: true. */
  readonly socket?: boolean;
  readonly balloon?: boolean;
  readonly initialBalloonMiB?: number;
  /** Memory that may be added while the guest runs. */
  readonly hotplugMiB?: number;
  readonly hugepages?: boolean;
  /** Model of an emulated processor; without it the host's own. */
  readonly cpu?: string;
  /** QEMU's machine type. Default: "microvm". */
  readonly machine?: string;
  /** User of the host that the hypervisor becomes. */
  readonly user?: string;
  /** By name of the credential: a file of the host. */
  readonly credentialFiles?: Readonly<Record<string, string>>;
}

export interface MicrovmInterface {
  readonly type: "user" | "tap" | "bridge" | "macvtap";
  /** Name of the host's interface. */
  readonly id: string;
  /** 48 bits: "02:00:00:00:00:01". */
  readonly mac: string;
  /** The host's bridge, for `bridge`. */
  readonly bridge?: string;
  /** The host's interface that a `macvtap` hangs on, and how. */
  readonly link?: string;
  readonly mode?: "private" | "vepa" | "bridge" | "passthru" | "source";
  /** In-kernel forwarding of a `tap`. */
  readonly vhost?: boolean;
}

export interface MicrovmShare {
  readonly tag: string;
  /** Folder of the host. */
  readonly source: string;
  /** Folder of the guest. */
  readonly mountPoint: string;
  readonly proto: "9p" | "virtiofs";
  readonly readOnly?: boolean;
}

export interface MicrovmVolume {
  /** File name in the VM's own folder of the node. */
  readonly image: string;
  /** Made with this size where there is none yet. */
  readonly sizeMiB?: number;
  readonly mountPoint?: string;
  readonly label?: string;
  readonly serial?: string;
  /** Past the host's page cache. */
  readonly direct?: boolean;
  readonly readOnly?: boolean;
  readonly fsType?: "ext2" | "ext3" | "ext4" | "xfs" | "btrfs" | "vfat";
}

export interface MicrovmDevice {
  readonly bus: "pci" | "usb";
  /** As the hypervisor writes it: "0000:06:00.1", "vendorid=0xabcd,productid=0x0123". */
  readonly path: string;
}
