import { remotingContract } from "../../contract/remoting.ts";
import { WsCluster } from "./ws-cluster.ts";

remotingContract("ws", (nodes) => WsCluster.create(nodes));
