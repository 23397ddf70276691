/** Network cards of a guest. Part of `InstanceLaunch` (hypervisor.ts). */
export type GuestCard = {
  /** The interface's name in the guest; at most 15 characters. */
  readonly name: string;
  /** "02:00:00:00:00:01", small letters. */
  readonly mac: string;
} & (
  | {
      /** The hypervisor's own network, by which ports are forwarded. At most one of a guest's cards. */
      readonly kind: "user";
    }
  | {
      /** A port of a bridge of the host, that its capabilities name. */
      readonly kind: "tap";
      readonly bridge: string;
      /** What the guest is to give the card: "10.1.0.5/24". Default: the guest knows by itself. */
      readonly address?: string;
      /** By which it reaches what is in no network of its cards: "10.1.0.1". */
      readonly gateway?: string;
    }
);
