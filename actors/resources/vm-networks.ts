/**
 * `spec.networks` of a VM: its network cards. Absent: one card by QEMU's user-mode network, as `eth0`. Only nodes that give guests cards run a VM that
 * names any, and a card in a bridge wants a node that offers that bridge (`Node.spec.bridges`). User's guide: docs/networks.md.
 */
import Type, { type Static } from "typebox";

const strict = { additionalProperties: false };
/** As many as a machine has room for beside eight disks. */
const CARDS_MAX = 8;
/** Linux's limit for the name of an interface, without its NUL. */
const INTERFACE_NAME = { pattern: "^[a-z]([a-z0-9-]{0,13}[a-z0-9])?$" };

export const VmNetwork = Type.Object(
  {
    name: Type.String({
      ...INTERFACE_NAME,
      description: "1 to 15 small letters, digits and dashes: the interface's name in the guest",
    }),
    /** `user`: QEMU's own network, through which ports are published. `tap`: a port of a bridge of the node. */
    kind: Type.Union([Type.Literal("user"), Type.Literal("tap")], { default: "user" }),
    /** Of the node, for `tap`. */
    bridge: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$",
        description: "the name of a bridge, at most 15 characters",
      }),
    ),
    /** Default: made of the VM's identity, so that no other VM has it, a clone among them. */
    mac: Type.Optional(
      Type.String({
        pattern: "^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$",
        description: 'a hardware address, as "02:00:00:00:00:01" is',
      }),
    ),
    /** The guest's own on a `tap`. Default: what it gets there by itself. */
    address: Type.Optional(
      Type.String({
        pattern: "^([0-9]{1,3}\\.){3}[0-9]{1,3}/[0-9]{1,2}$",
        description: 'an IPv4 address and the length of its network\'s prefix, as "10.1.0.5/24" is',
      }),
    ),
    /** Where what is not in that network goes, in place of the user-mode network. */
    gateway: Type.Optional(
      Type.String({ pattern: "^([0-9]{1,3}\\.){3}[0-9]{1,3}$", description: 'an IPv4 address, as "10.1.0.1" is' }),
    ),
  },
  strict,
);
export type VmNetwork = Static<typeof VmNetwork>;

export const VmNetworks = Type.Array(VmNetwork, { maxItems: CARDS_MAX });
