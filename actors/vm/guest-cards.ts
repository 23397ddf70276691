/** The network cards of a VM's spec, as a hypervisor takes them: each with the address that it has on every node. */
import type { GuestCard, InstanceLaunch } from "../../runtime/index.ts";
import { cardAddress, type Vm, type VmNetwork } from "../resources/index.ts";

/** Absent where the spec names none: the driver gives its guest the card that it gives all. */
export function cardsOf({ metadata, spec: { networks } }: Vm): Pick<InstanceLaunch, "networks"> {
  return networks === undefined ? {} : { networks: networks.map((network) => cardOf(metadata, network)) };
}

function cardOf(metadata: Vm["metadata"], { name, kind, bridge, mac, address, gateway }: VmNetwork): GuestCard {
  const card = { name, mac: mac?.toLowerCase() ?? cardAddress(metadata, name) };
  if (kind === "user") return { ...card, kind };
  const wanted = { ...(address === undefined ? {} : { address }), ...(gateway === undefined ? {} : { gateway }) };
  // Without a bridge no spec is valid; a driver refuses an empty name.
  return { ...card, kind, bridge: bridge ?? "", ...wanted };
}
