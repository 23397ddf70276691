/**
 * What the machine layer writes into an entry of the log: a head, then the commands that were gathered into it
 * (`command-batch.ts`). Byte 0 of the head says what it is; tags are appended, never reused.
 *
 *     time      0 │ replicated time, 6 bytes
 *     commands  1 │ life, 6 │ number, 6 │ for each command with a session: position, 2 │ sequence, 6 │ after, 6 │ length, 1 │ name
 *
 * `life` and `number` name the block at its maker: a random number of this life of the actor, and a count. So a node that
 * applies a block knows at once whether it is its own, wherever in the log it came to stand and whoever led.
 */
import type { SessionUse } from "../sessions/session-table.ts";
import { packCommands, unpackCommands } from "./command-batch.ts";
import type { MachineCommand } from "./machine-protocol.ts";
import { isUint48, readUint48, UINT48_BYTES, writeUint48 } from "./uint48.ts";

/** A session's name is longer than any random one needs to be. */
const SESSION_NAME_MAX = 64;

/** Most commands in a block: their positions have two bytes, and what waits behind a block waits for all of it. */
export const BLOCK_COMMANDS_MAX = 4096;

const TIME = 0;
const COMMANDS = 1;
const COMMANDS_HEAD_BYTES = 1 + 2 * UINT48_BYTES;
const SESSION_HEAD_BYTES = 2 + 2 * UINT48_BYTES + 1;

export type MachineEntry =
  /** Replicated time is at least that. */
  | { readonly type: "time"; readonly toMs: number }
  | {
      readonly type: "commands";
      readonly life: number;
      readonly number: number;
      readonly commands: readonly Uint8Array[];
      /** By position; only commands with a session are in it. */
      readonly sessions: ReadonlyMap<number, SessionUse> | null;
    };

export function encodeTime(toMs: number): Uint8Array {
  const head = new Uint8Array(1 + UINT48_BYTES);
  head[0] = TIME;
  writeUint48(head, 1, toMs);
  return packCommands([head]);
}

/** A block of at most `BLOCK_COMMANDS_MAX` commands whose sessions have passed `isSession`. */
export function encodeCommands(
  { life, number }: { readonly life: number; readonly number: number },
  commands: readonly MachineCommand[],
): Uint8Array {
  let size = COMMANDS_HEAD_BYTES;
  for (const { session } of commands) if (session) size += SESSION_HEAD_BYTES + session.session.length;
  const head = new Uint8Array(size);
  head[0] = COMMANDS;
  let at = writeUint48(head, writeUint48(head, 1, life), number);
  const parts: Uint8Array[] = [head];
  for (let position = 0; position < commands.length; position++) {
    const command = commands[position] as MachineCommand;
    parts.push(command.bytes);
    if (command.session) at = writeSession(head, at, position, command.session);
  }
  return packCommands(parts);
}

/** Whether a session can be written down: a name of 1 to 64 printable ASCII characters, numbers below 2^48. */
export function isSession({ session, sequence, after }: SessionUse): boolean {
  if (session.length < 1 || session.length > SESSION_NAME_MAX || !isUint48(sequence) || !isUint48(after)) return false;
  for (let i = 0; i < session.length; i++) {
    const unit = session.charCodeAt(i);
    if (unit < 0x20 || unit > 0x7e) return false;
  }
  return true;
}

/** @throws {RangeError} for what this version does not know, or is no entry of the machine layer. */
export function decodeEntry(payload: Uint8Array): MachineEntry {
  const parts = unpackCommands(payload);
  const head = parts[0];
  if (head?.[0] === TIME && head.length === 1 + UINT48_BYTES) return { type: "time", toMs: readUint48(head, 1) };
  if (head?.[0] !== COMMANDS || head.length < COMMANDS_HEAD_BYTES) {
    throw new RangeError(
      `Cannot apply an entry of ${payload.length} bytes: its kind ${head?.[0]} is unknown to this version; run the one that wrote it`,
    );
  }
  return {
    type: "commands",
    life: readUint48(head, 1),
    number: readUint48(head, 1 + UINT48_BYTES),
    commands: parts.slice(1),
    sessions: head.length === COMMANDS_HEAD_BYTES ? null : readSessions(head),
  };
}

function writeSession(head: Uint8Array, from: number, position: number, use: SessionUse): number {
  head[from] = position >>> 8;
  head[from + 1] = position;
  const at = writeUint48(head, writeUint48(head, from + 2, use.sequence), use.after);
  head[at] = use.session.length;
  for (let i = 0; i < use.session.length; i++) head[at + 1 + i] = use.session.charCodeAt(i);
  return at + 1 + use.session.length;
}

function readSessions(head: Uint8Array): ReadonlyMap<number, SessionUse> {
  const sessions = new Map<number, SessionUse>();
  for (let at = COMMANDS_HEAD_BYTES; at < head.length;) {
    const position = ((head[at] ?? 0) << 8) | (head[at + 1] ?? 0);
    const sequence = readUint48(head, at + 2);
    const after = readUint48(head, at + 2 + UINT48_BYTES);
    const from = at + SESSION_HEAD_BYTES;
    at = from + (head[from - 1] ?? 0);
    sessions.set(position, { session: readAscii(head, from, at), sequence, after });
  }
  return sessions;
}

/** @internal Characters of one byte each. */
export function readAscii(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i] ?? 0);
  return text;
}
