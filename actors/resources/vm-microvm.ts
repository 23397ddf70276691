/**
 * `spec.microvm` of a VM: a NixOS configuration that microvm.nix builds, in place of an image. Needs a node with the driver `microvm-nix`.
 *
 * The fields are those of `MicrovmConfig` (runtime/microvm), which says what they mean and which hypervisor can do which of them.
 */
import Type, { type Static } from "typebox";

const strict = { additionalProperties: false };
const Path = Type.String({ pattern: "^/[^\\u0000]{0,1023}$", description: "an absolute path" });
const Word = Type.String({
  pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$",
  description: "letters, digits, dots and dashes",
});
const MIB_MAX = 16_777_216;

const Interface = Type.Object(
  {
    type: Type.Union([Type.Literal("user"), Type.Literal("tap"), Type.Literal("bridge"), Type.Literal("macvtap")]),
    /** Name of the host's interface; at most 15 characters. */
    id: Type.String({ minLength: 1, maxLength: 64 }),
    mac: Type.String({ maxLength: 64, description: 'a hardware address, as "02:00:00:00:00:01" is' }),
    bridge: Type.Optional(Type.String({ minLength: 1, maxLength: 15 })),
    link: Type.Optional(Type.String({ minLength: 1, maxLength: 15 })),
    mode: Type.Optional(
      Type.Union([
        Type.Literal("private"),
        Type.Literal("vepa"),
        Type.Literal("bridge"),
        Type.Literal("passthru"),
        Type.Literal("source"),
      ]),
    ),
    vhost: Type.Optional(Type.Boolean()),
  },
  strict,
);

const Share = Type.Object(
  {
    tag: Word,
    source: Path,
    mountPoint: Path,
    proto: Type.Union([Type.Literal("9p"), Type.Literal("virtiofs")]),
    readOnly: Type.Optional(Type.Boolean()),
  },
  strict,
);

const Volume = Type.Object(
  {
    image: Word,
    sizeMiB: Type.Optional(Type.Integer({ minimum: 1, maximum: MIB_MAX })),
    mountPoint: Type.Optional(Path),
    label: Type.Optional(Type.String({ minLength: 1, maxLength: 16 })),
    serial: Type.Optional(Type.String({ minLength: 1, maxLength: 20 })),
    direct: Type.Optional(Type.Boolean()),
    readOnly: Type.Optional(Type.Boolean()),
    fsType: Type.Optional(
      Type.Union([
        Type.Literal("ext2"),
        Type.Literal("ext3"),
        Type.Literal("ext4"),
        Type.Literal("xfs"),
        Type.Literal("btrfs"),
        Type.Literal("vfat"),
      ]),
    ),
  },
  strict,
);

const Device = Type.Object(
  {
    bus: Type.Union([Type.Literal("pci"), Type.Literal("usb")]),
    path: Type.String({ minLength: 1, maxLength: 256 }),
  },
  strict,
);

export const VmMicrovm = Type.Object(
  {
    hypervisor: Type.Union(
      [
        Type.Literal("qemu"),
        Type.Literal("cloud-hypervisor"),
        Type.Literal("firecracker"),
        Type.Literal("crosvm"),
        Type.Literal("kvmtool"),
        Type.Literal("stratovirt"),
        Type.Literal("alioth"),
      ],
      { default: "qemu" },
    ),
    /** Text of a NixOS module. It ends up in the store, which everybody on a node can read: no secrets. */
    module: Type.Optional(Type.String({ minLength: 1, maxLength: 262_144, description: "text of a NixOS module" })),
    flake: Type.Optional(
      Type.String({
        pattern: "^[^\\s\\u0000-]\\S{0,1023}$",
        description: 'a flake and the name of a configuration or module in it, as "github:me/config#web"',
      }),
    ),
    interfaces: Type.Optional(Type.Array(Interface, { maxItems: 16 })),
    shares: Type.Optional(Type.Array(Share, { maxItems: 32 })),
    volumes: Type.Optional(Type.Array(Volume, { maxItems: 16 })),
    devices: Type.Optional(Type.Array(Device, { maxItems: 16 })),
    vsockCid: Type.Optional(Type.Integer({ minimum: 0, maximum: 4_294_967_295 })),
    socket: Type.Optional(Type.Boolean()),
    balloon: Type.Optional(Type.Boolean()),
    initialBalloonMiB: Type.Optional(Type.Integer({ minimum: 0, maximum: MIB_MAX })),
    hotplugMiB: Type.Optional(Type.Integer({ minimum: 0, maximum: MIB_MAX })),
    hugepages: Type.Optional(Type.Boolean()),
    cpu: Type.Optional(Word),
    machine: Type.Optional(Word),
    user: Type.Optional(Word),
    credentialFiles: Type.Optional(Type.Record(Type.String({ pattern: "^[A-Za-z0-9_.-]{1,128}$" }), Path)),
  },
  strict,
);
export type VmMicrovm = Static<typeof VmMicrovm>;
