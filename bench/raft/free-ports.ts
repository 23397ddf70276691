/** Ports of 127.0.0.1 that nobody has, for processes that must know each other's before they listen. */
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

/** All are open at once before any is let go, so no two are the same. Another program may still be quicker than who uses them. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen({ host: "127.0.0.1", port: 0 });
      await once(server, "listening");
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(
    servers.map(async (server) => {
      server.close();
      await once(server, "close");
    }),
  );
  return ports;
}
