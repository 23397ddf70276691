/** Transport, the pure part: frames, handshake, limits, refusals. See README.md. */
export { backoffMs, REDIAL_BACKOFF } from "./backoff.ts";
export type { Backoff } from "./backoff.ts";
export { createCounters } from "./counters.ts";
export type { DropReason, TransportCounters } from "./counters.ts";
export { dialerOf } from "./dial-rule.ts";
export { FRAME_BYTES_MAX, FRAME_TAGS, HANDSHAKE_BYTES_MAX, toWire } from "./frame.ts";
export type { Frame, HandshakeFrame, Identity, WireEnvelope } from "./frame.ts";
export { awaitHello, greet, PROTOCOL_VERSIONS, stepHandshake } from "./handshake.ts";
export type { HandshakeSelf, HandshakeState, HandshakeStep, Members, Prover, VersionRange } from "./handshake.ts";
export { LogThrottle } from "./log-throttle.ts";
export { ENVELOPE_BYTES_MAX, Outbox } from "./outbox.ts";
export { isName, parseFrame } from "./parse-frame.ts";
export type { FrameEnds, ParsedFrame } from "./parse-frame.ts";
export { DEPTH_MAX, findUnplain, VALUES_MAX } from "./plain-data.ts";
export { formatAddress, isAddress, parseAddress, REF_EXTENSION_TYPE } from "./ref-address.ts";
export {
  CLOSE_REPLACED,
  CLOSE_SHUTDOWN,
  closeCodeOf,
  isWireRefusal,
  REFUSAL_CODES,
  refusalOfCloseCode,
} from "./refusal.ts";
export type { Refusal, RefusalCode } from "./refusal.ts";
export { scanMsgpack } from "./scan-msgpack.ts";
