/**
 * Commands and queries of the store as bytes, which is how they travel and how they lie in the log.
 *
 *     command   operation, key's length (2 bytes), key, then:  put: value
 *                                                              delete: nothing
 *                                                              cas: 1 and its length (4 bytes) and the expected value,
 *                                                                   or 0 for "must be absent"; then the new value
 *     query     key
 *     result    put: nothing    delete, cas: 1 when it acted, else 0    get: 0, or 1 and the value
 *
 * Keys and values are byte strings: JavaScript strings of one character a byte, which V8 keeps in its own heap at one byte a
 * character. A `Uint8Array` for each value would cost an allocation outside the heap, and a view would hold on to the frame
 * it came in.
 */

const KEY_BYTES_MAX = 65_535;

const OPERATIONS = { put: 1, delete: 2, cas: 3 } as const;
const HEAD_BYTES = 3;

export type KvCommand =
  | { readonly type: "put"; readonly key: string; readonly value: string }
  | { readonly type: "delete"; readonly key: string }
  /** `expected`: null for a key that must be absent. */
  | { readonly type: "cas"; readonly key: string; readonly expected: string | null; readonly value: string };

/** Text as a byte string, in UTF-8. */
export function toByteString(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** The text of a byte string. */
export function fromByteString(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** @throws {RangeError} when the key is empty or longer than `KEY_BYTES_MAX`. */
export function encodeCommand(command: KvCommand): Uint8Array {
  const { key } = command;
  checkKey(key);
  const value = command.type === "delete" ? "" : command.value;
  const expected = command.type === "cas" ? command.expected : null;
  const casBytes = command.type === "cas" ? 1 + (expected === null ? 0 : 4 + expected.length) : 0;
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + key.length + casBytes + value.length);
  bytes[0] = OPERATIONS[command.type];
  bytes[1] = key.length >>> 8;
  bytes[2] = key.length;
  let at = HEAD_BYTES + bytes.write(key, HEAD_BYTES, "latin1");
  if (command.type === "cas") {
    bytes[at++] = expected === null ? 0 : 1;
    if (expected !== null) {
      at = bytes.writeUInt32BE(expected.length, at);
      at += bytes.write(expected, at, "latin1");
    }
  }
  bytes.write(value, at, "latin1");
  return bytes;
}

/** @throws {RangeError} when the bytes are no command. */
export function decodeCommand(command: Uint8Array): KvCommand {
  const bytes = bufferOn(command);
  const keyEnd = HEAD_BYTES + (((bytes[1] ?? 0) << 8) | (bytes[2] ?? 0));
  if (keyEnd === HEAD_BYTES || bytes.length < keyEnd) throw notACommand(bytes);
  const key = bytes.toString("latin1", HEAD_BYTES, keyEnd);
  switch (bytes[0]) {
    case OPERATIONS.put:
      return { type: "put", key, value: bytes.toString("latin1", keyEnd) };
    case OPERATIONS.delete:
      return { type: "delete", key };
    case OPERATIONS.cas:
      return decodeCas(bytes, key, keyEnd);
    default:
      throw notACommand(bytes);
  }
}

/** @throws {RangeError} as `encodeCommand`. */
export function encodeQuery(key: string): Uint8Array {
  checkKey(key);
  return Buffer.from(key, "latin1");
}

/** The key that a query asks for. */
export function decodeQuery(query: Uint8Array): string {
  return bufferOn(query).toString("latin1");
}

export function encodeValue(value: string | undefined): Uint8Array {
  if (value === undefined) return NO;
  const bytes = Buffer.allocUnsafe(1 + value.length);
  bytes[0] = 1;
  bytes.write(value, 1, "latin1");
  return bytes;
}

/** Null when the key was absent. */
export function decodeValue(result: Uint8Array): string | null {
  return result[0] === 1 ? bufferOn(result).toString("latin1", 1) : null;
}

/** Results that say one thing only; shared, so nobody may change them. */
export const YES: Uint8Array = Uint8Array.of(1);
export const NO: Uint8Array = Uint8Array.of(0);
export const DONE: Uint8Array = new Uint8Array(0);

function decodeCas(bytes: Buffer, key: string, from: number): KvCommand {
  if (bytes[from] === 0) return { type: "cas", key, expected: null, value: bytes.toString("latin1", from + 1) };
  const start = from + 5;
  if (bytes[from] !== 1 || bytes.length < start) throw notACommand(bytes);
  const end = start + bytes.readUInt32BE(from + 1);
  if (bytes.length < end) throw notACommand(bytes);
  const expected = bytes.toString("latin1", start, end);
  return { type: "cas", key, expected, value: bytes.toString("latin1", end) };
}

function bufferOn(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function checkKey(key: string): void {
  if (key.length >= 1 && key.length <= KEY_BYTES_MAX) return;
  throw new RangeError(`Cannot use a key of ${key.length} bytes: wanted 1 to ${KEY_BYTES_MAX}`);
}

function notACommand(bytes: Uint8Array): RangeError {
  return new RangeError(`Cannot read a command of ${bytes.length} bytes: it is not one of this store's`);
}
