/** The receiving process of the remote benchmark: says on which port it listens, and ends with its parent. */
import { echo, sink } from "./remote-actors.ts";
import { RECEIVER, SENDER, startRemoteNode } from "./remote-node.ts";

// Nothing listens there; this node is dialed, never the other way round.
const node = await startRemoteNode(RECEIVER, SENDER, { host: "127.0.0.1", port: 1 });
node.system.spawn(sink(), { name: "sink" });
node.system.spawn(echo(), { name: "echo" });

process.once("disconnect", () => void node.close());
process.send?.({ port: node.port });
