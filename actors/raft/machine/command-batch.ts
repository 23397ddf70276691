/**
 * Many commands in the payload of one entry. Whoever gathers commands for the log (the machine actor) packs all that wait
 * into one entry, so that what consensus, the log on disk and the transport cost is paid once a batch instead of once a command: an
 * entry of one object and a checksum costs them about as much as 8 KiB of payload do.
 *
 * Each command is its length, as a number of 7 bits a byte with the lowest first, and its bytes. Commands of a batch stand
 * or fall together in the log, and are applied in order, each by itself.
 */

/** How many bytes a batch should have at most; a larger command makes a batch of its own. More delays what waits behind it. */
export const BATCH_BYTES_TARGET: number = 128 * 1024;

/** @returns one payload; what it holds is copied. An empty list makes an empty payload. */
export function packCommands(commands: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const command of commands) size += lengthBytes(command.length) + command.length;
  const payload = new Uint8Array(size);
  let at = 0;
  for (const command of commands) {
    let rest = command.length;
    while (rest >= 0x80) {
      payload[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    payload[at++] = rest;
    payload.set(command, at);
    at += command.length;
  }
  return payload;
}

/**
 * The commands of a payload, as views on it.
 * @throws {RangeError} when the payload is not what `packCommands` makes, which a checksummed log never holds.
 */
export function unpackCommands(payload: Uint8Array): readonly Uint8Array[] {
  const commands: Uint8Array[] = [];
  let at = 0;
  while (at < payload.length) {
    let length = 0;
    let shift = 0;
    let byte: number;
    do {
      byte = payload[at++] ?? refuse(payload);
      length |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte >= 0x80 && shift < 28);
    const end = at + length;
    if (byte >= 0x80 || end > payload.length) refuse(payload);
    commands.push(payload.subarray(at, end));
    at = end;
  }
  return commands;
}

function lengthBytes(length: number): number {
  let bytes = 1;
  for (let rest = length >>> 7; rest > 0; rest >>>= 7) bytes += 1;
  return bytes;
}

function refuse(payload: Uint8Array): never {
  throw new RangeError(`Cannot read a batch of commands of ${payload.length} bytes: it ends inside a command`);
}
