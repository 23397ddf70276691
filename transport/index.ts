/** Transport, the pure part: frames, handshake, limits, refusals. See README.md. */
export { backoffMs, REDIAL_BACKOFF } from "./backoff.ts";
export type { Backoff } from "./backoff.ts";
export { createCounters } from "./counters.ts";
export type { TransportCounters } from "./counters.ts";
export { ChunkQueue, LARGE_BYTES } from "./chunk-queue.ts";
export type { HeldMessage, Piece } from "./chunk-queue.ts";
export { dialerOf } from "./dial-rule.ts";
export { formatPeerAddress, parsePeerAddress } from "./peer-address.ts";
export type { PeerAddress } from "./peer-address.ts";
export {
  FRAME_BYTES_MAX,
  FRAME_BYTES_TARGET,
  FRAME_HEAD_BYTES,
  FRAME_TAGS,
  HANDSHAKE_BYTES_MAX,
  MESSAGE_BYTES_MAX,
  toWire,
} from "./frame.ts";
export type { HandshakeFrame, Identity } from "./frame.ts";
export { awaitHello, greet, KERNELS_SINCE, PROTOCOL_VERSIONS, stepHandshake } from "./handshake.ts";
export type { HandshakeSelf, HandshakeState, HandshakeStep, Members, Prover, VersionRange } from "./handshake.ts";
export { LogThrottle } from "./log-throttle.ts";
export { isName, parseFrame, PATH_LENGTH_MAX } from "./parse-frame.ts";
export type { ParsedFrame } from "./parse-frame.ts";
export { PathAddresses, PathSlots } from "./paths.ts";
export { NO_PAYLOAD_TYPES, PayloadTypes } from "./payload-types.ts";
export type { PayloadType } from "./payload-types.ts";
export { DEPTH_MAX, findUnplain, PayloadWalk, PLAIN_RULES, REFUSED, VALUES_MAX } from "./plain-data.ts";
export type { PayloadRules } from "./plain-data.ts";
export { Reassembly } from "./reassembly.ts";
export type { LargeMessage } from "./reassembly.ts";
export { formatAddress, isAddress, parseAddress } from "./ref-address.ts";
export {
  CLOSE_REPLACED,
  CLOSE_SHUTDOWN,
  closeCodeOf,
  isWireRefusal,
  REFUSAL_CODES,
  refusalOfCloseCode,
} from "./refusal.ts";
export type { Refusal, RefusalCode } from "./refusal.ts";
export { Malformed, MsgpackScanner } from "./scan-msgpack.ts";
export { BUFFER_KIND, EXTENDED_SINCE, EXTENSION_TYPES, STAND_INS, TYPED_ARRAY_KINDS } from "./wire-types.ts";
