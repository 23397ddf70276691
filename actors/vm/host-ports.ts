/** Chooses host ports for the guest ports of a VM that do not fix one. */
import type { PortForward, Random } from "../../runtime/index.ts";
import type { VmAddress, VmPort } from "../resources/index.ts";

/** Below Linux's default ephemeral range (32768), so that outgoing connections do not take them. */
const RANGE = { first: 20_000, count: 10_000 };

/** A random free-looking port for each unfixed one; whether it is free shows when the instance starts. */
export function chooseHostPorts(ports: readonly VmPort[], hostAddress: string, random: Random): PortForward[] {
  const taken = new Set(ports.map((port) => port.host));
  return ports.map((port) => {
    let hostPort = port.host;
    while (hostPort === undefined) {
      const candidate = RANGE.first + random.integer(RANGE.count);
      if (!taken.has(candidate)) hostPort = candidate;
    }
    taken.add(hostPort);
    return { name: port.name, guestPort: port.guest, hostAddress, hostPort };
  });
}

export function toAddresses(forwards: readonly PortForward[]): VmAddress[] {
  return forwards.map(({ name, guestPort, hostAddress, hostPort }) => ({
    name,
    guest: guestPort,
    address: hostAddress,
    port: hostPort,
  }));
}
