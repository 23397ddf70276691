/**
 * The store as a state machine: what `actors/raft/machine` replicates. Nothing but the state and the command decides what happens.
 *
 * A snapshot is written from a view of the map, while the map goes on changing; see `KvState`.
 */
import type { MachineRestore, MachineSnapshot, StateMachine } from "../../actors/raft/machine/state-machine.ts";
import { decodeCommand, decodeQuery, DONE, encodeValue, NO, YES } from "./kv-command.ts";
import { KvState } from "./kv-state.ts";

/** Keys and values in a part of a snapshot: about a millisecond of work. */
const PART_BYTES = 256 * 1024;

const KEY_HEAD_BYTES = 2;
const VALUE_HEAD_BYTES = 4;

export class KvMachine implements StateMachine {
  #state = new KvState();

  apply(bytes: Uint8Array): Uint8Array {
    const command = decodeCommand(bytes);
    switch (command.type) {
      case "put":
        this.#state.set(command.key, command.value);
        return DONE;
      case "delete":
        return this.#state.delete(command.key) ? YES : NO;
      case "cas":
        if ((this.#state.get(command.key) ?? null) !== command.expected) return NO;
        this.#state.set(command.key, command.value);
        return YES;
      default:
        return command satisfies never;
    }
  }

  query(bytes: Uint8Array): Uint8Array {
    return encodeValue(this.#state.get(decodeQuery(bytes)));
  }

  snapshot(): MachineSnapshot {
    const view = this.#state.view();
    return {
      next: () => {
        const entries = view.next(PART_BYTES);
        if (entries.length > 0) return encodeEntries(entries);
        view.close();
        return null;
      },
    };
  }

  restore(): MachineRestore {
    const state = new KvState();
    return {
      add: (part) => decodeEntries(part, state),
      finish: () => {
        this.#state = state;
      },
    };
  }
}

function encodeEntries(entries: readonly (readonly [string, string])[]): Uint8Array {
  let size = 0;
  for (const [key, value] of entries) size += KEY_HEAD_BYTES + key.length + VALUE_HEAD_BYTES + value.length;
  const part = Buffer.allocUnsafe(size);
  let at = 0;
  for (const [key, value] of entries) {
    at = part.writeUInt16BE(key.length, at);
    at += part.write(key, at, "latin1");
    at = part.writeUInt32BE(value.length, at);
    at += part.write(value, at, "latin1");
  }
  return part;
}

function decodeEntries(bytes: Uint8Array, state: KvState): void {
  const part = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < part.length;) {
    const keyEnd = at + KEY_HEAD_BYTES + part.readUInt16BE(at);
    const valueEnd = keyEnd + VALUE_HEAD_BYTES + part.readUInt32BE(keyEnd);
    const key = part.toString("latin1", at + KEY_HEAD_BYTES, keyEnd);
    state.set(key, part.toString("latin1", keyEnd + VALUE_HEAD_BYTES, valueEnd));
    at = valueEnd;
  }
}
