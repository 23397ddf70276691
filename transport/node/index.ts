/** Transport on Node.js: the remoting port over WebSockets, MessagePack for payloads. */
export { ConfiguredPeers } from "./configured-peers.ts";
export type { PeerAddress } from "../index.ts";
export { msgpackPayloadCodec } from "./msgpack-codec.ts";
export { TRANSPORT_TIMING } from "./timing.ts";
export type { TransportTiming } from "./timing.ts";
export { TransportError } from "./transport-error.ts";
export type { TransportErrorCode } from "./transport-error.ts";
export { createWsRemoting } from "./ws-remoting.ts";
export type { WsRemoting } from "./ws-remoting.ts";
export type { WsRemotingOptions } from "./ws-remoting-options.ts";
