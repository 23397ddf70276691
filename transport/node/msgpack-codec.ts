/**
 * Values to bytes and back, with msgpackr, for plain data only (../plain-data.ts): checked before encoding, and the bytes
 * scanned before decoding (../scan-msgpack.ts says why). Every encoding stands alone: no records, no shared structures.
 *
 * Maps decode to plain objects, integers of 64 bits to bigints, binaries to `Uint8Array` views on the given bytes.
 */
import { addExtension, Packr } from "msgpackr";
import type { Address } from "../../runtime/ports/address.ts";
import type { PayloadCodec } from "../../runtime/ports/payload-codec.ts";
import { Ref, type AnyRef } from "../../runtime/ref.ts";
import { findUnplain, formatAddress, parseAddress, REF_EXTENSION_TYPE, scanMsgpack } from "../index.ts";

export type Encoded =
  | { readonly ok: true; readonly bytes: Uint8Array }
  /** Where in the value is what cannot cross. */
  | { readonly ok: false; readonly detail: string };

export type Decoded = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly detail: string };

export type ResolveRef = (address: Address) => AnyRef;

/** Stands for a ref in what msgpackr returns: its registry of extensions is global, the way to resolve a ref is not. */
class UnresolvedRef {
  readonly address: Address | undefined;

  constructor(address: Address | undefined) {
    this.address = address;
  }
}

addExtension({
  Class: Ref,
  type: REF_EXTENSION_TYPE,
  pack: (ref: AnyRef) => Buffer.from(formatAddress(ref)),
  unpack: (bytes) => new UnresolvedRef(parseAddress(Buffer.from(bytes).toString())),
});

// Without `useToJSON: false` a key "toJSON" in somebody's data would be called.
const packr = new Packr({ useRecords: false, mapsAsObjects: true, moreTypes: false, useToJSON: false });

/** `name` stands for the value in a refusal's detail; `checked` is the part of it that is not known to be plain. */
export function encodePlain(value: unknown, name: string, checked: unknown = value): Encoded {
  const detail = findUnplain(checked, name);
  if (detail !== undefined) return { ok: false, detail };
  try {
    return { ok: true, bytes: packr.pack(value) };
  } catch (error) {
    // What is left: an object of more than 65,535 keys.
    return { ok: false, detail: `${name}: ${(error as Error).message}` };
  }
}

/** Without `resolve` a ref in the bytes is refused. Never throws. */
export function decodePlain(bytes: Uint8Array, resolve?: ResolveRef): Decoded {
  const scanned = scanMsgpack(bytes);
  if (!scanned.ok) return scanned;
  try {
    // A plain view: from a Buffer msgpackr would cut Buffers, whose `slice` is not that of Uint8Array.
    const value: unknown = packr.unpack(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length));
    if (scanned.refs === 0) return { ok: true, value };
    if (resolve === undefined) return { ok: false, detail: "it holds a ref" };
    return { ok: true, value: resolveRefs(value, resolve) };
  } catch (error) {
    return { ok: false, detail: (error as Error).message };
  }
}

/** Puts refs in place of their stand-ins; changes the given value, which nobody else has yet. */
function resolveRefs(value: unknown, resolve: ResolveRef): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (value instanceof UnresolvedRef) {
    if (value.address === undefined) throw new Error("a ref holds no address");
    return resolve(value.address);
  }
  const fields = value as Record<string, unknown>;
  for (const key of Object.keys(fields)) {
    const below = fields[key];
    if (typeof below === "object") fields[key] = resolveRefs(below, resolve);
  }
  return fields;
}

/** The codec of the Raft log in production. Refs may not be in a log: their actors do not outlive the process. */
export const msgpackPayloadCodec: PayloadCodec = {
  encode(value: unknown): Uint8Array {
    const encoded = encodePlain(value, "payload");
    if (!encoded.ok) throw new TypeError(`Cannot encode: ${encoded.detail}`);
    return new Uint8Array(encoded.bytes);
  },
  decode(bytes: Uint8Array): unknown {
    const decoded = decodePlain(bytes);
    if (!decoded.ok) throw new TypeError(`Cannot decode ${bytes.length} bytes: ${decoded.detail}`);
    return decoded.value;
  },
};
