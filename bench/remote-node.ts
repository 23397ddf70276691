/** One node of the remote benchmark: an actor system over ws on loopback, the same in both processes. */
import { ActorSystem, createRandom } from "../runtime/index.ts";
import { createNodeDispatcher, nodeClock } from "../runtime/node/index.ts";
import { createWsRemoting, type PeerAddress, type WsRemoting } from "../transport/node/index.ts";

/** The sender's name sorts first, so it dials; the receiver listens where the system lets it. */
export const SENDER = "a";
export const RECEIVER = "b";

export interface RemoteNode {
  readonly system: ActorSystem;
  readonly transport: WsRemoting;
  readonly port: number;
  /** Resolves with the first link. */
  readonly linked: Promise<void>;
  close(): Promise<void>;
}

export async function startRemoteNode(node: string, peer: string, address: PeerAddress): Promise<RemoteNode> {
  const transport = createWsRemoting({
    node,
    incarnation: `${node}-bench`,
    clusterId: "bench",
    token: "known to both processes of this benchmark",
    listen: { port: 0 },
    peers: new Map([[peer, address]]),
    clock: nodeClock,
    random: createRandom(node),
    logger: { log: () => {} },
  });
  const linked = new Promise<void>((resolve) => {
    transport.remoting.onLink(({ type }) => {
      if (type === "up") resolve();
    });
  });
  const system = ActorSystem.create({
    node,
    world: {
      clock: nodeClock,
      random: createRandom(node),
      dispatcher: createNodeDispatcher(),
      remoting: transport.remoting,
    },
  });
  const { port } = await transport.start();
  const close = async (): Promise<void> => {
    system.stop();
    await transport.close();
  };
  return { system, transport, port, linked, close };
}
