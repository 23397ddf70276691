/**
 * `spec.disks` and `spec.cloudInit` of a VM: what its guest finds beside its image. Only nodes with the driver `qemu` have them.
 *
 * A disk's content lives and ends with the VM's instance: the guest finds it again when it is started again on its node, after a crash too, and a new
 * instance (after a stop, a new spec, on another node) begins with a new one. An `rbd:` image is no instance's and stays.
 */
import Type, { type Static } from "typebox";

const strict = { additionalProperties: false };
/** 4 TiB. */
const SIZE_MIB_MAX = 4_194_304;
/** As many as there are letters for in a screen; QEMU's machine has room for some more. */
const DISKS_MAX = 8;

export const VmDisk = Type.Object(
  {
    name: Type.String({
      pattern: "^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$",
      description: "1 to 20 small letters, digits and dashes: the disk's serial number, /dev/disk/by-id/virtio-NAME",
    }),
    source: Type.Optional(
      Type.String({
        pattern:
          "^([A-Za-z0-9][A-Za-z0-9._-]{0,127}|rbd:[A-Za-z0-9][A-Za-z0-9._-]{0,127}/[A-Za-z0-9][A-Za-z0-9._-]{0,127})$",
        description:
          'a file in the folder "disk-images" of the node\'s data, raw or qcow2, or "rbd:POOL/IMAGE"; without it, empty',
      }),
    ),
    /** What the guest can write at most. Default: the size of the image. */
    sizeMiB: Type.Optional(Type.Integer({ minimum: 1, maximum: SIZE_MIB_MAX })),
    readOnly: Type.Boolean({ default: false }),
    /** The file system that its node makes on an empty disk. Default: none, which is the guest's to make. */
    format: Type.Optional(Type.Literal("ext4")),
  },
  strict,
);
export type VmDisk = Static<typeof VmDisk>;

export const VmDisks = Type.Array(VmDisk, { maxItems: DISKS_MAX });

export const VmCloudInit = Type.Object(
  {
    userData: Type.Optional(
      Type.String({ maxLength: 262_144, description: 'as cloud-init takes it, "#cloud-config…"' }),
    ),
    /** Default: the VM's name. */
    hostName: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$",
        description: "a host name of letters, digits and dashes",
      }),
    ),
    sshKeys: Type.Array(
      Type.String({ pattern: "^[^\\u0000-\\u001f]{1,16384}$", description: "a public key, on one line" }),
      {
        maxItems: 64,
        default: [],
      },
    ),
  },
  strict,
);
export type VmCloudInit = Static<typeof VmCloudInit>;
