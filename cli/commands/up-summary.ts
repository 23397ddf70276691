/** What is to be said of a VM that is up: ` on n2, http 127.0.0.1:8080`, or how it ended where that was all. */
import type { Vm } from "../../actors/index.ts";
import { formatEndpoint } from "../endpoint.ts";

export function upSummary({ status }: Vm): string {
  const addresses = status.addresses.map(
    ({ name, address, port }) => `, ${name} ${formatEndpoint({ host: address, port })}`,
  );
  if (status.phase === "Completed") return `, completed: ${status.message}`;
  return status.instance === null ? "" : ` on ${status.instance.node}${addresses.join("")}`;
}

/** The address of the port that is asked about the VM's health by http, or else of its first, as a URL. */
export function pageUrl({ spec, status }: Vm): string | undefined {
  const guest = spec.health?.type === "http" ? spec.health.port : spec.ports[0]?.guest;
  const found = status.addresses.find((address) => address.guest === guest);
  return found === undefined ? undefined : `http://${formatEndpoint({ host: found.address, port: found.port })}/`;
}
