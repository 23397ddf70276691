/** The receiving process of the remote benchmark: says on which ports it listens and how much memory it has, ends with its parent. */
import { serveBareEcho } from "./bare-echo.ts";
import { echo, sink, slowSink } from "./remote-actors.ts";
import { SLOW_HANDLE_US } from "./remote-memory.ts";
import { RECEIVER, SENDER, startRemoteNode } from "./remote-node.ts";

// Nothing listens there; this node is dialed, never the other way round.
const node = await startRemoteNode(RECEIVER, SENDER, { host: "127.0.0.1", port: 1 });
node.system.spawn(sink(), { name: "sink" });
node.system.spawn(echo(), { name: "echo" });
node.system.spawn(slowSink(SLOW_HANDLE_US), { name: "slow", mailbox: { capacity: 1000, overflow: "back-pressure" } });

const bare = await serveBareEcho();
process.once("disconnect", () => {
  bare.close();
  void node.close();
});
process.on("message", () => process.send?.({ memory: process.memoryUsage() }));
process.send?.({ port: node.port, barePort: bare.port });
