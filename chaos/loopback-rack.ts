/** A rack where nothing but processes is allowed: all hosts are 127.0.0.1 and share a disk, so no link can be cut and no disk filled. */
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import type { Rack } from "./rack.ts";

const ADDRESS = "127.0.0.1";

/** @param why there is nothing better. */
export async function loopbackRack(
  folder: string,
  { names, why }: { readonly names: readonly string[]; readonly why: string },
): Promise<Rack> {
  const ports = await freePorts(2 * names.length);
  const hosts = names.map((name, at) => {
    const disk = join(folder, name);
    mkdirSync(disk);
    const [listenPort = 0, servePort = 0] = ports.slice(2 * at);
    return { name, address: ADDRESS, listenPort, servePort, folder: disk, enter: [] };
  });
  const refuse = (): never => {
    throw new Error(`Cannot do this to a host on loopback: ${why}`);
  };
  return {
    description: "processes on loopback that share a disk",
    hosts,
    missing: { partition: why, "disk-full": why },
    cut: refuse,
    heal: () => {},
    fill: refuse,
    empty: () => {},
  };
}

/** All are open at once before any is let go, so no two are the same. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen({ host: ADDRESS, port: 0 }));
  await Promise.all(servers.map(async (server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map(async (server) => once(server.close(), "close")));
  return ports;
}
