/**
 * The payload codec port: plain data to bytes and back, for what goes into the Raft log.
 *
 * Drivers: MessagePack (`transport/node/`); ASCII JSON (`runtime/json-codec.ts`), which needs nothing of a platform and so
 * serves the simulator.
 */
export interface PayloadCodec {
  encode(value: unknown): Uint8Array;
  /** @throws when the bytes are not one whole value. */
  decode(bytes: Uint8Array): unknown;
}
