/** Refuses what cannot be started before anything of it is: values that no driver could carry out, ports in use. */
import { createServer } from "node:net";
import type { DriverName, HypervisorCapabilities, InstanceLaunch, PortForward } from "../../ports/hypervisor.ts";
import { isPlainAbsolutePath } from "../cpio.ts";
import { StartRefusal } from "./machine-driver.ts";

const ENVIRONMENT_NAME = /^[A-Za-z_]\w*$/;
const FILE_MODE = /^0?[0-7]{3,4}$/;

const CARD_NAME = /^[a-z][a-z0-9-]{0,14}$/;
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

/** @throws {StartRefusal} `unsupported`, naming the value. */
export function checkLaunch(
  launch: InstanceLaunch,
  driver: DriverName,
  { lacks }: Pick<HypervisorCapabilities, "lacks">,
): void {
  const refuse = (message: string): never => {
    throw new StartRefusal("unsupported", message);
  };
  if (launch.microvm !== undefined && driver !== "microvm-nix") {
    refuse(`the driver "${driver}" runs no NixOS configurations: it takes a node with the driver microvm-nix`);
  }
  if ((launch.disks !== undefined || launch.cloudInit !== undefined) && driver !== "qemu") {
    refuse(`the driver "${driver}" gives its guests no disks: it takes a node with the driver qemu`);
  }
  if (launch.networks !== undefined && lacks.networks !== undefined) {
    refuse(`the driver "${driver}" gives its guests no network cards (${lacks.networks})`);
  }
  for (const { name, mac } of launch.networks ?? []) {
    if (!CARD_NAME.test(name)) refuse(`network "${name}": its name is not 1 to 15 small letters, digits and dashes`);
    if (!MAC.test(mac)) refuse(`network "${name}": "${mac}" is no hardware address`);
  }
  for (const [name, value] of Object.entries(launch.env)) {
    if (!ENVIRONMENT_NAME.test(name)) refuse(`"${name}" cannot be the name of an environment variable`);
    if (value.includes("\0")) refuse(`environment variable ${name} holds a NUL character`);
  }
  if (launch.command.some((word) => word.includes("\0"))) refuse("the command holds a NUL character");
  if (launch.command[0] === "") refuse("the command's first word is empty");
  for (const { path, mode } of launch.files) {
    if (!isPlainAbsolutePath(path)) refuse(`file "${path}": the path must be absolute, without "." and ".."`);
    if (!FILE_MODE.test(mode)) refuse(`file "${path}": mode "${mode}" is not octal, as in "0644"`);
  }
}

/**
 * Tries each port by listening on it for a moment. Another program may still take it before the instance does; the driver
 * has to understand that failure too.
 * @throws {StartRefusal} `port-in-use` or `failed`, naming address and port.
 */
export async function checkPorts(ports: readonly PortForward[]): Promise<void> {
  for (const port of ports) {
    const error = await listenError(port);
    if (error === undefined) continue;
    const place = `${port.hostAddress}:${port.hostPort}`;
    if (error.code === "EADDRINUSE") {
      throw new StartRefusal("port-in-use", `port "${port.name}": ${place} is in use by another program`, error);
    }
    throw new StartRefusal("failed", `port "${port.name}": cannot listen on ${place} (${error.message})`, error);
  }
}

async function listenError(port: PortForward): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", resolve);
    server.listen({ host: port.hostAddress, port: port.hostPort, exclusive: true }, () => {
      server.close(() => resolve(undefined));
    });
  });
}
