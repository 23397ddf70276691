/**
 * MessagePack by msgpackr: the one instance of it, what it is told, and the extension of wire-types.ts.
 *
 * Every encoding stands alone: no records, no shared structures. What it writes has been through a `PayloadWalk`, what it
 * reads through a `MsgpackScanner`.
 */
import { addExtension, Packr, RESET_BUFFER_MODE } from "msgpackr";
import type { Address } from "../../runtime/ports/address.ts";
import { Ref, type AnyRef } from "../../runtime/ref.ts";
import { EXTENSION_TYPES, formatAddress, parseAddress } from "../index.ts";

/** In place of a ref in what msgpackr returns: its registry of extensions is global, the way to resolve a ref is not. */
export class UnresolvedRef {
  /** Undefined when there was none in the bytes. */
  readonly address: Address | undefined;

  constructor(address: Address | undefined) {
    this.address = address;
  }
}

// For peers of version 1.
addExtension({
  Class: Ref,
  type: EXTENSION_TYPES.ref,
  pack: (ref: AnyRef) => Buffer.from(formatAddress(ref)),
  unpack: (bytes) => new UnresolvedRef(parseAddress(Buffer.from(bytes).toString())),
});

const packr = new Packr({
  useRecords: false,
  mapsAsObjects: true,
  moreTypes: false,
  // Without it a key "toJSON" in somebody's data would be called.
  useToJSON: false,
  // Without it an object of more than 65,535 keys is an error.
  variableMapSize: true,
});

const SCRATCH_BYTES = 8 * 1024;

/** What is written into grows with the largest value, and is not kept beyond this. */
const SCRATCH_BYTES_KEPT = 2 * 1024 * 1024;

/** The bytes are there until the next call. Throws what getters throw. */
export function packValue(value: unknown): Buffer {
  const bytes = packr.pack(value, RESET_BUFFER_MODE);
  if (bytes.buffer.byteLength > SCRATCH_BYTES_KEPT) packr.useBuffer(Buffer.allocUnsafeSlow(SCRATCH_BYTES));
  return bytes;
}

/** The value that the bytes from `start` to `end` are. Binaries are views on them. */
export function unpackValue(bytes: Uint8Array, start: number = 0, end: number = bytes.length): unknown {
  // A plain view: of a Buffer msgpackr would cut Buffers, whose `slice` is not that of Uint8Array.
  return packr.unpack(new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start));
}
